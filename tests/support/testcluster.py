"""A real control plane of the tests' own: started once, given to everyone, swept up at the end.

It wraps the shared testcluster: kube-apiserver, controllers and scheduler with pods as local processes, and a
router that follows what shares traffic out. One is enough for a whole session, because each test has a
namespace of its own (`shop_in`).
"""

import fcntl
import json
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.shared import shared_or_skip

# It is ready in about 5 s; the very first start also unpacks the program.
_START = 90
_PORTS = range(21_000, 31_000, 10)


@dataclass(frozen=True)
class Change:
    """One request in the API server's audit log."""

    at: datetime  # when it was received
    settled: datetime  # when it was answered
    user: str
    agent: str
    verb: str  # get, list, watch, create, patch, update, delete
    uri: str
    code: int
    group: str
    resource: str
    subresource: str
    namespace: str
    name: str
    request: Any
    response: Any

    @property
    def is_write(self) -> bool:
        return self.verb not in {"get", "list", "watch"}


class RealCluster:
    """A running testcluster."""

    kind = "real"

    def __init__(self, folder: Path, script: Path) -> None:
        told = json.loads((folder / "cluster.json").read_text())
        self.folder = folder
        self.script = script
        self.kubeconfig = Path(told["kubeconfig"])
        self.api = str(told["apiserver"])
        self.router = str(told["router"])
        self._audit = Path(told["auditLog"])
        self._faults = Path(told["faults"])
        self._told: dict[str, Any] = {}

    @property
    def prometheus_config(self) -> Path:
        return self.folder / "prometheus.yml"

    @property
    def authority(self) -> Path:
        return self.folder / "pki" / "ca.crt"

    def break_version(self, version: str, **faults: Any) -> None:
        """Give a version these faults (its keys: errorRate, neverReady, …); with none, it is well again."""
        self._told = {**self._told, version: faults} if faults else _without(self._told, version)
        fresh = self._faults.with_suffix(".new")
        fresh.write_text(json.dumps(self._told))
        fresh.replace(self._faults)

    def never_ready(self, version: str) -> None:
        self.break_version(version, neverReady=True)

    def audit(self, namespace: str | None = None, agent: str = "") -> list[Change]:
        """What clients did so far, oldest first; the cluster's own components are left out."""
        found = []
        with self._audit.open() as lines:
            for line in lines:
                if namespace is not None and f'"{namespace}"' not in line:
                    continue
                change = _change(json.loads(line))
                if change.agent.startswith(agent) and not change.user.startswith("testcluster-"):
                    found.append(change)
        wanted = (None, *(() if namespace is None else (namespace,)))
        return [one for one in found if namespace is None or one.namespace in wanted]

    def close(self) -> None:
        subprocess.run(
            [str(self.script), "down", "--dir", str(self.folder)],
            check=False,
            capture_output=True,
            timeout=60,
        )


def _change(told: dict[str, Any]) -> Change:
    where = told.get("objectRef") or {}
    return Change(
        at=datetime.fromisoformat(told["requestReceivedTimestamp"]),
        settled=datetime.fromisoformat(told["stageTimestamp"]),
        user=(told.get("user") or {}).get("username", ""),
        agent=told.get("userAgent", ""),
        verb=told["verb"],
        uri=told["requestURI"],
        code=(told.get("responseStatus") or {}).get("code", 0),
        group=where.get("apiGroup", ""),
        resource=where.get("resource", ""),
        subresource=where.get("subresource", ""),
        namespace=where.get("namespace", ""),
        name=where.get("name", ""),
        request=told.get("requestObject"),
        response=told.get("responseObject"),
    )


def _without(told: dict[str, Any], version: str) -> dict[str, Any]:
    return {key: value for key, value in told.items() if key != version}


def start_cluster(folder: Path) -> RealCluster:
    """Start one with its data in `folder`; skips the test where it cannot run."""
    script = shared_or_skip("testcluster", "testcluster.sh")
    if not sys.platform.startswith("linux"):
        pytest.skip("the testcluster runs on Linux only")
    if shutil.which("xz") is None:
        pytest.skip("unpacking the testcluster needs xz (apt-get install xz-utils)")
    with _one_at_a_time():
        command = [str(script), "up", "--dir", str(folder), "--port-base", str(_free_ports()), "--detach"]
        subprocess.run(command, check=True, capture_output=True, timeout=_START)
    return RealCluster(folder, script)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Two that start together would find the same ports free."""
    with (Path(tempfile.gettempdir()) / "slackwater-testcluster.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _free_ports() -> int:
    """The first of six free ports in a row.

    They lie below those that Linux gives to connections by itself. Else one of them may be taken by the
    traffic of another cluster between being found free and being listened on, and the cluster never starts.
    """
    for first in _PORTS:
        with ExitStack() as sockets:
            try:
                for port in range(first, first + 6):
                    taken = sockets.enter_context(socket.socket())
                    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    taken.bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise AssertionError("no six free ports in a row")


@pytest.fixture(scope="session")
def testcluster() -> Iterator[RealCluster]:
    """The session's control plane."""
    with tempfile.TemporaryDirectory(prefix="slackwater-cluster-", ignore_cleanup_errors=True) as folder:
        cluster = start_cluster(Path(folder) / "data")
        try:
            yield cluster
        finally:
            cluster.close()
