"""Taking a backup: from one moment, beside the bot, whole or not at all."""

import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.domain.errors import ConfigError
from storage import Database, SQLRuns, back_up
from storage.archive import Archive, Writer
from tests.storage.conftest import POSTGRESQL, SQLITE, full
from tests.support.builders import ADA, MORNING, a_plan
from tests.support.clocks import HandClock

KINDS = [SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.live)]


def rows(backup: Path, table: str) -> list[dict]:
    with Archive.opened(backup) as archive:
        return [json.loads(line) for line in archive.lines(f"tables/{table}.jsonl")]


def names_in(folder: Path, part: str = "") -> list[str]:
    return [file.name for file in folder.iterdir() if part in file.name]


def meanwhile(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """It happens when the first table is packed and the others are not."""
    add = Writer.add
    parts: list[str] = []

    def add_and_wait(self, name, pieces, *, are_rows):
        part = add(self, name, pieces, are_rows=are_rows)
        if not parts:
            happens()
        parts.append(name)
        return part

    monkeypatch.setattr(Writer, "add", add_and_wait)


@pytest.mark.parametrize("kind", KINDS)
async def test_what_the_bot_writes_meanwhile_waits_for_nothing_and_is_not_in_the_backup(
    kind: str, url_of, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    url = url_of(kind, "a")
    bot = full(url)
    runs, written = SQLRuns(bot, HandClock()), []

    def write() -> None:
        with bot._writes.begin() as connection:
            connection.execute(text("INSERT INTO counters VALUES ('newcomer', 1)"))
            connection.execute(text("UPDATE runs SET state = 'stopped' WHERE id = 'new-1'"))
        written.append("yes")

    meanwhile(monkeypatch, write)
    await back_up(url, None, tmp_path / "b.zip")

    assert written == ["yes"]
    assert "newcomer" not in {row["application"] for row in rows(tmp_path / "b.zip", "counters")}
    assert [r["state"] for r in rows(tmp_path / "b.zip", "runs") if r["id"] == "new-1"] == ["running"]
    assert (await runs.recent(1))[0] is not None
    await bot.close()


async def test_a_backup_is_there_when_it_is_whole_and_only_its_owner_may_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    url, to = f"sqlite:///{tmp_path}/a.db", tmp_path / "backups" / "b.zip"
    to.parent.mkdir()
    await full(url).close()
    seen: list[tuple[str, int]] = []
    meanwhile(monkeypatch, lambda: seen.extend((f.name, f.stat().st_mode) for f in to.parent.iterdir()))

    await back_up(url, None, to)

    assert [name for name, _ in seen if name == "b.zip"] == []
    assert [stat.S_IMODE(mode) for _, mode in seen] == [0o600]
    assert names_in(to.parent) == ["b.zip"]
    assert stat.S_IMODE(to.stat().st_mode) == 0o600


async def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path):
    url, to = f"sqlite:///{tmp_path}/a.db", tmp_path / "b.zip"
    await full(url).close()
    to.write_text("yesterday's")

    with pytest.raises(FileExistsError):
        await back_up(url, None, to)

    assert to.read_text() == "yesterday's"


async def test_a_file_that_comes_meanwhile_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    url, to = f"sqlite:///{tmp_path}/a.db", tmp_path / "b.zip"
    await full(url).close()
    meanwhile(monkeypatch, lambda: to.write_text("somebody else's"))

    with pytest.raises(FileExistsError):
        await back_up(url, None, to)

    assert to.read_text() == "somebody else's"
    assert names_in(tmp_path, ".zip") == ["b.zip"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_table_that_this_version_does_not_know_is_not_left_out_in_silence(
    kind: str, url_of, tmp_path: Path
):
    database = full(url := url_of(kind, "a"))
    with database._writes.begin() as connection:
        connection.execute(text("CREATE TABLE diary (day TEXT)"))
    await database.close()

    with pytest.raises(ConfigError, match="the table diary is none of Slackwater's"):
        await back_up(url, None, tmp_path / "b.zip")

    assert names_in(tmp_path, ".zip") == []


async def test_a_table_that_is_missing_is_not_passed_over(tmp_path: Path):
    database = full(url := f"sqlite:///{tmp_path}/a.db")
    with database._writes.begin() as connection:
        connection.execute(text("DROP TABLE votes"))
    await database.close()

    with pytest.raises(ConfigError, match="the table votes is missing"):
        await back_up(url, None, tmp_path / "b.zip")


async def test_a_column_whose_type_cannot_be_carried_stops_the_backup(tmp_path: Path):
    database = full(url := f"sqlite:///{tmp_path}/a.db")
    with database._writes.begin() as connection:
        connection.execute(text("ALTER TABLE votes ADD COLUMN weight NUMERIC"))
    await database.close()

    with pytest.raises(ConfigError, match=r"votes\.weight is of type NUMERIC"):
        await back_up(url, None, tmp_path / "b.zip")


async def test_a_row_that_cannot_be_read_stops_the_backup(tmp_path: Path):
    database = full(url := f"sqlite:///{tmp_path}/a.db")
    with database._writes.begin() as connection:
        connection.execute(text("UPDATE timers SET due = 'tomorrow'"))
    await database.close()

    with pytest.raises(ConfigError, match="it cannot be read"):
        await back_up(url, None, tmp_path / "b.zip")


async def test_a_database_that_is_not_there_is_not_made_by_backing_it_up(tmp_path: Path):
    with pytest.raises(ConfigError, match="there is no such database"):
        await back_up(f"sqlite:///{tmp_path}/a.db", None, tmp_path / "b.zip")

    assert names_in(tmp_path) == []


async def test_an_empty_database_is_no_state_worth_keeping(tmp_path: Path):
    (tmp_path / "a.db").touch()

    with pytest.raises(ConfigError, match="holds nothing of Slackwater's yet"):
        await back_up(f"sqlite:///{tmp_path}/a.db", None, tmp_path / "b.zip")


async def test_a_database_of_a_newer_version_is_left_to_that_version(tmp_path: Path):
    database = full(url := f"sqlite:///{tmp_path}/a.db")
    with database._writes.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await database.close()

    with pytest.raises(ConfigError, match="take the backup with that version"):
        await back_up(url, None, tmp_path / "b.zip")


async def test_reports_are_in_it_and_links_are_not_followed(tmp_path: Path):
    url, reports, secret = f"sqlite:///{tmp_path}/a.db", tmp_path / "artifacts", tmp_path / "secret"
    await full(url).close()
    (reports / "promoted-1").mkdir(parents=True)
    (reports / "promoted-1" / "tests.md").write_text("# Tests: passed")
    secret.mkdir()
    (secret / "key").write_text("s3cret")
    (reports / "key").symlink_to(secret / "key")
    (reports / "all").symlink_to(secret)

    manifest = await back_up(url, reports, tmp_path / "b.zip")

    with zipfile.ZipFile(tmp_path / "b.zip") as packed:
        assert packed.read("artifacts/promoted-1/tests.md") == b"# Tests: passed"
    assert [part.name for part in manifest.parts if part.rows is None] == ["artifacts/promoted-1/tests.md"]


async def test_a_backup_among_the_reports_would_hold_all_backups_before_it(tmp_path: Path):
    url, reports = f"sqlite:///{tmp_path}/a.db", tmp_path / "artifacts"
    await full(url).close()
    reports.mkdir()

    with pytest.raises(ConfigError, match="among the reports"):
        await back_up(url, reports, reports / "b.zip")


async def test_the_backup_says_what_is_in_it_in_plain_json(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/a.db"
    database = Database(url)
    await database.migrate()
    await SQLRuns(database, HandClock()).create(a_plan(), ADA)
    await database.close()

    await back_up(url, None, tmp_path / "b.zip")

    with zipfile.ZipFile(tmp_path / "b.zip") as packed:
        manifest = json.loads(packed.read("manifest.json"))
        (run,) = packed.read("tables/runs.jsonl").splitlines()
    assert manifest["format"] == "slackwater-backup"
    assert {part["name"]: part["rows"] for part in manifest["parts"]}["tables/journal.jsonl"] == 1
    assert json.loads(run)["started_at"] == MORNING.isoformat()
