"""What the audit costs: fifty lines at once, as when fifty people are refused, and walking a long trail."""

import asyncio
import time
from pathlib import Path

import pytest

from storage import Database, SQLRuns
from tests.support.builders import ADA, MORNING
from tests.support.clocks import HandClock
from tests.support.figures import line

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]

AT_ONCE, ROUNDS = 50, 40


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_fifty_lines_at_once(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
    url = f"sqlite:///{tmp_path}/a.db" if kind == "sqlite" else request.getfixturevalue("postgresql_url")
    database = Database(url)
    await database.migrate()
    runs = SQLRuns(database, HandClock())

    async def one() -> None:
        await runs.audit(at=MORNING, person=ADA, what="start v2.5.0", run=None, result="refused")

    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(AT_ONCE)))
        took.append((time.perf_counter() - began) * 1000)

    print()
    print(line(f"{AT_ONCE} lines of the audit at once, {kind}", took, "ms"))
    await database.close()


async def test_walking_a_long_trail(tmp_path: Path) -> None:
    from storage.chain import append

    database = Database(f"sqlite:///{tmp_path}/a.db")
    await database.migrate()
    told = {"at": MORNING, "person": "{}", "what": "start v2.5.0", "run": "checkout-1", "result": "started"}
    for _ in range(100):
        await database.run(lambda session: append(session, [told] * 1_000), "bench")

    began = time.perf_counter()
    found = await SQLRuns(database, HandClock()).verify_audit()
    took = time.perf_counter() - began

    print()
    print(f"audit verify: {found.lines} lines in {took:.1f} s")
    await database.close()
