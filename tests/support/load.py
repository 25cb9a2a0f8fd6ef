"""Users of the testcluster: a constant rate of real requests through its router."""

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.testcluster import RealCluster


@dataclass(frozen=True)
class Totals:
    """What came back, as the generator printed it."""

    total: int
    failed: int  # answers other than 2xx, and connections that broke
    by_version: dict[str, int]
    failed_by_version: dict[str, int]
    last_seen: dict[str, datetime]
    p95_ms: float
    raw: dict[str, Any]

    def __str__(self) -> str:
        versions = ", ".join(f"{name} {count}" for name, count in sorted(self.by_version.items()))
        return f"{self.total} requests, {self.failed} failed, p95 {self.p95_ms:.1f} ms ({versions})"


class Load:
    """A running generator."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def totals(self, within: timedelta = timedelta(minutes=15)) -> Totals:
        """Wait for its end."""
        printed, trouble = self._process.communicate(timeout=within.total_seconds())
        assert self._process.returncode == 0, trouble
        return _totals(json.loads(printed))

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()


StartLoad = Callable[..., Load]


@pytest.fixture
def load(testcluster: RealCluster) -> Iterator[StartLoad]:
    """Starts load: `load("shop.example.com", rps=50, seconds=30)`."""
    running: list[Load] = []

    def start(host: str, *, rps: float = 50, seconds: float = 10, header: str | None = None) -> Load:
        command = [str(testcluster.script), "load", "--url", testcluster.router, "--host", host]
        command += ["--rps", f"{rps:g}", "--duration", f"{seconds:g}s"]
        command += ["--header", header] if header else []
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        running.append(Load(process))
        return running[-1]

    yield start
    for one in running:
        one.stop()


def _totals(told: dict[str, Any]) -> Totals:
    versions = told.get("versions") or {}
    return Totals(
        total=told["total"],
        failed=told["non2xx"] + told["connectionErrors"],
        by_version={name: seen["count"] for name, seen in versions.items()},
        failed_by_version={name: seen["non2xx"] for name, seen in versions.items()},
        last_seen={name: datetime.fromisoformat(seen["last"]) for name, seen in versions.items()},
        p95_ms=float((told.get("latencyMs") or {}).get("p95", 0.0)),
        raw=told,
    )
