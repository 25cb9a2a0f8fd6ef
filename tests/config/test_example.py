"""The published example loads, and each of its keys means what its comment says."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.config import Ratio, S3Place, Settings, TimesBaseline, Who, WhoKind, load, loads, not_built_yet
from bot.domain.errors import UnknownThing

EXAMPLE = Path(__file__).with_name("example.yaml")

MINIMAL = """\
slack: {channels: {deploys: "#deploys"}}
applications:
  shop:
    image: registry.example.com/shop
    environments:
      production:
        platform: {namespace: prod, workload: shop}
"""


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load(EXAMPLE)


def test_slack_and_roles_are_read(settings):
    assert settings.slack.command == "/deploy"
    assert (settings.slack.http.listen.host, settings.slack.http.listen.port) == ("127.0.0.1", 3000)
    assert str(settings.slack.channels.deploys) == "#deploys"
    assert [channel.name for channel in settings.slack.channels.stakeholders] == ["releases"]
    assert settings.roles.viewer == ()
    assert settings.roles.approver == (Who(kind=WhoKind.HANDLE, name="oncall"),)


def test_paths_are_relative_to_the_file(settings):
    checkout = settings.application("checkout")

    assert settings.storage.url == f"sqlite:///{EXAMPLE.parent / 'slackwater.db'}"
    assert settings.storage.artifacts == EXAMPLE.parent / "artifacts"
    assert checkout.repository.path == EXAMPLE.parent.parent / "checkout"


def test_production_says_where_it_runs_and_who_is_asked(settings):
    production = settings.application("checkout").environments["production"]

    assert production.platform.namespace == "production"
    assert production.platform.services.canary == "checkout-canary"
    assert production.platform.traffic.virtual_service == "checkout"
    assert production.platform.traffic.route is None
    assert production.smoke.run.words == ("npm", "run", "test:smoke", "--", "--env=production")
    assert production.approvals.required == "each-shift"
    assert production.approvals.requester_may_approve is False
    assert production.approvals.escalate_to == (Who(kind=WhoKind.HANDLE, name="platform"),)
    assert production.approvals.expire == timedelta(minutes=60)


def test_staging_says_what_is_rehearsed_and_asks_nobody(settings):
    staging = settings.application("checkout").environments["staging"]

    first, second = staging.journeys[0].steps
    assert (first.method, first.path, first.body) == ("POST", "/login", {"user": "test"})
    assert first.expect.within == timedelta(seconds=1)
    assert first.save == {"token": "$.token"}
    assert second.headers == {"authorization": "Bearer {token}"}
    assert second.expect.body.contains == "ok"
    assert staging.watch.lasting == timedelta(minutes=15)
    assert str(staging.watch.memory_slope) == "10%/h"
    assert staging.strategy == "rolling"
    assert staging.drill
    assert staging.approvals.required == "none"


def test_the_canary_rises_in_five_stages(settings):
    canary = settings.application("checkout").canary

    assert [(stage.weight, stage.bake) for stage in canary.stages] == [
        (5, timedelta(minutes=30)),
        (10, timedelta(minutes=15)),
        (25, timedelta(minutes=15)),
        (50, timedelta(minutes=15)),
        (100, timedelta(minutes=30)),
    ]
    assert (canary.header.name, canary.header.value) == ("canary", "true")


def test_limits_have_their_types(settings):
    checkout = settings.application("checkout")

    assert checkout.triggers.error_rate.above == Ratio(0.01)
    assert checkout.triggers.error_rate.lasting == timedelta(minutes=5)
    assert checkout.triggers.p95.above == TimesBaseline(2.0)
    assert checkout.triggers.memory.above == Ratio(0.95)
    assert checkout.triggers.health.failing_for == timedelta(minutes=3)
    assert checkout.analysis.errors_margin == Ratio(0.001)
    assert checkout.blue_green.error_rate == Ratio(0.001)
    assert checkout.blue_green.keep_blue == timedelta(hours=24)


def test_metrics_and_gates_are_read(settings):
    checkout = settings.application("checkout")

    assert checkout.metrics.selector == 'namespace="$namespace",version="$version"'
    assert checkout.metrics.business["conversion"].better == "higher"
    assert checkout.gates.configured == (
        "code-review", "tests", "security", "build", "migrations", "infrastructure",
    )  # fmt: skip
    assert checkout.gates.tests["unit"].minimum == Ratio(0.8)
    assert checkout.gates.tests["integration"].checks == ("ci / integration*",)
    assert checkout.gates.tests["load"].skip == "runs nightly"
    assert checkout.gates.build.budget == {"dist/*.js": 250_000}
    assert checkout.gates.security.dependencies.npm_audit.level == "moderate"


def test_times_without_a_zone_are_meant_in_the_policy_s_zone(settings):
    (freeze,) = settings.application("checkout").policy.freezes
    (shift,) = settings.on_call.rota

    assert freeze.since == datetime(2026, 12, 18, 11, tzinfo=UTC)
    assert freeze.until == datetime(2027, 1, 4, 8, tzinfo=UTC)
    assert shift.since == datetime(2026, 11, 23, 8, tzinfo=UTC)
    assert shift.user == Who(kind=WhoKind.HANDLE, name="bo")


def test_a_minimal_file_means_what_the_example_says(settings, tmp_path):
    shop = loads(MINIMAL, folder=tmp_path).application("shop")
    checkout = settings.application("checkout")

    assert shop.canary == checkout.canary
    assert shop.triggers == checkout.triggers
    assert shop.analysis == checkout.analysis
    assert shop.metrics.queries == checkout.metrics.queries
    assert shop.rolling == checkout.rolling
    assert shop.health == checkout.health
    assert shop.policy.block == checkout.policy.block
    assert shop.policy.warn == checkout.policy.warn
    platform = shop.environments["production"].platform
    assert platform.container == "shop"
    assert platform.services.main == "shop"
    assert platform.traffic.virtual_service == "shop"
    approvals = checkout.environments["production"].approvals
    assert shop.environments["production"].approvals == approvals.with_(escalate_to=())


def test_a_command_fills_its_variables_without_splitting_them(settings):
    build = settings.application("checkout").gates.build

    words = build.run.filled(version="v1; rm -rf / $image", image="registry.example.com/checkout")

    assert words[:3] == ("docker", "build", "-t")
    assert words[3] == "registry.example.com/checkout:v1; rm -rf / $image"


def test_settings_know_where_their_keys_stand(settings):
    text = EXAMPLE.read_text().splitlines()

    where = settings.where("applications.checkout.environments.production.platform.traffic.virtual_service")

    name, _, line = where.rpartition(":")
    assert name == "example.yaml"
    assert "virtual_service: checkout" in text[int(line) - 1]
    assert settings.where("applications.checkout.canary.stages[1].bake") == settings.where(
        "applications.checkout.canary.stages"
    )
    assert settings.states("applications.checkout.canary")
    assert not settings.states("applications.checkout.environments.production.k6")


def test_what_is_not_built_yet_is_said(settings, tmp_path):
    notices = {notice.path: notice for notice in not_built_yet(settings)}

    assert {path.removeprefix("applications.checkout.") for path in notices} == {
        "on_call.rota",
        "environments.staging.migrate",
        "environments.staging.k6",
        "environments.staging.watch.logs",
        "environments.staging.drill",
        "environments.production.smoke",
        "policy",
        "blue_green",
        "gates.security",
        "gates.migrations",
        "gates.infrastructure",
    }
    assert notices["applications.checkout.gates.security"].where.startswith("example.yaml:")
    assert not_built_yet(loads(MINIMAL, folder=tmp_path)) == ()


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("{namespace:", "{kind: flagger, namespace:", "environments.production.platform.kind"),
        ("shop}", "shop, traffic: {kind: service}}", "environments.production.platform.traffic.kind"),
        ("image:", "metrics: {kind: datadog}\n    image:", "metrics.kind"),
        ("image:", "gates: {runner: {kind: kubernetes-job}}\n    image:", "gates.runner.kind"),
        ("image:", "defaults: {strategy: blue-green}\n    image:", "blue_green"),
    ],
)
def test_each_kind_that_is_not_built_is_said(old, new, path, tmp_path):
    (notice,) = not_built_yet(loads(MINIMAL.replace(old, new), folder=tmp_path))

    assert notice.path == f"applications.shop.{path}"


def test_object_storage_and_databases_are_understood(tmp_path):
    text = MINIMAL + "storage: {url: postgresql://bot@db/slackwater, artifacts: s3://releases/reports/}\n"

    storage = loads(text, folder=tmp_path).storage

    assert storage.url == "postgresql+psycopg://bot@db/slackwater"
    assert storage.artifacts == S3Place(bucket="releases", prefix="reports")


def test_an_unknown_application_is_refused_with_the_nearest(settings):
    with pytest.raises(UnknownThing, match='did you mean "checkout"'):
        settings.application("chekout")
