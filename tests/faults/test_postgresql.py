"""PostgreSQL ends a connection, is started again, or loses the answer to a commit, around a run's shift."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.orm import Session

from bot.domain.errors import Unreachable
from bot.domain.events import Draft, Noted
from bot.engine import engine as engine_room
from storage import Database, SQLJournal, SQLRuns
from tests.faults.conftest import Observed
from tests.faults.registry import Edge, fault
from tests.faults.small_run import SHIFT, WATCH, SmallRun, small_run
from tests.faults.stores import Store
from tests.support.builders import ADA, a_plan
from tests.support.clocks import HandClock
from tests.support.postgresql import Server, fresh_database, running_server, skip_without_postgresql
from tests.support.rough_road import RoughRoad

pytestmark = pytest.mark.live

# Enough that the shift's own intent is among them.
_LOST = 4


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_room, "_PAUSE_AFTER_A_BUG", 0.05)


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    """One that may be stopped without asking anybody."""
    skip_without_postgresql()
    with running_server() as server:
        yield server


@pytest.fixture
async def road(own_server: Server) -> AsyncIterator[RoughRoad]:
    async with RoughRoad("127.0.0.1", own_server.port) as road:
        yield road


@pytest.fixture
async def database(own_server: Server, road: RoughRoad) -> AsyncIterator[Database]:
    """A fresh one, by the road."""
    url = make_url(fresh_database(own_server.url)).set(port=road.port)
    made = Database(url.render_as_string(hide_password=False))
    await made.migrate()
    yield made
    await made.close()


async def shifts_once(run: SmallRun) -> None:
    await run.until(lambda now: now.record(WATCH).began is not None)
    assert run.weights == [25]


@fault(Edge.DATABASE, "PostgreSQL: the connection is ended in the middle of a transaction")
async def test_a_transaction_whose_connection_is_ended_leaves_nothing_and_the_next_one_works(
    database: Database, own_server: Server, observed: Observed
) -> None:
    await SQLRuns(database, HandClock()).create(a_plan(), ADA)
    journal = SQLJournal(database, HandClock())
    (claim,) = await journal.claim("one", ttl=timedelta(minutes=1))

    def note_and_lose(session: Session) -> None:
        session.execute(text("UPDATE runs SET version = 'v9' WHERE id = :run"), {"run": claim.run})
        own = session.scalar(text("SELECT pg_backend_pid()"))
        ends_backend(own_server, own)
        session.execute(text("SELECT 1"))

    with pytest.raises(Unreachable) as lost:
        await database.run(note_and_lose, "test")
    entries = await journal.append(claim, 1, [Draft(event=Noted(key="k", sentence="still here"))])

    assert [entry.seq for entry in entries] == [2]
    (summary,) = await SQLRuns(database, HandClock()).recent()
    assert summary.version == "v2.5.0"
    observed(f"“{lost.value}”; nothing of it was written, the next transaction was")


def ends_backend(server: Server, pid: object) -> None:
    import psycopg

    with psycopg.connect(server.url.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s)", (pid,))


@fault(Edge.DATABASE, "PostgreSQL: every connection is ended in mid-run")
async def test_a_run_whose_connections_are_all_ended_goes_on_and_shifts_once(
    tmp_path: Path, database: Database, own_server: Server, observed: Observed
) -> None:
    async with small_run(tmp_path, partial(Store, database)) as run:
        run.at(SHIFT, lambda: ends_every_backend(own_server))

        await shifts_once(run)

        observed(f"weights {run.weights}; the engine said: {'; '.join(run.troubles) or 'nothing'}")


def ends_every_backend(server: Server) -> None:
    import psycopg

    with psycopg.connect(server.url.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )


@fault(Edge.DATABASE, "PostgreSQL: the server crashes and is started again in mid-run")
async def test_a_run_outlasts_a_restart_of_the_server_and_shifts_once(
    tmp_path: Path, database: Database, own_server: Server, observed: Observed
) -> None:
    async with small_run(tmp_path, partial(Store, database)) as run:
        shifting = asyncio.Event()
        run.at(SHIFT, shifting.set)
        await shifting.wait()
        await asyncio.to_thread(own_server.stop)
        await asyncio.to_thread(own_server.start)

        await shifts_once(run)

        observed(f"weights {run.weights}, once the server was there again")


@fault(Edge.DATABASE, "PostgreSQL: the answers to commits are lost")
async def test_a_run_reads_whether_its_commits_arrived_and_shifts_once(
    tmp_path: Path, database: Database, road: RoughRoad, observed: Observed
) -> None:
    async with small_run(tmp_path, partial(Store, database)) as run:
        run.at(SHIFT, lambda: setattr(road, "loses_answers_to", b"COMMIT"))
        await run.world_is(lambda: road.lost >= _LOST)
        road.loses_answers_to = None

        await shifts_once(run)

        seqs = [entry.seq for entry in await run.entries()]
        assert seqs == list(range(1, len(seqs) + 1))
        observed(f"{road.lost} commits without an answer; weights {run.weights}, the journal without a gap")
