"""A run in flight, a lost database, and what the bot makes of its backup: real process, real commands.

Slack and the cluster are stand-ins, so it is known what was really posted and shifted.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.domain.events import Ending
from bot.domain.run import Run, RunState
from tests.support.eventually import eventually
from tests.support.person import Message, Person
from tests.support.presses import approve_until_ended, current, questions, start
from tests.support.stand_ins import StandIns, stand_ins

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

STAGES = {"canary": {"stages": [{"weight": weight, "bake": "3s"} for weight in (5, 10, 25, 50, 100)]}}


@dataclass
class Scene:
    """A bot with one run, Ada who asked for it, and Bo who approves."""

    world: StandIns
    folder: Path
    ada: Person
    bo: Person
    root: Message

    @property
    def backup(self) -> Path:
        return self.folder / "backup.zip"

    async def approves(self, times: int) -> None:
        """Bo says yes to the next so many questions, and the one after them is asked."""
        seen = 0
        async for message in questions(self.bo, self.root, times + 1):
            if seen < times:
                assert (await self.bo.presses("approve", message))["ok"]
            seen += 1

    async def is_backed_up(self) -> None:
        await self.command("backup", "--config", str(self.world.bot.config), str(self.backup))

    async def loses_its_database(self) -> None:
        """In the middle of what it does; what it did after the backup is known to nobody."""
        await self.world.bot.kill()
        for file in self.folder.glob("slackwater.db*"):
            file.unlink()

    async def is_restored(self, *how: str) -> str:
        """What the command says; then the bot runs again."""
        said = await self.command("restore", *how, "--config", str(self.world.bot.config), str(self.backup))
        await self.world.bot.start()
        return said

    async def run_that(self, state: RunState) -> Run:
        return await eventually(lambda: current(self.world.bot), lambda run: run.state is state)

    async def command(self, *words: str) -> str:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            *words,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, wrong = await process.communicate()
        assert process.returncode == 0, wrong.decode()
        return said.decode()

    async def twice(self) -> list[str]:
        """The parts of the run that stand in Slack more than once."""
        messages = [
            *await self.ada.reads(),
            *await self.ada.reads("releases"),
            *await self.ada.reads(thread=self.root["ts"]),
        ]
        own = {
            (m["channel"], m["metadata"]["event_payload"]["key"], m["ts"])
            for m in messages
            if m.get("metadata")
        }
        counts = Counter(key for _, key, _ in own)
        assert len(counts) > 5
        return sorted(key for key, count in counts.items() if count > 1)

    def weights(self) -> list[int]:
        return [weight for _, weight in self.world.shifts()]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with stand_ins(tmp_path, **STAGES) as world:
        world.workspace.put_faults({"rates": "lifted"})
        await world.bot.start()
        ada, bo = await world.person("ada"), await world.person("bo")
        yield Scene(world, tmp_path, ada, bo, await start(ada, "v2.5.0 canary"))


async def test_a_run_that_waits_for_an_approval_goes_on_from_its_backup_to_the_end(scene: Scene) -> None:
    await scene.approves(1)
    await scene.is_backed_up()
    await scene.loses_its_database()

    said = await scene.is_restored()
    held = await scene.run_that(RunState.HELD)
    await scene.bo.types("resume")
    run = await approve_until_ended(scene.bo, scene.root, scene.world.bot)

    assert f"Held until an approver resumes or somebody rolls back: {run.id}" in said
    assert "what happened after it is not known here" in held.held_why
    assert run.state is RunState.FINISHED
    assert scene.weights() == [5, 10, 25, 50, 100, 0]
    assert await scene.twice() == []


async def test_a_move_to_another_database_holds_nothing(scene: Scene, postgresql_url: str) -> None:
    await scene.approves(1)
    await scene.world.bot.stop()
    await scene.is_backed_up()
    config = scene.world.bot.config
    config.write_text(config.read_text().replace("sqlite:///slackwater.db", postgresql_url))
    scene.world.bot.url = postgresql_url

    await scene.is_restored("--nothing-since")
    run = await approve_until_ended(scene.bo, scene.root, scene.world.bot)

    assert run.state is RunState.FINISHED
    assert run.holds == ()
    assert scene.weights() == [5, 10, 25, 50, 100, 0]
    assert await scene.twice() == []


@pytest.mark.parametrize("how", [(), ("--nothing-since",)], ids=["held", "not held"])
async def test_what_was_done_after_the_backup_is_found_in_the_world_and_asked_about(
    scene: Scene, how: tuple[str, ...]
) -> None:
    await scene.approves(1)
    await scene.is_backed_up()
    await scene.approves(2)
    await scene.loses_its_database()

    await scene.is_restored(*how)
    if not how:
        await scene.run_that(RunState.HELD)
        await scene.bo.types("resume")
    await scene.run_that(RunState.WAITING)
    await scene.bo.types("approve")
    held = await eventually(lambda: current(scene.world.bot), lambda run: "25 %" in run.held_why)

    assert held.state is RunState.HELD
    assert "the canary has 25 % instead of 5 %" in held.held_why
    assert scene.weights() == [5, 10, 25]
    await scene.bo.types("rollback")
    over = await scene.run_that(RunState.ROLLED_BACK)
    assert over.ended is not None
    assert over.ended.ending is Ending.ROLLED_BACK
    assert scene.weights() == [5, 10, 25, 0]


async def test_what_was_posted_after_the_backup_is_not_posted_again(scene: Scene) -> None:
    await scene.approves(1)
    await scene.is_backed_up()
    await scene.approves(2)
    await scene.loses_its_database()

    await scene.is_restored()
    await scene.run_that(RunState.HELD)
    await scene.bo.types("resume")
    await scene.run_that(RunState.WAITING)
    await scene.bo.types("approve")
    await eventually(lambda: current(scene.world.bot), lambda run: "25 %" in run.held_why)
    await scene.bo.types("resume")
    run = await approve_until_ended(scene.bo, scene.root, scene.world.bot)

    assert run.state is RunState.FINISHED
    assert await scene.twice() == []
