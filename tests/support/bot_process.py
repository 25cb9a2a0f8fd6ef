"""The real bot as a process: `slackwater serve`, waited for, killed as a crash would, started again."""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from bot.clients.clock import RealClock
from bot.domain.events import Entry
from bot.domain.run import Run
from storage import Database, SQLJournal, SQLRuns

# A cold start takes about 2 s; both cores may be busy.
_READY = 40.0


class BotProcess:
    """`python -m bot serve` in a folder that holds its settings and its database."""

    def __init__(
        self,
        folder: Path,
        settings: dict[str, Any],
        *,
        slack: str,
        kubeconfig: Path,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.config = folder / "slackwater.yaml"
        self.config.write_text(yaml.safe_dump(settings, sort_keys=False))
        self.log = folder / "bot.log"
        url = str(settings["storage"]["url"])
        self.url = f"sqlite:///{folder / url.removeprefix('sqlite:///')}" if url.startswith("sqlite") else url
        self._health = free_port()
        self.environment = {
            **os.environ,
            "SLACK_API_URL": slack,
            "SLACK_BOT_TOKEN": "xoxb-local",
            "SLACK_APP_TOKEN": "xapp-local",
            "KUBECONFIG": str(kubeconfig),
            "SLACKWATER_HEALTH": f"127.0.0.1:{self._health}",
            **(variables or {}),
        }
        self._process: asyncio.subprocess.Process | None = None
        self.starts: list[float] = []

    @property
    def health(self) -> str:
        """Where its own page listens."""
        return f"http://127.0.0.1:{self._health}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "it was never started"
        return self._process.pid

    async def start(self) -> None:
        """Until it says that it is ready."""
        began = time.monotonic()
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bot",
                "serve",
                "--config",
                str(self.config),
                env=self.environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        await self._until_ready(began + _READY)
        self.starts.append(time.monotonic() - began)

    async def kill(self) -> None:
        """As a crash: no warning, no last words."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """In good order."""
        await self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """It does nothing until it is thawed, and does not know."""
        os.killpg(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.killpg(self.pid, signal.SIGCONT)

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def restart_after_a_crash(self) -> None:
        await self.kill()
        await self.start()

    async def run(self, name: str) -> Run:
        """A run, folded from the bot's own journal."""
        database = Database(self.url)
        try:
            return await SQLRuns(database, RealClock()).load(name)
        finally:
            await database.close()

    async def newest_run(self) -> Run | None:
        database = Database(self.url)
        try:
            runs = SQLRuns(database, RealClock())
            found = await runs.recent(1)
            return await runs.load(found[0].id) if found else None
        finally:
            await database.close()

    async def journal(self, run: str) -> tuple[Entry, ...]:
        database = Database(self.url)
        try:
            return await SQLJournal(database, RealClock()).entries(run)
        finally:
            await database.close()

    def logged(self) -> list[dict[str, Any]]:
        """The bot's own log, for what went wrong."""
        found = []
        for line in self.log.read_text().splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                found.append({"event": line})
        return found

    async def _end(self, how: signal.Signals) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        os.killpg(self._process.pid, how)
        await asyncio.wait_for(self._process.wait(), 30)

    async def _until_ready(self, until: float) -> None:
        assert self._process is not None
        async with aiohttp.ClientSession() as session:
            while time.monotonic() < until and self._process.returncode is None:
                try:
                    async with session.get(f"{self.health}/readyz") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.05)
        raise AssertionError(f"the bot is not ready: {self.log.read_text()[-3000:]}")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
