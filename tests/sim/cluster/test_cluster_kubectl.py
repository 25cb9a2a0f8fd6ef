"""kubectl, where there is one: the same server must do for people's own tool."""

import asyncio
import os
import shutil
from datetime import UTC, datetime

import pytest

from bot.clients.clock import ScaledClock
from bot.sim.cluster import STARTER, serve

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")


async def kubectl(kubeconfig, *words: str) -> str:
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "HOME": str(kubeconfig.parent)}
    process = await asyncio.create_subprocess_exec(
        "kubectl",
        *words,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


async def test_kubectl_rolls_out_undoes_applies_and_reads(tmp_path) -> None:
    file = tmp_path / "kubeconfig"
    clock = ScaledClock(datetime.now(UTC), 300)

    async with await serve(clock=clock, apply=STARTER, kubeconfig=file):
        await kubectl(
            file, "set", "image", "deploy/checkout", "checkout=registry.example.com/checkout:v2.5.0"
        )
        rolled = await kubectl(file, "rollout", "status", "deploy/checkout", "--timeout=20s")
        await kubectl(file, "rollout", "undo", "deploy/checkout")
        await kubectl(file, "rollout", "status", "deploy/checkout", "--timeout=20s")
        pods = await kubectl(file, "get", "pods", "-o", "jsonpath={.items[*].spec.containers[0].image}")
        applied = await kubectl(file, "apply", "--dry-run=server", "-f", str(STARTER))
        logs = await kubectl(file, "logs", "deploy/checkout", "--tail=1")

    assert "successfully rolled out" in rolled
    assert "v2.4.0" in pods
    assert "virtualservice.networking.istio.io/checkout" in applied
    assert logs
