"""`slackwater workspace` and `slackwater cluster`: one stand-in alone, until it is told to stop."""

import asyncio
import os
import signal
from pathlib import Path

from bot.clients.clock import VARIABLE, clock_from
from bot.sim import cluster as simulated_cluster
from bot.sim import workspace as local_workspace
from bot.sim.workspace import Command, Tokens

COMMANDS = (Command("/deploy", "v2.5.0 canary | status | help", "Take a version to production safely"),)


async def workspace(port: int, people: Path | None, request_url: str | None) -> None:
    """Raises `ConfigError` for an unusable people file, `OSError` for a port that is taken."""
    environ = os.environ
    tokens = Tokens(
        bot=environ.get("SLACK_BOT_TOKEN", "xoxb-local"),
        app=environ.get("SLACK_APP_TOKEN", "xapp-local"),
        signing_secret=environ.get("SLACK_SIGNING_SECRET", "local-secret"),
    )
    who = local_workspace.read_people(people) if people is not None else None
    server = await local_workspace.serve(port, who, request_url, tokens=tokens, commands=COMMANDS)
    print(f"Ready: {server.url}", flush=True)
    try:
        await told_to_stop()
    finally:
        await server.close()


async def cluster(port: int, kubeconfig: Path | None, apply: Path | None, rps: float) -> None:
    """Raises `OSError` for a port that is taken, `Refusal` for a wrong manifest."""
    clock = clock_from(os.environ.get(VARIABLE))
    server = await simulated_cluster.serve(
        port, clock=clock, rps=rps, apply=apply or simulated_cluster.STARTER, kubeconfig=kubeconfig
    )
    print(f"Ready: {server.url}", flush=True)
    try:
        await told_to_stop()
    finally:
        await server.close()


async def told_to_stop() -> None:
    """Until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    await stop.wait()
