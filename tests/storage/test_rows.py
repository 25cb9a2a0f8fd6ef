"""What the database itself refuses, and what is read back from rows that this version did not write."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, StatementError

from bot.domain.errors import Locked, PolicyBlocked, UnknownEvent
from bot.domain.events import Draft, Ended, Ending, Entry, Noted, TurnedBack
from bot.domain.interrupts import Interrupt, InterruptKind
from bot.domain.plan import plan_from_json
from bot.domain.reasons import Reason
from bot.ports import Claim, Consumed
from storage import Database, Messages, SQLJournal, SQLRuns
from storage.rows import (
    commit_from_plan,
    entry_from_row,
    entry_to_row,
    interrupt_from_row,
    interrupt_to_row,
)
from tests.support.builders import ADA, BO, MORNING, a_plan, a_target
from tests.support.clocks import HandClock


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.live)])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path}/a.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_url")
    database = Database(url)
    await database.migrate()
    yield database
    await database.close()


async def claimed(database: Database, ttl: timedelta = timedelta(hours=1)) -> tuple[SQLJournal, Claim]:
    await SQLRuns(database, HandClock()).create(a_plan(), ADA)
    journal = SQLJournal(database, HandClock())
    (claim,) = await journal.claim("one", ttl=ttl)
    return journal, claim


async def execute(database: Database, statement: str, **values: object) -> None:
    await database.run(lambda session: session.execute(text(statement), values), "test")


@pytest.mark.parametrize(
    "change", ["UPDATE {} SET at = at", "DELETE FROM {}", "DELETE FROM {} WHERE person IS NOT NULL"]
)
@pytest.mark.parametrize("table", ["journal", "audit"])
async def test_journal_and_audit_cannot_be_changed(database: Database, table: str, change: str):
    runs = SQLRuns(database, HandClock())
    run = await runs.create(a_plan(), ADA)
    await runs.audit(at=MORNING, person=ADA, what="approve", run=run.id, result="not-allowed")

    with pytest.raises(DBAPIError, match=f"the {table} is append-only"):
        await execute(database, change.format(table))

    assert (await runs.load(run.id)).asked_by == ADA
    assert len(await runs.audit_entries()) == 1


async def test_an_entry_cannot_be_replaced_or_put_behind_a_gap(tmp_path: Path):
    database = Database(f"sqlite:///{tmp_path}/a.db")
    await database.migrate()
    await claimed(database)
    row = "(run, seq, at, attempt, kind, evidence) SELECT run, :seq, at, 1, 'x', '{}' FROM journal"

    for verb, seq in (("INSERT OR REPLACE", 1), ("INSERT", 3)):
        with pytest.raises(DBAPIError, match="the journal is append-only"):
            await execute(database, f"{verb} INTO journal {row}", seq=seq)

    await database.close()


@pytest.mark.parametrize(
    ("kind", "evidence"),
    [("teleported", "{}"), ("noted", '{"key": "k"}'), ("noted", "not JSON"), ("noted", "[]")],
)
async def test_an_entry_that_this_version_cannot_read_stops_the_run_and_not_the_lists(
    database: Database, kind: str, evidence: str
):
    journal, claim = await claimed(database)
    await execute(
        database,
        "INSERT INTO journal (run, seq, at, attempt, kind, evidence) "
        "SELECT run, 2, at, 1, :kind, :evidence FROM journal",
        kind=kind,
        evidence=evidence,
    )

    with pytest.raises(UnknownEvent):
        await journal.entries(claim.run)
    with pytest.raises(UnknownEvent):
        await journal.append(claim, 2, [Draft(event=Noted(key="k", sentence="!"))])
    assert [run.id for run in await SQLRuns(database, HandClock()).active()] == [claim.run]


async def test_an_interrupt_that_this_version_cannot_read_is_not_consumed(database: Database):
    journal, claim = await claimed(database)
    await journal.interrupt(Interrupt(run=claim.run, kind=InterruptKind.HOLD, at=MORNING, person=BO))
    await execute(database, "UPDATE interrupts SET kind = 'teleport'")

    with pytest.raises(UnknownEvent):
        await journal.consume(claim, 1, lambda _: Consumed())

    await execute(database, "UPDATE interrupts SET kind = 'hold'")
    seen = []
    await journal.consume(claim, 1, lambda waiting: (seen.extend(waiting), Consumed())[1])
    assert len(seen) == 1


async def unreadable(database: Database, run: str = "checkout-1") -> None:
    """Another version has written into the run's journal."""
    await execute(
        database,
        "INSERT INTO journal (run, seq, at, attempt, kind, evidence) "
        "SELECT run, 2, at, 1, 'teleported', '{}' FROM journal WHERE run = :run",
        run=run,
    )


