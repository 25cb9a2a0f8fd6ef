"""The audit by somebody who may write to the database: whatever they do to its lines is found."""

import asyncio
import threading
import tracemalloc
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bot.domain.errors import Tampered, Unreachable
from storage import FlawKind, Verified
from storage.chain import BEGINNING, append, hash_of, moment
from tests.security.trail import COLUMNS, LINES, OTHERS, Trail
from tests.support.builders import ADA, MORNING


async def test_a_trail_that_only_a_bot_wrote_to_is_as_written(trail: Trail):
    before = await trail.runs.verify_audit()
    await trail.writes()

    assert before == Verified(lines=0, hash=BEGINNING)
    assert (await trail.runs.verify_audit()).flaw is None
    assert (await trail.runs.verify_audit()).lines == LINES


@pytest.mark.parametrize("column", COLUMNS)
async def test_a_changed_column_is_found_and_the_first_changed_line_is_named(trail: Trail, column: str):
    await trail.writes()

    for line in (LINES, 7, 1):
        await trail.tampers(f"UPDATE audit SET {column} = :other WHERE id = {line}", other=OTHERS[column])

        assert await trail.says() == (FlawKind.CHANGED, line)


async def test_a_changed_number_is_found(trail: Trail):
    await trail.writes()

    await trail.tampers(f"UPDATE audit SET id = id + 100 WHERE id = {LINES}")
    last = await trail.says()
    await trail.tampers("UPDATE audit SET id = id + 100 WHERE id = 7")
    middle = await trail.says()

    assert (last, middle) == ((FlawKind.CHANGED, LINES + 100), (FlawKind.REMOVED, 8))


async def test_a_run_that_is_taken_from_its_line_or_given_to_one_is_found(trail: Trail):
    await trail.writes()

    await trail.tampers("UPDATE audit SET run = NULL WHERE id = 8")
    taken = await trail.says()
    await trail.tampers("UPDATE audit SET run = '' WHERE id = 3")
    given = await trail.says()

    assert (taken, given) == ((FlawKind.CHANGED, 8), (FlawKind.CHANGED, 3))


async def test_a_removed_line_is_found(trail: Trail):
    await trail.writes()

    for line in (LINES - 1, 7, 1):
        await trail.tampers(f"DELETE FROM audit WHERE id = {line}")

        assert await trail.says() == (FlawKind.REMOVED, line + 1)


@pytest.mark.parametrize("kept", [0, 1, LINES - 1])
async def test_a_trail_that_was_cut_off_is_found(trail: Trail, kept: int):
    await trail.writes()

    await trail.tampers(f"DELETE FROM audit WHERE id > {kept}")

    flaw = await trail.flaw()
    assert flaw.kind is FlawKind.CUT_OFF
    assert f"{LINES - kept} of {LINES} lines are missing" in flaw.sentence


async def test_a_cut_is_found_when_the_bot_has_gone_on_writing(trail: Trail):
    await trail.writes()
    await trail.tampers("DELETE FROM audit WHERE id > 8")

    await trail.writes(3)

    # Its numbers go on behind what was left, so it looks as if the last one left was another.
    assert await trail.says() == (FlawKind.CHANGED, 8)


async def test_swapped_lines_are_found(trail: Trail):
    await trail.writes()

    await trail.tampers("UPDATE audit SET id = 1000 WHERE id = 4")
    await trail.tampers("UPDATE audit SET id = 4 WHERE id = 7")
    await trail.tampers("UPDATE audit SET id = 7 WHERE id = 1000")

    assert await trail.says() == (FlawKind.CHANGED, 4)


async def test_contents_that_changed_places_are_found(trail: Trail):
    await trail.writes()

    await trail.tampers(
        "UPDATE audit SET what = (SELECT other.what FROM audit AS other WHERE other.id = 11 - audit.id) "
        "WHERE id IN (5, 6)"
    )

    assert await trail.says() == (FlawKind.CHANGED, 5)


async def inserts(trail: Trail, number: int, previous: str) -> None:
    content = {"person": "{}", "what": "release v6.6.6", "run": None, "result": "released"}
    own = hash_of(id=number, at=moment(MORNING), previous=previous, **content)
    await trail.tampers(
        "INSERT INTO audit (id, at, person, what, run, result, previous, hash) "
        "VALUES (:id, :at, :person, :what, :run, :result, :previous, :hash)",
        id=number,
        at="2026-11-23 09:00:00.000000" + ("+00:00" if trail.kind == "postgresql" else ""),
        previous=previous,
        hash=own,
        **content,
    )


