"""Which strategies an environment has, and what a rolling update takes from the configuration."""

import textwrap
from datetime import timedelta
from pathlib import Path

import pytest

from bot.config import Settings, loads
from bot.domain.actions import Bake, DeployCanary, RollOut, WarmUp
from bot.domain.traffic import ByColour, ByService, Preview
from bot.wiring.deployables import deployables, plan_writers
from tests.support.builders import a_request

_TEXT = """
version: 1
slack: {{channels: {{deploys: "#deploys"}}}}
roles: {{deployer: ["@engineers"], approver: ["@oncall"]}}
applications:
  checkout:
    repository: {{path: .}}
    image: registry.example/checkout
    defaults: {{strategy: {default}}}
    rolling: {{max_surge: {surge}, bake: 5m}}
    metrics: {{url: "http://127.0.0.1:9090"}}
    environments:
      production:
        platform: {{kind: kubernetes, namespace: shop, workload: checkout, traffic: {{kind: {traffic}}}}}
"""


def configured(
    folder: Path, *, traffic: str = "istio", default: str = "canary", surge: str = "1"
) -> Settings:
    text = _TEXT.format(traffic=traffic, default=default, surge=surge)
    return loads(textwrap.dedent(text), folder=folder)


@pytest.mark.parametrize(
    ("traffic", "default", "offered"),
    [
        ("istio", "canary", ("canary", "rolling")),
        ("istio", "rolling", ("rolling", "canary")),
        ("service", "canary", ("rolling",)),
        ("service", "blue-green", ("blue-green", "rolling")),
        ("istio", "blue-green", ("canary", "rolling")),
    ],
)
def test_an_environment_has_what_its_traffic_allows_the_default_first(
    tmp_path: Path, traffic: str, default: str, offered: tuple[str, ...]
) -> None:
    (one,) = deployables(configured(tmp_path, traffic=traffic, default=default))

    assert one.strategies == offered


def test_a_plain_service_is_called_as_the_platform_has_it(tmp_path: Path) -> None:
    (one,) = deployables(configured(tmp_path, traffic="service"))

    assert one.target.traffic == ByService(service="checkout")


_COLOURS = """
    blue_green:
      label: track
      service: web
      preview: {service: web-preview, url: "http://green.example", host_header: green.example}
      ready_timeout: 1m
      warm_up: {requests: 7, path: /api}
      bake: 3m
      error_rate: 2%
"""


def test_colours_are_as_the_configuration_has_them(tmp_path: Path) -> None:
    text = _TEXT.format(traffic="service", default="blue-green", surge="1")
    settings = loads(
        text.replace("    metrics:", f"{_COLOURS.strip(chr(10))}\n    metrics:"), folder=tmp_path
    )
    (where,) = deployables(settings)

    preview = Preview(service="web-preview", url="http://green.example", host_header="green.example")
    assert where.colours == ByColour(service="web", label="track", preview=preview)
    plan = plan_writers(settings)["blue-green"](
        a_request(), where.with_(target=where.target.with_(traffic=where.colours))
    )
    (warm_up,) = (step.action for step in plan.steps if isinstance(step.action, WarmUp))
    (bake,) = (step.action for step in plan.steps if isinstance(step.action, Bake))
    (deploy,) = (step for step in plan.steps if isinstance(step.action, DeployCanary))
    assert (warm_up.requests, warm_up.path) == (7, "/api")
    assert (bake.duration, bake.fail_above) == (timedelta(minutes=3), 0.02)
    assert deploy.timeout == timedelta(minutes=1)


@pytest.mark.parametrize(
    ("written", "sent"), [("3", 3), ("25%", "25%"), ("7%", "7%"), ("29%", "29%"), ("0.5%", "1%")]
)
def test_how_many_pods_may_be_written_as_a_share(tmp_path: Path, written: str, sent: int | str) -> None:
    settings = configured(tmp_path, surge=written)
    (where,) = deployables(settings)

    plan = plan_writers(settings)["rolling"](a_request().with_(strategy="rolling"), where)

    (rollout,) = (step.action for step in plan.steps if isinstance(step.action, RollOut))
    assert rollout.max_surge == sent
