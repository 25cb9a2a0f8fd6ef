"""Bringing a backup back: into an empty database of either kind, as it was, and whole or not at all."""

import asyncio
import json
import random
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bot.domain.actions import Decommission
from bot.domain.errors import ConfigError, LeaseLost
from bot.domain.events import Draft, Ended, Ending, Noted, Timer
from bot.domain.interrupts import Interrupt, InterruptKind, answer_to
from bot.domain.people import Person
from bot.domain.plan import Phase, Step
from bot.domain.reasons import Reason
from bot.domain.run import RunState
from bot.ports import Claim, Consumed
from storage import Restored, Restoring, SQLJournal, SQLRuns, back_up, restore
from storage.archive import Archive
from storage.schema import HEAD, revisions, upgrade
from tests.storage.conftest import POSTGRESQL, SQLITE, contents, full
from tests.support.builders import ADA, BO, MORNING, a_plan
from tests.support.clocks import HandClock
from tests.support.history import InlineDatabase

KINDS = [SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.live)]
WAYS = [
    pytest.param(SQLITE, SQLITE, id="sqlite-sqlite"),
    pytest.param(SQLITE, POSTGRESQL, id="sqlite-postgresql", marks=pytest.mark.live),
    pytest.param(POSTGRESQL, SQLITE, id="postgresql-sqlite", marks=pytest.mark.live),
]
CONSOLE = Person(id="console", name="root")
# The newest moment in the kept databases is some minutes after nine.
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def restoring(*, nothing_since: bool = True, at: datetime = NOW) -> Restoring:
    return Restoring(
        by=CONSOLE, at=at, now=NOW, applications=("waits", "newcomer"), nothing_since=nothing_since
    )


async def backup_of(
    url: str, folder: Path, revision: str = HEAD, *, is_upgraded: bool = True
) -> tuple[Path, dict[str, list[dict[str, Any]]]]:
    """A backup of a database in which much has happened, and everything that was in it."""
    database, backup = full(url, revision, is_upgraded=is_upgraded), folder / "b.zip"
    before = contents(database)
    await database.close()
    await back_up(url, None, backup)
    return backup, before


@dataclass(frozen=True)
class Taken:
    """A backup of a SQLite database in which much has happened, and everything that was in it."""

    path: Path
    before: dict[str, list[dict[str, Any]]]
    at: datetime


@pytest.fixture(scope="session")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Taken:
    folder = tmp_path_factory.mktemp("taken")
    path, before = asyncio.run(backup_of(f"sqlite:///{folder}/a.db", folder))
    with Archive.opened(path) as archive:
        return Taken(path, before, archive.manifest.taken_at)


async def brought_to(url: str, backup: Path, **told: Any) -> tuple[InlineDatabase, Restored]:
    restored = await restore(url, None, backup, restoring(**told))
    return InlineDatabase(url), restored


def remade(backup: Path, made: Path, change: Callable[[dict[str, bytes]], object]) -> Path:
    """The same backup with other parts in it."""
    with zipfile.ZipFile(backup) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    change(parts)
    with zipfile.ZipFile(made, "w") as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return made


def with_manifest(**changes: Any) -> Callable[[dict[str, bytes]], object]:
    def change(parts: dict[str, bytes]) -> None:
        parts["manifest.json"] = json.dumps(json.loads(parts["manifest.json"]) | changes).encode()

    return change


def with_part(name: str, content: bytes, *, rows: int | None = None) -> Callable[[dict[str, bytes]], object]:
    """A part that the manifest vouches for."""
    from hashlib import sha256

    def change(parts: dict[str, bytes]) -> None:
        parts[name] = content
        manifest = json.loads(parts["manifest.json"])
        others = [part for part in manifest["parts"] if part["name"] != name]
        own = {"name": name, "size": len(content), "sha256": sha256(content).hexdigest(), "rows": rows}
        parts["manifest.json"] = json.dumps(manifest | {"parts": [*others, own]}).encode()

    return change


def file_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