async def test_what_cannot_be_read_is_named(database: Database):
    await claimed(database)
    await unreadable(database)

    with pytest.raises(UnknownEvent, match="entry 2 of checkout-1: a journal entry of kind 'teleported'"):
        await SQLRuns(database, HandClock()).load("checkout-1")


async def test_a_run_that_cannot_be_read_keeps_its_place_and_no_other(database: Database):
    runs = SQLRuns(database, HandClock())
    await claimed(database)
    await unreadable(database)

    with pytest.raises(Locked, match="run checkout-1 is under way, and I cannot read it"):
        await runs.create(a_plan(version="v2.6.0", commit="d00d"), BO)
    with pytest.raises(Locked, match="billing in production cannot be deployed now: run checkout-1"):
        await runs.create(a_plan(application="billing", target=a_target("checkout")), BO)

    assert (await SQLRuns(database, HandClock()).create(a_plan(application="search"), BO)).id == "search-1"


async def test_a_run_whose_plan_cannot_be_read_may_stand_in_the_way_of_any_other(database: Database):
    runs = SQLRuns(database, HandClock())
    await claimed(database)
    await unreadable(database)
    await execute(database, "UPDATE runs SET plan = '{}'")

    with pytest.raises(Locked, match="search in production cannot be deployed now: run checkout-1"):
        await runs.create(a_plan(application="search"), BO)


async def test_a_state_that_this_version_does_not_know_is_named(database: Database):
    await claimed(database)
    await execute(database, "UPDATE runs SET state = 'dreaming'")

    with pytest.raises(UnknownEvent, match="the state of checkout-1, 'dreaming', is not known"):
        await SQLRuns(database, HandClock()).recent()


async def test_two_processes_on_one_database_see_each_others_entries(database: Database):
    first, claim = await claimed(database)
    await first.append(claim, 1, [Draft(event=Noted(key="a", sentence="!"))])
    second, runs = SQLJournal(database, HandClock()), SQLRuns(database, HandClock())
    await runs.load(claim.run)

    await second.claim("two", ttl=timedelta(0))  # it has to see the lease stand still
    (fresh,) = await second.claim("two", ttl=timedelta(0))
    await second.append(fresh, 2, [Draft(event=Noted(key="b", sentence="!"))])

    assert [remark.key for remark in (await runs.load(claim.run)).remarks] == ["a", "b"]


async def test_a_moment_without_a_time_zone_is_refused(database: Database):
    runs = SQLRuns(database, HandClock())

    with pytest.raises(StatementError, match="has no time zone"):
        await runs.audit(at=datetime(2026, 11, 23), person=ADA, what="x", run=None, result="x")  # noqa: DTZ001


async def test_the_audit_shows_the_newest_first(database: Database):
    runs = SQLRuns(database, HandClock())
    for what in ("start", "approve"):
        await runs.audit(at=MORNING, person=BO, what=what, run=None, result="done")

    newest, oldest = await runs.audit_entries()
    assert (newest.what, newest.person, newest.at, oldest.what) == ("approve", BO, MORNING, "start")
    assert await runs.audit_entries(limit=1) == (newest,)


async def test_the_quarantine_lists_what_is_kept_out(database: Database):
    journal, claim = await claimed(database)
    runs = SQLRuns(database, HandClock())
    turned = TurnedBack(
        ending=Ending.ROLLED_BACK, reason=Reason.ERROR_RATE, sentence="5 % errors.", quarantine=True
    )
    over = Ended(ending=Ending.ROLLED_BACK, reason=Reason.ERROR_RATE, sentence="Over.")
    await journal.append(claim, 1, [Draft(event=turned), Draft(event=over)])

    (kept_out,) = await runs.quarantine("checkout")

    assert (kept_out.version, kept_out.run, kept_out.why) == ("v2.5.0", "checkout-1", "5 % errors.")
    assert await runs.quarantine("search") == ()
    await runs.release_quarantine("checkout", "v2.5.0", BO)
    assert await runs.quarantine() == ()


async def test_a_message_is_reserved_once_and_known_after_it_was_posted(database: Database):
    await claimed(database)
    messages = Messages(database)

    assert (await messages.reserve("checkout-1", "root", "C1")).ts is None
    await messages.posted("checkout-1", "root", "17.1", "h1")
    again = await messages.reserve("checkout-1", "root", "C2")
    assert (again.channel, again.ts, again.hash) == ("C1", "17.1", "h1")
    await messages.updated("checkout-1", "root", "h2")
    await messages.reserve("checkout-1", "stage", "C1")

    root, stage = await messages.all_of("checkout-1")
    assert (root.hash, root.ts, stage.key, stage.ts) == ("h2", "17.1", "stage", None)
    with pytest.raises(KeyError):
        await messages.updated("checkout-1", "never", "h")