async def test_a_line_that_was_slipped_in_behind_the_end_is_found(trail: Trail):
    await trail.writes()
    newest = (await trail.runs.verify_audit()).hash

    await inserts(trail, LINES + 1, newest)

    assert await trail.says() == (FlawKind.INSERTED, LINES + 1)


async def test_it_is_found_when_the_bot_has_gone_on_writing(trail: Trail):
    await trail.writes()
    await inserts(trail, LINES + 1, (await trail.runs.verify_audit()).hash)

    await trail.writes(3)

    assert await trail.says() == (FlawKind.INSERTED, LINES + 1)


async def test_a_line_that_was_slipped_in_between_is_found(trail: Trail):
    await trail.writes(6)
    # A gap, as a migrated trail of PostgreSQL may have one.
    await trail.tampers("DELETE FROM audit WHERE id > 3")
    await trail.tampers("UPDATE audit_head SET lines = 3, hash = (SELECT hash FROM audit WHERE id = 3)")
    await inserts(trail, 9, await trail.hashes(3))
    await trail.tampers("UPDATE audit_head SET lines = 4, hash = (SELECT hash FROM audit WHERE id = 9)")
    assert (await trail.runs.verify_audit()).flaw is None

    await inserts(trail, 5, await trail.hashes(3))

    assert await trail.says() == (FlawKind.INSERTED, 5)


async def test_a_line_in_front_of_the_first_is_found(trail: Trail):
    await trail.writes()

    await inserts(trail, 0, BEGINNING)

    assert await trail.says() == (FlawKind.INSERTED, 0)


@pytest.mark.parametrize("line", [3, LINES])
async def test_a_changed_line_that_was_hashed_anew_is_found(trail: Trail, line: int):
    await trail.writes()
    own = await trail.hashes(line, what="start v6.6.6")

    await trail.tampers(f"UPDATE audit SET what = 'start v6.6.6', hash = :own WHERE id = {line}", own=own)

    assert await trail.says() == (FlawKind.CHANGED, line)


async def hash_all_anew(trail: Trail) -> None:
    """What is left of the trail, chained as if nothing had ever been there besides."""
    before = BEGINNING
    found = await trail.database.read(
        lambda session: session.scalars(text("SELECT id FROM audit ORDER BY id")).all()
    )
    for number in found:
        own = await trail.hashes(number, previous=before)
        await trail.tampers(
            f"UPDATE audit SET previous = :before, hash = :own WHERE id = {number}", before=before, own=own
        )
        before = own


async def test_a_removed_line_is_found_when_the_rest_was_hashed_anew(trail: Trail):
    await trail.writes()
    await trail.tampers("DELETE FROM audit WHERE id = 5")

    await hash_all_anew(trail)

    flaw = await trail.flaw()
    assert flaw.kind is FlawKind.CUT_OFF
    assert f"1 of {LINES} lines are missing" in flaw.sentence


async def test_a_trail_that_was_written_anew_to_its_end_is_found_by_a_noted_hash(trail: Trail):
    await trail.writes()
    noted = (await trail.runs.verify_audit()).hash
    await trail.writes(2)
    assert (await trail.runs.verify_audit(noted)).flaw is None
    await trail.tampers("DELETE FROM audit WHERE id = 5")
    await hash_all_anew(trail)
    await trail.tampers(
        f"UPDATE audit_head SET lines = {LINES + 1}, hash = (SELECT hash FROM audit ORDER BY id DESC LIMIT 1)"
    )

    alone = await trail.runs.verify_audit()
    with_the_hash = await trail.flaw(noted)

    assert alone.flaw is None
    assert with_the_hash.kind is FlawKind.REWRITTEN


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("DELETE FROM audit_head", FlawKind.END_CHANGED),
        (f"UPDATE audit_head SET lines = {LINES - 1}", FlawKind.END_CHANGED),
        (f"UPDATE audit_head SET lines = {LINES + 1}", FlawKind.CUT_OFF),
        ("UPDATE audit_head SET hash = 'ab'", FlawKind.CHANGED),
        ("UPDATE audit_head SET lines = 5, hash = (SELECT hash FROM audit WHERE id = 5)", FlawKind.INSERTED),
    ],
)
async def test_a_changed_end_is_found(trail: Trail, statement: str, kind: FlawKind):
    await trail.writes()

    await trail.tampers(statement)

    assert (await trail.flaw()).kind is kind


