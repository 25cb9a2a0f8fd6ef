"""The team's staging, from its file to the records that strategies know."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.analysis import Limits
from bot.clients.clock import RealClock
from bot.clients.kube import KubeClient
from bot.config import ConfigErrors, loads
from bot.domain.plan import Plan
from bot.domain.traffic import ByService
from bot.steps import catalogue
from bot.wiring.deployables import deployables, plan_writers
from bot.wiring.worlds import Worlds
from tests.support.builders import a_request
from tests.support.stand_ins import settings_for

STAGING = {
    "platform": {"namespace": "staging", "workload": "checkout", "container": "checkout"},
    "url": "http://127.0.0.1:9",
    "smoke": {"run": "make smoke VERSION=$version", "timeout": "2m"},
    "journeys": [
        {
            "name": "buy",
            "steps": [
                {"method": "POST", "path": "/login", "save": {"token": "$.token"}},
                {"path": "/cart/{token}", "expect": {"within": "1s", "body": {"contains": "ok"}}},
            ],
        }
    ],
    "watch": {"for": "20m", "errors": 3, "memory_slope": "1%/m"},
}


def settings(tmp_path: Path, staging: dict[str, Any]) -> Any:
    told = settings_for("http://127.0.0.1:9", tmp_path, {}, {})
    told["applications"]["checkout"]["environments"]["staging"] = staging
    return loads(yaml.safe_dump(told), folder=tmp_path)


def planned(tmp_path: Path, staging: dict[str, Any]) -> Plan:
    loaded = settings(tmp_path, staging)
    (one,) = deployables(loaded)
    return plan_writers(loaded)["canary"](a_request().with_(version="v2.5.0"), one)


def test_all_that_is_declared_is_planned(tmp_path: Path) -> None:
    plan = planned(tmp_path, STAGING)

    assert plan.staging is not None
    there = plan.staging.target
    assert (there.namespace, there.traffic) == ("staging", ByService(service="checkout"))
    assert there.health_paths == ("/health", "/health/database", "/health/dependencies")
    smoke, journeys, watch = (
        plan.step(f"staging/{name}").action.model_dump()["action"] for name in ("smoke", "journeys", "watch")
    )
    assert (smoke["command"], smoke["limit"]) == (("make", "smoke", "VERSION=v2.5.0"), timedelta(minutes=2))
    assert [one["path"] for one in journeys["journeys"][0]["requests"]] == ["/login", "/cart/{token}"]
    assert watch["duration"] == timedelta(minutes=20)
    assert watch["errors"] == 3
    assert watch["memory_growth"] == pytest.approx(0.6)


@pytest.mark.parametrize(
    "traffic",
    [
        {"kind": "istio", "virtual_service": "checkout"},
        {"kind": "gateway-api", "route": "checkout"},
        {"kind": "alb", "rule": "arn:1", "stable": "arn:2", "canary": "arn:3"},
    ],
)
def test_what_shares_traffic_out_there_does_not_matter(tmp_path: Path, traffic: dict[str, str]) -> None:
    plan = planned(tmp_path, {**STAGING, "platform": {**STAGING["platform"], "traffic": traffic}})

    assert plan.staging is not None
    assert plan.staging.target.traffic == ByService(service="checkout")


def test_on_another_platform_nothing_is_rehearsed_and_it_is_said(tmp_path: Path) -> None:
    plan = planned(tmp_path, {"platform": {"kind": "heroku", "app": "checkout-staging"}})

    assert plan.staging is None
    assert "A rehearsal on heroku is not built yet: nothing is rehearsed." in plan.findings


def test_without_an_address_it_is_said_what_is_not_asked(tmp_path: Path) -> None:
    plan = planned(tmp_path, {"platform": STAGING["platform"]})

    assert "Staging has no url, so its health paths are not asked." in plan.findings


@pytest.mark.parametrize(("lasting", "is_too_short"), [("2m", True), ("5m", False)])
def test_a_watch_too_short_to_tell_a_leak_is_said(tmp_path: Path, lasting: str, is_too_short: bool) -> None:
    plan = planned(tmp_path, STAGING | {"watch": {"for": lasting}})

    assert any("to tell whether memory grows" in finding for finding in plan.findings) is is_too_short


@pytest.mark.parametrize("workload", ["checkout", "checkout-canary", "checkout-blue", "checkout-green"])
def test_a_staging_that_is_production_is_refused(tmp_path: Path, workload: str) -> None:
    platform = {"namespace": "production", "workload": workload}

    with pytest.raises(ConfigErrors, match="is what production serves from too"):
        settings(tmp_path, {"platform": platform})


def test_a_staging_that_leads_to_production_is_refused(tmp_path: Path) -> None:
    address = {"url": "http://127.0.0.1:9", "host_header": "checkout.example.com"}

    with pytest.raises(ConfigErrors, match="leads to production"):
        settings(tmp_path, STAGING | address)


def test_a_staging_whose_figures_would_be_counted_as_productions_is_refused(tmp_path: Path) -> None:
    platform = {"namespace": "production", "workload": "checkout-staging"}

    with pytest.raises(ConfigErrors, match="figures of both would be counted as one"):
        settings(tmp_path, STAGING | {"platform": platform})


def test_production_is_driven_whatever_has_become_of_staging(tmp_path: Path) -> None:
    """Its context may have gone from the configuration since the plan was made."""
    elsewhere = {**STAGING["platform"], "context": "gone"}
    plan = planned(tmp_path, STAGING | {"platform": elsewhere})
    loaded = settings(tmp_path, STAGING)
    world = Worlds(loaded, RealClock(), {None: KubeClient(None)})(plan)

    assert world.staging is None
    assert "on-staging" in catalogue(world, Limits())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"url": None}, "is needed to walk the journeys"),
        ({"journeys": [{"name": "buy", "steps": [{"path": "/{token}"}]}]}, r"no step before saves \{token\}"),
        (
            {"journeys": [{"name": "buy", "steps": [{"path": "/", "save": {"a": "$.[["}}]}]},
            "is not a JSON path",
        ),
        *(
            ({"journeys": [{"name": "buy", "steps": [{"path": "/", "save": {"a": path}}]}]}, said)
            for path, said in (
                ("$..x", "leads to several places"),
                ("$.a | $.b", "is not a JSON path"),
                ("$[?(@.a =~ /(a+)+b/)]", "is not a JSON path"),
                ("$[?@.a==1e999]", "leads to several places|is not a JSON path"),
            )
        ),
    ],
)
def test_a_journey_that_could_not_be_walked_is_refused(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigErrors, match=said):
        settings(tmp_path, STAGING | changes)