async def test_a_place_that_is_taken_is_not_taken_again_until_its_message_was_deleted(database: Database):
    await claimed(database)
    messages = Messages(database)
    await messages.reserve("checkout-1", "root", "C1")

    assert await messages.posted("checkout-1", "root", "17.1", "h1")
    assert not await messages.posted("checkout-1", "root", "17.2", "h1")
    assert await messages.posted("checkout-1", "root", "17.1", "h2")
    assert not await messages.posted("checkout-1", "never", "17.3", "h1")
    await messages.deleted("checkout-1", "root")
    assert await messages.posted("checkout-1", "root", "17.4", "h1")

    (root,) = await messages.all_of("checkout-1")
    assert root.ts == "17.4"


@pytest.mark.live
async def test_a_frozen_process_that_holds_a_row_does_not_stop_the_others(postgresql_url: str):
    import psycopg

    database = Database(postgresql_url)
    await database.migrate()
    runs, journal = SQLRuns(database, HandClock()), SQLJournal(database, HandClock())
    await runs.create(a_plan(), ADA)
    await runs.create(a_plan(application="search"), ADA)
    with psycopg.connect(postgresql_url.replace("+psycopg", "")) as frozen:
        frozen.execute("SELECT 1 FROM runs WHERE id = 'checkout-1' FOR UPDATE")

        claims = await journal.claim("two", ttl=timedelta(hours=1))

    assert [claim.run for claim in claims] == ["search-1"]
    assert [claim.run for claim in await journal.claim("two", ttl=timedelta(hours=1))] == ["checkout-1"]
    await database.close()


@pytest.mark.bench
async def test_how_long_an_append_takes(tmp_path: Path):
    from statistics import median
    from time import perf_counter

    database = Database(f"sqlite:///{tmp_path}/a.db")
    await database.migrate()
    journal, claim = await claimed(database)
    took = []
    for seq in range(1, 201):
        began = perf_counter()
        await journal.append(claim, seq, [Draft(event=Noted(key="k", sentence="!" * 200))])
        took.append((perf_counter() - began) * 1000)

    print(f"append to the journal (SQLite): median {median(took):.2f} ms, slowest {max(took):.2f} ms")
    await database.close()


async def test_a_quarantined_run_whose_plan_cannot_be_read_lets_no_other_name_of_it_in(database: Database):
    journal, claim = await claimed(database)
    turned = TurnedBack(
        ending=Ending.ROLLED_BACK, reason=Reason.ERROR_RATE, sentence="5 % errors.", quarantine=True
    )
    over = Ended(ending=Ending.ROLLED_BACK, reason=Reason.ERROR_RATE, sentence="Over.")
    await journal.append(claim, 1, [Draft(event=turned), Draft(event=over)])
    await execute(database, "UPDATE runs SET plan = :plan", plan='{"request": {"sha": 1}}')

    with pytest.raises(PolicyBlocked, match="I cannot read which commit it was"):
        await SQLRuns(database, HandClock()).create(a_plan(version="v2.5.1", commit="dec0de"), BO)


@pytest.mark.parametrize("stored", ["[" * 100_000, '{"request": 1}', "{}", "null", "\x00"])
def test_a_plan_of_another_shape_names_no_commit(stored: str):
    with pytest.raises(UnknownEvent):
        commit_from_plan(stored, "checkout-1")


def test_a_plan_that_is_nested_without_end_is_damaged_and_no_bug():
    with pytest.raises(UnknownEvent):
        plan_from_json("[" * 100_000)


@pytest.mark.parametrize("year", [1, 9999])
def test_a_time_that_no_calendar_adds_to_is_damage(year: int):
    at = MORNING.replace(year=year)
    entry = Entry(seq=1, at=MORNING, run="checkout-1", event=Noted(key="k", sentence="!"))
    interrupt = Interrupt(run="checkout-1", kind=InterruptKind.HOLD, at=MORNING, person=BO)
    row, other = entry_to_row(entry), interrupt_to_row(interrupt)
    row.at = other.at = at

    with pytest.raises(UnknownEvent, match="entry 1 of checkout-1"):
        entry_from_row(row)
    with pytest.raises(UnknownEvent, match="of checkout-1"):
        interrupt_from_row(other)
