"""The simulated cluster, dressed as the real one is for tests that run over both."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bot.clients.clock import ScaledClock
from bot.sim.cluster import ClusterServer, serve
from tests.support.testcluster import Change

# Fast enough that a progress deadline of a minute passes in a few real seconds.
SPEED = 20.0


class SimulatedCluster:
    """A running simulated cluster."""

    kind = "simulated"

    def __init__(self, server: ClusterServer, kubeconfig: Path) -> None:
        self._server = server
        self.kubeconfig = kubeconfig
        self.api = server.url

    @property
    def authority(self) -> None:
        """It speaks plain HTTP."""

    def never_ready(self, version: str) -> None:
        now = self._server.simulation.clock.now()
        self._server.simulation.faults.replace({version: {"never_ready": True}}, now)

    def audit(self, namespace: str | None = None, agent: str = "") -> list[Change]:
        found = [_change(entry) for entry in self._server.audit.entries]
        return [
            one
            for one in found
            if one.agent.startswith(agent) and (namespace is None or one.namespace == namespace)
        ]


async def start_simulated(folder: Path) -> tuple[SimulatedCluster, ClusterServer]:
    kubeconfig = folder / "kubeconfig"
    server = await serve(0, clock=ScaledClock(datetime.now(UTC), SPEED), rps=0, kubeconfig=kubeconfig)
    return SimulatedCluster(server, kubeconfig), server


def _change(entry: Any) -> Change:
    where = _place(entry.path)
    if entry.verb == "create" and isinstance(entry.response, dict):
        # As in the real log: what was made, not what it was made among.
        where["name"] = entry.response.get("metadata", {}).get("name", "")
    return Change(
        at=entry.at,
        settled=entry.at,
        user="",
        agent=entry.user_agent,
        verb=entry.verb,
        uri=entry.path,
        code=entry.code,
        request=entry.request,
        response=entry.response,
        **where,
    )


def _place(uri: str) -> dict[str, str]:
    """Group, resource, namespace and name of a path such as `/apis/apps/v1/namespaces/shop/deployments/x`."""
    parts = urlsplit(uri).path.strip("/").split("/")
    group, rest = ("", parts[2:]) if parts[0] == "api" else (parts[1], parts[3:])
    namespace = ""
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    padded = [*rest, "", "", ""]
    return {
        "group": group,
        "namespace": namespace,
        "resource": padded[0],
        "name": padded[1],
        "subresource": padded[2],
    }


def field_manager(change: Change) -> str:
    return parse_qs(urlsplit(change.uri).query).get("fieldManager", [""])[0]
