"""Every write of the store is named among the crash points, and its points are passed in order."""

import inspect
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.events import Claimed, Draft, Held, Intended, Timer
from bot.domain.interrupts import Interrupt, InterruptKind
from bot.ports import Claim, Consumed
from storage import Database, Messages, SQLJournal, SQLRuns
from tests.support.builders import ADA, BO, MORNING, a_plan
from tests.support.clocks import HandClock
from tests.support.passed import passed_points

_TTL = timedelta(seconds=15)
_RUN = "checkout-1"
_STEP = a_plan().steps[0].id

# What only reads. A new method belongs here or among the tests below.
_READS = {
    SQLJournal: {"entries", "load", "next_due", "listen", "waiting"},
    SQLRuns: {
        "load",
        "active",
        "recent",
        "run_of_question",
        "quarantined",
        "quarantine",
        "audit_entries",
        "verify_audit",
    },
    Messages: {"all_of"},
}
_WRITES = {
    SQLJournal: {"claim", "renew", "release", "told", "append", "consume", "interrupt", "due"},
    SQLRuns: {"create", "decide", "release_quarantine", "audit"},
    Messages: {"reserve", "posted", "deleted", "updated"},
}


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/a.db")
    await database.migrate()
    yield database
    await database.close()


@pytest.fixture
async def journal(database: Database) -> SQLJournal:
    await SQLRuns(database, HandClock()).create(a_plan(), ADA)
    return SQLJournal(database, HandClock())


@pytest.fixture
async def claim(journal: SQLJournal) -> Claim:
    (claim,) = await journal.claim("one", ttl=_TTL)
    return claim


@pytest.mark.parametrize("kind", [SQLJournal, SQLRuns, Messages])
def test_every_method_is_known_as_one_that_reads_or_one_that_writes(kind: type):
    methods = {
        name for name, method in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")
    }

    assert methods == _READS[kind] | _WRITES[kind]


async def test_the_migration_has_its_points(tmp_path: Path):
    database = Database(f"sqlite:///{tmp_path}/b.db")

    assert await _passed(database.migrate()) == _three("store/migrate")

    await database.close()


async def test_the_writes_about_leases_have_their_points(journal: SQLJournal):
    assert await _passed(journal.claim("one", ttl=_TTL)) == [
        "lease/claim/before",
        "lease/claimed/commit",
        "lease/claim/commit",
        "lease/claim/after",
    ]
    claim = Claim(run=_RUN, lease=1)
    assert await _passed(journal.renew("one", [claim])) == _three("lease/renew")
    assert await _passed(journal.told(claim)) == _three("store/told")
    assert await _passed(journal.release([claim])) == _three("lease/release")


async def test_an_entry_is_named_after_what_it_says_of_which_step(journal: SQLJournal, claim: Claim):
    claimed = Draft(event=Claimed(owner="one"))
    intended = Draft(event=Intended(), step=_STEP)

    assert await _passed(journal.append(claim, 1, [claimed])) == _three("journal/claimed")
    assert await _passed(journal.append(claim, 2, [intended])) == _three(f"journal/intended/{_STEP}")


async def test_interrupts_are_named_after_what_they_come_to(journal: SQLJournal, claim: Claim):
    said = Interrupt(run=_RUN, kind=InterruptKind.HOLD, at=MORNING, person=BO)
    held = Consumed(drafts=(Draft(event=Held(), person=BO),))

    assert await _passed(journal.consume(claim, 1, lambda _: held)) == _three("journal/consume")
    assert await _passed(journal.interrupt(said)) == _three("store/interrupt/hold")
    assert await _passed(journal.consume(claim, 1, lambda _: held)) == [
        "journal/consume/before",
        "journal/heard/held/commit",
        "journal/consume/commit",
        "journal/consume/after",
        "journal/heard/held/after",
    ]


async def test_a_timer_that_fires_has_a_point_of_its_own(journal: SQLJournal, claim: Claim):
    draft = Draft(event=Intended(), step=_STEP)
    await journal.append(claim, 1, [draft], [Timer(purpose="remind:9f86d081884c7d65", due=MORNING)])

    assert await _passed(journal.due(MORNING)) == [
        "timers/due/before",
        "timers/fired/remind/commit",
        "timers/due/commit",
        "timers/due/after",
    ]
    assert await _passed(journal.due(MORNING)) == _three("timers/due")


async def test_what_people_write_has_its_points(database: Database):
    runs = SQLRuns(database, HandClock())

    assert await _passed(runs.create(a_plan(), ADA)) == _three("store/create")
    decided = runs.decide("9f86d081884c7d65", InterruptKind.APPROVE, BO, MORNING)
    assert await _passed(decided) == _three("store/decide/approve")
    assert await _passed(runs.release_quarantine("checkout", "v2.5.0", BO)) == _three(
        "store/release-quarantine"
    )
    line = runs.audit(at=MORNING, person=BO, what="approve", run=_RUN, result="committed")
    assert await _passed(line) == _three("store/audit")


async def test_the_publishers_memory_has_its_points(database: Database, journal: SQLJournal):
    memory = Messages(database)

    reserved = memory.reserve(_RUN, "question/9f86d081884c7d65", "C1")
    assert await _passed(reserved) == _three("store/reserve/question")
    posted = memory.posted(_RUN, "question/9f86d081884c7d65", "1.0", "a")
    assert await _passed(posted) == _three("store/posted/question")
    deleted = memory.deleted(_RUN, "question/9f86d081884c7d65")
    assert await _passed(deleted) == _three("store/deleted/question")
    updated = memory.updated(_RUN, "question/9f86d081884c7d65", "b")
    assert await _passed(updated) == _three("store/updated/question")


def _three(name: str) -> list[str]:
    return [f"{name}/before", f"{name}/commit", f"{name}/after"]


async def _passed(call: Awaitable[object]) -> list[str]:
    with passed_points() as passed:
        await call
    return passed
