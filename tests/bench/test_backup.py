"""A backup of much, taken while the bot writes: time, size and memory, and whether anybody waits."""

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest
import yaml
from sqlalchemy import text

from bot.clients.clock import RealClock
from storage import Database, SQLRuns
from tests.support.builders import ADA, MORNING, a_plan
from tests.support.figures import line
from tests.support.stand_ins import settings_for

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

_RUNS, _ENTRIES = 500, 40
# About what an entry with a verdict, its figures and its points takes.
_EVIDENCE = 3_000


async def test_a_backup_and_its_restore_of_twenty_thousand_entries(tmp_path: Path) -> None:
    source, target = folder(tmp_path / "a"), folder(tmp_path / "b")
    database = Database(f"sqlite:///{source}/slackwater.db")
    await database.migrate()
    await database.run(fill, "test")
    backup = tmp_path / "b.zip"
    alone = await commits(SQLRuns(database, RealClock()), asyncio.create_task(asyncio.sleep(5)))

    taking = asyncio.create_task(command("backup", "--data", source, backup))
    beside = await commits(SQLRuns(database, RealClock()), taking)
    took, memory = await taking
    again, more = await command("restore", "--data", target, backup)

    size = (source / "slackwater.db").stat().st_size / 1e6
    print()
    print(f"{_RUNS * _ENTRIES:,} entries, {size:.0f} MB: backup {took:.1f} s, {memory:.0f} MB of memory")
    print(f"the file: {backup.stat().st_size / 1e6:.1f} MB; restore {again:.1f} s, {more:.0f} MB of memory")
    print(line("a commit, no backup", alone, "ms"))
    print(line("a commit while the backup is taken", beside, "ms"))
    await database.close()


def folder(path: Path) -> Path:
    path.mkdir()
    settings = settings_for("http://127.0.0.1:1", path / "checkout", {}, {})
    (path / "slackwater.yaml").write_text(yaml.safe_dump(settings))
    return path


def fill(session) -> None:
    """Runs that have ended; only their number and size count here."""
    plan, person = a_plan().model_dump_json(), '{"id": "U01ADA", "name": "Ada"}'
    for number in range(1, _RUNS + 1):
        session.execute(
            text(
                "INSERT INTO runs (id, application, number, environment, version, strategy, state, plan, "
                "plan_schema, asked_by, started_at, ended_at, reason, lease_number) VALUES "
                "(:id, 'checkout', :number, 'production', 'v2.5.0', 'canary', 'finished', :plan, 1, :person, "
                ":at, :at, 'finished', 1)"
            ),
            {"id": f"checkout-{number}", "number": number, "plan": plan, "person": person, "at": AT},
        )
        entries = [
            {
                "run": f"checkout-{number}",
                "seq": seq,
                "at": AT,
                "evidence": f'{{"x": "{os.urandom(_EVIDENCE // 2).hex()}"}}',
            }
            for seq in range(1, _ENTRIES + 1)
        ]
        session.execute(
            text(
                "INSERT INTO journal (run, seq, at, attempt, kind, evidence) "
                "VALUES (:run, :seq, :at, 1, 'noted', :evidence)"
            ),
            entries,
        )


AT = f"{MORNING:%Y-%m-%d %H:%M:%S}.000000"


async def commits(runs: SQLRuns, until: asyncio.Task) -> list[float]:
    """What a commit of another process takes, in milliseconds, again and again until it is over."""
    found = []
    while not until.done():
        began = time.perf_counter()
        await runs.audit(at=MORNING, person=ADA, what="hold", run=None, result="committed")
        found.append((time.perf_counter() - began) * 1e3)
        await asyncio.sleep(0.02)
    return found


# Tells the most memory that the command had, on its last line.
_MEASURED = """
import resource, sys
from bot.__main__ import app
try:
    app(sys.argv[1:])
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


async def command(*words: object) -> tuple[float, float]:
    """Seconds, and megabytes at most."""
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _MEASURED, *(str(word) for word in words), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return time.perf_counter() - began, int(said.split()[-1]) / 1024
