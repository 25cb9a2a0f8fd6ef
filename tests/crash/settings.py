"""A short run: two stages, one quick gate, and patience of which a restart cannot use much up."""

from pathlib import Path
from typing import Any

from bot.sim import sample
from tests.support.routing import NAMESPACE, Routing

NEW, OLD = sample.GOOD, sample.RUNNING
IMAGE = "registry.example.com/checkout"
APPLICATION = "checkout"

PEOPLE = {
    "people": [{"name": "ada", "groups": ["engineers"]}, {"name": "bo", "groups": ["oncall"]}],
    "channels": ["deploys", "releases"],
}


def _environments(production: dict[str, Any], staging: Any, cluster: str) -> dict[str, Any]:
    """Staging is reached by the same door, too."""
    return {"production": production} | ({"staging": {**staging, "url": cluster}} if staging else {})


def _with_url(strategy: dict[str, Any], cluster: str) -> dict[str, Any]:
    """A preview is reached by the same door as everything in the cluster."""
    if "blue_green" not in strategy:
        return strategy
    own = strategy["blue_green"]
    return {**strategy, "blue_green": {**own, "preview": {**own["preview"], "url": cluster}}}


def settings(
    folder: Path,
    cluster: str,
    repository: Path,
    database: str,
    *,
    strategy: dict[str, Any],
    routing: Routing,
    remind: str,
) -> dict[str, Any]:
    """The bot's configuration, the strategy's part included; `remind`: how long a question waits for it."""
    platform = {
        "kind": "kubernetes",
        "namespace": NAMESPACE,
        "workload": "checkout",
        "container": "checkout",
        "services": {"main": "checkout", "stable": "checkout-stable", "canary": "checkout-canary"},
        "traffic": routing.configured,
    }
    rest = {key: value for key, value in strategy.items() if key != "staging"}
    staging = strategy.get("staging")
    # While a bot is started again, minutes go by on a fast clock; nobody's patience may end with that.
    approvals = {"remind": remind, "escalate": "20h", "expire": "23h"}
    production = {
        "platform": platform,
        "url": cluster,
        "host_header": routing.host,
        "approvals": approvals,
    }
    checkout = {
        "repository": {"path": str(repository)},
        "image": IMAGE,
        "health": {"path": "/health", "critical": ["/health", "/health/database"]},
        "environments": _environments(production, staging, cluster),
        **_with_url(rest, cluster),
        "metrics": {"kind": "prometheus", "url": f"{cluster}/prometheus", "stale_after": "150s"},
        # Stages this short see few requests.
        "analysis": {"min_requests": 100, "skip_first": "5s"},
        "gates": {"build": {"run": "python build.py --version $version"}},
    }
    return {
        "version": 1,
        "slack": {"channels": {"deploys": "#deploys", "stakeholders": ["#releases"]}},
        "roles": {"deployer": ["@engineers"], "approver": ["@oncall"]},
        "storage": {"url": database, "artifacts": str(folder / "artifacts")},
        "applications": {APPLICATION: checkout},
    }