async def test_nothing_stands_in_the_way_of_a_backup_before_the_first_line(trail: Trail):
    heads = await trail.database.read(lambda session: session.scalar(text("SELECT count(*) FROM audit_head")))

    assert heads == 0


async def test_of_several_first_lines_each_has_its_place(trail: Trail):
    others = [Trail(trail.url) for _ in range(3)]

    await asyncio.gather(*(one.writes(1) for one in (trail, *others)))

    found = await trail.runs.verify_audit()
    assert (found.lines, found.flaw) == (4, None)
    for other in others:
        await other.database.close()


async def test_nobody_writes_on_behind_an_end_that_is_gone(trail: Trail):
    await trail.writes(2)
    await trail.tampers("DELETE FROM audit_head")

    with pytest.raises(Tampered, match="slackwater audit verify"):
        await trail.writes(1)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_head SET lines = lines - 1",
        "UPDATE audit_head SET hash = 'ab'",
        "DELETE FROM audit_head",
        "INSERT INTO audit_head VALUES (2, 0, '')",
    ],
)
async def test_the_database_itself_refuses_to_take_the_end_back(trail: Trail, change: str):
    await trail.writes(2)

    with pytest.raises(DBAPIError, match=r"append-only|audit_has_one_head"):
        await trail.database.run(lambda session: session.execute(text(change)), "test")

    assert (await trail.runs.verify_audit()).lines == 2


async def test_bots_that_write_at_once_do_not_fork_the_chain(trail: Trail):
    others = [Trail(trail.url) for _ in range(2)]

    await asyncio.gather(
        *(
            one.runs.audit(at=MORNING, person=ADA, what=f"hold {number}", run=None, result="done")
            for one in (trail, *others)
            for number in range(40)
        )
    )

    found = await trail.runs.verify_audit()
    assert (found.lines, found.flaw) == (120, None)
    for other in others:
        await other.database.close()


@pytest.mark.live
async def test_a_bot_that_is_frozen_while_it_writes_keeps_no_other_from_writing(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
):
    other = Trail(postgresql_url)
    await other.database.migrate()
    monkeypatch.setattr("storage.database._SERVER_LIMITS", ("idle_in_transaction_session_timeout=200",))
    frozen = Trail(postgresql_url)
    holds, thawed = threading.Event(), threading.Event()

    def work(session):
        append(session, [{"at": MORNING, "person": "{}", "what": "late", "run": None, "result": "done"}])
        session.flush()
        holds.set()
        thawed.wait(20)
        session.execute(text("SELECT 1"))

    writing = asyncio.create_task(frozen.database.run(work, "test"))
    await asyncio.to_thread(holds.wait, 20)
    await other.writes(2)
    thawed.set()

    with pytest.raises(Unreachable, match="idle-in-transaction timeout"):
        await writing
    found = await other.runs.verify_audit()
    assert (found.lines, found.flaw) == (2, None)
    for bot in (frozen, other):
        await bot.database.close()


async def test_a_trail_that_is_being_written_is_as_written(trail: Trail):
    await trail.writes(3)
    writing = asyncio.create_task(trail.writes(30))

    seen = []
    while not writing.done():
        seen.append((await trail.runs.verify_audit()).flaw)
        await asyncio.sleep(0)

    await writing
    assert set(seen) == {None}


@pytest.mark.parametrize(
    "change",
    ["at = 'yesterday'", "at = 7", "what = x'ff00'", "what = CAST(x'ff' AS TEXT)", "person = 7", "run = ''"],
)
async def test_a_value_that_only_sqlite_takes_is_found_and_breaks_nothing(tmp_path: Path, change: str):
    trail = Trail(f"sqlite:///{tmp_path}/slackwater.db")
    await trail.database.migrate()
    await trail.writes()

    await trail.tampers(f"UPDATE audit SET {change} WHERE id = 3")

    assert await trail.says() == (FlawKind.CHANGED, 3)
    await trail.database.close()


async def test_a_long_trail_is_walked_in_little_memory(tmp_path: Path):
    trail = Trail(f"sqlite:///{tmp_path}/slackwater.db")
    await trail.database.migrate()
    line = {"at": MORNING, "person": "{}", "what": "x" * 4_000, "run": None, "result": "done"}
    for _ in range(4):
        await trail.database.run(lambda session: append(session, [line] * 1_000), "test")

    tracemalloc.start()
    found = await trail.runs.verify_audit()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (found.lines, found.flaw) == (4_000, None)
    assert peak < 10_000_000  # the trail has 16 MB
    await trail.database.close()