@pytest.mark.parametrize(("source", "target"), WAYS)
async def test_every_row_comes_back_as_it_was(source: str, target: str, url_of, tmp_path: Path):
    backup, before = await backup_of(url_of(source, "a"), tmp_path)

    database, restored = await brought_to(url_of(target, "b"), backup)

    after = contents(database)
    numbers = {row["id"]: row["lease_number"] for row in before["runs"]}
    assert {row["id"]: row["lease_number"] - 1 for row in after["runs"]} == numbers
    assert {row["lease_owner"] for row in after["runs"]} == {None}
    for row in (*before["runs"], *after["runs"]):
        for lease in [column for column in row if column.startswith("lease_")]:
            del row[lease]
    assert sorted(after) == sorted(before)
    for table, rows in before.items():
        assert by_key(after[table]) == by_key(rows), table
    assert restored.held == ()
    await database.close()


def by_key(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The two kinds of database order text each in its own way."""
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("revision", revisions()[:-1])
async def test_a_backup_of_an_earlier_version_is_brought_to_this_one(
    kind: str, revision: str, url_of, tmp_path: Path
):
    backup, before = await backup_of(url_of(SQLITE, "a"), tmp_path, revision, is_upgraded=False)

    database, restored = await brought_to(url_of(kind, "b"), backup)

    assert restored.manifest.revision == revision
    runs = SQLRuns(database, HandClock(NOW))
    states = {row["id"]: (await runs.load(row["id"])).state for row in before["runs"]}
    assert states == {row["id"]: RunState(row["state"]) for row in before["runs"]}
    with database._reads.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD
    await database.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_written_afterwards_gets_numbers_of_its_own(kind: str, url_of, taken: Taken):
    database, _ = await brought_to(url_of(kind, "b"), taken.path)
    clock = HandClock(NOW)
    runs, journal = SQLRuns(database, clock), SQLJournal(database, clock)

    await runs.audit(at=NOW, person=BO, what="resume", run="waits-1", result="committed")
    await journal.interrupt(Interrupt(run="waits-1", kind=InterruptKind.HOLD, at=NOW, person=BO))
    run = await runs.create(a_plan(application="waits", environment="other"), ADA)

    after = contents(database)
    for table in ("audit", "interrupts"):
        assert [row["id"] for row in after[table]][-1] == max(row["id"] for row in taken.before[table]) + 1
    assert run.id == "waits-2"
    await database.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", ["UPDATE {} SET at = at", "DELETE FROM {}"])
@pytest.mark.parametrize("table", ["journal", "audit"])
async def test_a_restored_journal_and_audit_cannot_be_changed(
    kind: str, table: str, change: str, url_of, taken: Taken
):
    database, _ = await brought_to(url_of(kind, "b"), taken.path)

    with pytest.raises(DBAPIError, match="append-only"), database._writes.begin() as connection:
        connection.execute(text(change.format(table)))

    await database.close()


async def test_a_process_that_drove_before_the_restore_can_write_nothing_more(tmp_path: Path, taken: Taken):
    led = {row["id"]: row["lease_number"] for row in taken.before["runs"]}["waits-1"]
    # It was restarted again and again after the backup was taken, once in ten seconds for an hour.
    database, _ = await brought_to(
        f"sqlite:///{tmp_path}/b.db", taken.path, nothing_since=False, at=taken.at + timedelta(hours=1)
    )
    journal = SQLJournal(database, HandClock(NOW))
    newest = len(await journal.entries("waits-1"))

    claims = await journal.claim("the new one", ttl=timedelta(seconds=15))

    (new,) = [claim.lease for claim in claims if claim.run == "waits-1"]
    for old in range(led, led + 360):
        assert old < new
        with pytest.raises(LeaseLost):
            await journal.append(
                Claim(run="waits-1", lease=old), newest, [Draft(event=Noted(key="k", sentence="!"))]
            )
    await database.close()


async def test_what_may_have_happened_since_the_backup_is_left_room_for(tmp_path: Path, taken: Taken):
    database, restored = await brought_to(
        f"sqlite:///{tmp_path}/b.db", taken.path, nothing_since=False, at=taken.at + timedelta(hours=2)
    )

    before, after = taken.before, contents(database)
    numbers = {row["id"]: row["lease_number"] for row in before["runs"]}
    assert {row["lease_number"] - numbers[row["id"]] for row in after["runs"]} == {7210}
    newest = {row["application"]: row["newest"] for row in after["counters"]}
    assert (newest["waits"], newest["newcomer"]) == (131, 130)
    assert {row["hash"] for row in after["messages"]} == {None}
    assert [row["ts"] for row in after["messages"]] == [row["ts"] for row in before["messages"]]
    assert set(restored.held) == {"waits-1", "asks-again-1", "bakes-1", "new-1"}
    await database.close()


async def test_a_run_on_its_way_forward_is_held_by_who_restores_before_anything_else_is_heard(
    tmp_path: Path, taken: Taken
):
    database, _ = await brought_to(f"sqlite:///{tmp_path}/b.db", taken.path, nothing_since=False)

    new = contents(database)["interrupts"][len(taken.before["interrupts"]) :]
    assert {row["run"]: row["kind"] for row in new} == dict.fromkeys(
        ["waits-1", "asks-again-1", "bakes-1", "new-1"], "hold"
    )
    assert {json.loads(row["person"])["name"] for row in new} == {"root"}
    assert all("what happened after it is not known here" in row["sentence"] for row in new)
    await database.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_database_that_holds_something_is_refused_and_left_alone(kind: str, url_of, taken: Taken):
    there = full(url := url_of(kind, "b"))
    before = contents(there)

    with pytest.raises(ConfigError, match=r"it has rows already: .* 10 in runs.*an empty database only"):
        await restore(url, None, taken.path, restoring())

    assert contents(there) == before
    await there.close()


async def test_a_database_of_somebody_elses_is_refused(tmp_path: Path, taken: Taken):
    theirs = InlineDatabase(f"sqlite:///{tmp_path}/b.db")
    with theirs._writes.begin() as connection:
        connection.execute(text("CREATE TABLE diary (day TEXT)"))
    await theirs.close()

    with pytest.raises(ConfigError, match="the table diary is none of Slackwater's"):
        await restore(f"sqlite:///{tmp_path}/b.db", None, taken.path, restoring())


@pytest.mark.parametrize("kind", KINDS)
async def test_a_database_that_a_bot_has_prepared_and_not_used_is_empty(kind: str, url_of, taken: Taken):
    prepared = InlineDatabase(url := url_of(kind, "b"))
    with prepared._writes.begin() as connection:
        upgrade(connection, "a test's database")

    database, _ = await brought_to(url, taken.path)

    assert len(contents(database)["journal"]) == len(taken.before["journal"])
    await prepared.close()
    await database.close()


async def test_a_database_prepared_for_later_than_the_backup_is_refused_with_the_remedy(tmp_path: Path):
    backup, _ = await backup_of(f"sqlite:///{tmp_path}/a.db", tmp_path, "0001", is_upgraded=False)
    prepared = InlineDatabase(url := f"sqlite:///{tmp_path}/b.db")
    with prepared._writes.begin() as connection:
        upgrade(connection, "a test's database")
    await prepared.close()

    with pytest.raises(
        ConfigError, match=r"prepared for revision .* of revision 0001; .*move this file away"
    ):
        await restore(url, None, backup, restoring())


REFUSED = {
    "of a newer layout": (with_manifest(format_version=2), "a newer version of Slackwater has written it"),
    "of a newer revision": (with_manifest(revision="9999"), "its tables are of revision 9999"),
    "of another program": (with_manifest(format="tar"), "its manifest makes no sense"),
    "without a manifest": (lambda parts: parts.pop("manifest.json"), "it is no backup of Slackwater's"),
    "with a part too few": (lambda parts: parts.pop("tables/votes.jsonl"), "does not hold what its manifest"),
    "with a part too many": (lambda parts: parts.update(extra=b"!"), "does not hold what its manifest"),
    "with another row": (
        lambda parts: parts.update(
            {"tables/votes.jsonl": parts["tables/votes.jsonl"].replace(b"U02", b"U03")}
        ),
        "tables/votes.jsonl is damaged",
    ),
    "without a table": (with_manifest(parts=[]), "does not hold what its manifest"),
    "with a table of its own": (with_part("tables/diary.jsonl", b"", rows=0), "not those of its revision"),
    "with other columns": (
        with_part("tables/votes.jsonl", b'{"question": "q1"}\n', rows=1),
        "other columns than the table",
    ),
    "with a number for a text": (
        with_part("tables/counters.jsonl", b'{"application": 1, "newest": 1}\n', rows=1),
        "counters.application does not fit",
    ),
    "with a text for a number": (
        with_part("tables/counters.jsonl", b'{"application": "a", "newest": "1"}\n', rows=1),
        "counters.newest does not fit",
    ),
    "with no number at all": (
        with_part("tables/counters.jsonl", b'{"application": "a", "newest": null}\n', rows=1),
        "counters.newest does not fit",
    ),
    "with no JSON": (with_part("tables/counters.jsonl", b"a, 1\n", rows=1), "a line is not JSON"),
    "with very deep JSON": (with_part("tables/counters.jsonl", b"[" * 99_999, rows=0), "a line is not JSON"),
    "with a list for a row": (with_part("tables/counters.jsonl", b"[]\n", rows=1), "a line is no row"),
    "with rows that were not counted": (
        with_part("tables/counters.jsonl", b'{"application": "a", "newest": 1}\n', rows=2),
        "tables/counters.jsonl is damaged",
    ),
    "with one row twice": (
        with_part("tables/counters.jsonl", b'{"application": "a", "newest": 1}\n' * 2, rows=2),
        "does not take what is in it: UNIQUE constraint failed",
    ),
    "with a vote on no question": (
        with_part(
            "tables/votes.jsonl",
            b'{"question": "none", "person": "U", "at": "2026-11-23T09:00:00+00:00"}\n',
            rows=1,
        ),
        "does not take what is in it: FOREIGN KEY constraint failed",
    ),
    "with a time of no zone": (
        with_part(
            "tables/votes.jsonl", b'{"question": "q1", "person": "U", "at": "2026-11-23T09:00:00"}\n', rows=1
        ),
        "votes.at does not fit",
    ),
    "that leads out of its folder": (with_part("artifacts/../../evil", b"!"), "would lead out of its folder"),
    "that leads to the root": (with_part("artifacts//etc/evil", b"!"), "would lead out of its folder"),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_a_backup_is_refused_that_is(what: str, tmp_path: Path, taken: Taken):
    change, why = REFUSED[what]
    backup = remade(taken.path, tmp_path / "made.zip", change)

    with pytest.raises(ConfigError, match=why.replace("(", r"\(")):
        await restore(f"sqlite:///{tmp_path}/b.db", tmp_path / "reports", backup, restoring())

    assert names_in(tmp_path) == ["made.zip"]


def names_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


async def test_a_backup_that_was_cut_short_or_damaged_anywhere_is_refused_or_whole(
    tmp_path: Path, taken: Taken
):
    whole, chance = taken.path.read_bytes(), random.Random(4)
    broken = [whole[: chance.randrange(len(whole))] for _ in range(40)]
    for _ in range(160):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        broken.append(bytes(damaged))
    url, backup, refused = f"sqlite:///{tmp_path}/b.db", tmp_path / "broken.zip", 0

    for content in broken:
        backup.write_bytes(content)
        try:
            database, _ = await brought_to(url, backup)
        except ConfigError:
            refused += 1
            assert not file_of(url).exists()
        else:
            # A bit that means nothing, such as the time of day of a part.
            assert contents(database)["journal"] == taken.before["journal"]
            await database.close()
            file_of(url).unlink()

    assert refused > 150


async def test_what_fails_at_the_very_end_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    url, reports = f"sqlite:///{tmp_path}/a.db", tmp_path / "artifacts"
    await full(url).close()
    (reports / "new-1").mkdir(parents=True)
    for name in ("build.md", "tests.md"):
        (reports / "new-1" / name).write_text(f"# {name}")
    await back_up(url, reports, tmp_path / "b.zip")
    whole = Archive.pieces

    def runs_out(self, name):
        yield from whole(self, name)
        if name.endswith("tests.md") and (tmp_path / "other" / "new-1" / "build.md").exists():
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(Archive, "pieces", runs_out)
    with pytest.raises(OSError, match="No space left"):
        await restore(f"sqlite:///{tmp_path}/b.db", tmp_path / "other", tmp_path / "b.zip", restoring())

    assert not (tmp_path / "b.db").exists()
    assert [path.name for path in (tmp_path / "other").rglob("*") if path.is_file()] == []


async def test_reports_come_back_and_those_that_are_there_stay(tmp_path: Path):
    url, reports, other = f"sqlite:///{tmp_path}/a.db", tmp_path / "artifacts", tmp_path / "other"
    await full(url).close()
    (reports / "new-1").mkdir(parents=True)
    for name in ("build.md", "tests.md"):
        (reports / "new-1" / name).write_text("as it was")
    await back_up(url, reports, tmp_path / "b.zip")
    (other / "new-1").mkdir(parents=True)
    (other / "new-1" / "tests.md").write_text("newer")

    restored = await restore(f"sqlite:///{tmp_path}/b.db", other, tmp_path / "b.zip", restoring())

    assert restored.reports == 1
    assert (other / "new-1" / "build.md").read_text() == "as it was"
    assert (other / "new-1" / "tests.md").read_text() == "newer"


async def test_no_report_is_written_through_a_link_that_leads_elsewhere(tmp_path: Path):
    url, reports, other = f"sqlite:///{tmp_path}/a.db", tmp_path / "artifacts", tmp_path / "other"
    await full(url).close()
    (reports / "new-1").mkdir(parents=True)
    (reports / "new-1" / "build.md").write_text("as it was")
    await back_up(url, reports, tmp_path / "b.zip")
    other.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (other / "new-1").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ConfigError, match="a link leads out of the folder of reports"):
        await restore(f"sqlite:///{tmp_path}/b.db", other, tmp_path / "b.zip", restoring())

    assert names_in(tmp_path / "elsewhere") == []
    assert not (tmp_path / "b.db").exists()


@pytest.mark.live
async def test_text_that_the_other_kind_of_database_does_not_take_is_refused_whole(url_of, tmp_path: Path):
    database = full(url := url_of(SQLITE, "a"))
    with database._writes.begin() as connection:
        connection.execute(text("UPDATE votes SET person = 'U' || char(0)"))
    await database.close()
    await back_up(url, None, tmp_path / "b.zip")

    with pytest.raises(ConfigError, match="does not take what is in it"):
        await restore(target := url_of(POSTGRESQL, "b"), None, tmp_path / "b.zip", restoring())

    empty = InlineDatabase(target)
    assert contents(empty) == {}
    await empty.close()


LEFT = "after/decommission"


async def cared_for(url: str) -> str:
    """A database with a run that has finished and left something behind; the run."""
    database = InlineDatabase(url)
    await database.migrate()
    step = Step(id=LEFT, title="Remove", action=Decommission(), phase=Phase.FINISH, due=timedelta(hours=9))
    run = await SQLRuns(database, HandClock()).create(a_plan().with_(aftercare=(step,)), ADA)
    journal = SQLJournal(database, HandClock())
    (claim,) = await journal.claim("one", ttl=timedelta(seconds=8))
    ended = Draft(event=Ended(ending=Ending.FINISHED, reason=Reason.FINISHED, sentence="Done."))
    timer = Timer(purpose=f"care:{LEFT}:2", due=MORNING + timedelta(hours=9))
    await journal.append(claim, 1, [ended], [timer])
    assert await journal.told(claim)
    await journal.release([claim])
    await database.close()
    return run.id


@pytest.mark.parametrize("nothing_since", [True, False])
async def test_what_a_finished_run_has_left_is_kept_longer(tmp_path: Path, nothing_since: bool):
    """Somebody may have kept it longer after the backup, and that is lost."""
    run = await cared_for(f"sqlite:///{tmp_path}/a.db")
    await back_up(f"sqlite:///{tmp_path}/a.db", None, tmp_path / "b.zip")
    url = f"sqlite:///{tmp_path}/b.db"
    await restore(url, None, tmp_path / "b.zip", restoring(nothing_since=nothing_since))

    database = InlineDatabase(url)
    journal = SQLJournal(database, HandClock())
    claims = await journal.claim("two", ttl=timedelta(seconds=8))

    assert [claim.run for claim in claims] == ([] if nothing_since else [run])
    before = await journal.load(run)

    def heard(waiting: tuple[Interrupt, ...]) -> Consumed:
        return Consumed(drafts=tuple(draft for one in waiting for draft in answer_to(before, one)))

    for claim in claims:
        answered = await journal.consume(claim, before.seq, heard)
        assert [(entry.kind, entry.person) for entry in answered] == [("put-off", CONSOLE)]
    await database.close()
