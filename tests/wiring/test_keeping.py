"""`slackwater backup` and `slackwater restore`, as they are typed."""

import sqlite3
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from bot.__main__ import app
from storage.schema import HEAD
from tests.support import revisions as kept
from tests.support.history import InlineDatabase
from tests.support.stand_ins import settings_for


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder: the settings, the database of a bot that was killed, and a report."""
    settings = settings_for("http://127.0.0.1:1", tmp_path / "checkout", {}, {})
    (tmp_path / "slackwater.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    database = InlineDatabase(f"sqlite:///{tmp_path}/slackwater.db")
    with database._writes.begin() as connection:
        kept.load(connection, kept.KEPT / HEAD)
    database._reads.dispose()
    (tmp_path / "artifacts" / "promoted-1").mkdir(parents=True)
    (tmp_path / "artifacts" / "promoted-1" / "tests.md").write_text("# Tests: passed")
    return tmp_path


def typed(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_a_backup_and_its_restore_are_one_command_each(folder: Path):
    taken = typed("backup", "--data", folder, folder / "b.zip")
    (folder / "slackwater.db").unlink()
    (folder / "artifacts" / "promoted-1" / "tests.md").unlink()

    brought_back = typed("restore", "--data", folder, folder / "b.zip")

    assert taken.exit_code == brought_back.exit_code == 0
    assert "10 runs" in taken.output
    assert "1 report;" in taken.output
    assert "Held until an approver resumes or somebody rolls back: " in brought_back.output
    assert "Make sure that no other process of the bot runs, then start it." in brought_back.output
    assert (folder / "artifacts" / "promoted-1" / "tests.md").read_text() == "# Tests: passed"
    assert "waits-1" in typed("runs", "--config", folder / "slackwater.yaml").output


def test_who_restored_stands_in_the_audit(folder: Path):
    typed("backup", "--data", folder, folder / "b.zip")
    (folder / "slackwater.db").unlink()

    typed("restore", "--data", folder, folder / "b.zip")

    newest = typed("audit", "--data", folder).output.splitlines()[0]
    assert "restore a backup of" in newest
    assert newest.endswith("restored")


def test_the_audits_chain_holds_over_a_restore_and_goes_on(folder: Path):
    typed("backup", "--data", folder, folder / "b.zip")
    (folder / "slackwater.db").unlink()
    typed("restore", "--data", folder, folder / "b.zip")

    verified = typed("audit", "verify", "--data", folder)

    assert verified.exit_code == 0, verified.output


def test_an_application_that_is_configured_gets_a_run_number_of_its_own_after_a_restore(folder: Path):
    typed("backup", "--data", folder, folder / "b.zip")
    (folder / "slackwater.db").unlink()

    typed("restore", "--data", folder, folder / "b.zip")

    with sqlite3.connect(folder / "slackwater.db") as connection:
        (newest,) = connection.execute(
            "SELECT newest FROM counters WHERE application = 'checkout'"
        ).fetchone()
    connection.close()
    assert newest >= 10


def test_nothing_is_held_if_the_bot_has_not_run_since(folder: Path):
    typed("backup", "--data", folder, folder / "b.zip")
    (folder / "slackwater.db").unlink()

    brought_back = typed("restore", "--nothing-since", "--data", folder, folder / "b.zip")

    assert brought_back.exit_code == 0
    assert "Held" not in brought_back.output


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("backup", "--data", "{}", "{}/slackwater.yaml"), "is there already, and is not overwritten"),
        (("backup", "--data", "{}", "{}/no/b.zip"), "no does not exist: create it first"),
        (("restore", "--data", "{}", "{}/none.zip"), "there is no such file: name a backup"),
        (("restore", "--data", "{}", "{}/slackwater.yaml"), "it is no backup, or was cut short"),
        (("restore", "--data", "{}", "{}/b.zip"), "an empty database only"),
    ],
)
def test_what_cannot_be_done_is_said_with_its_remedy(folder: Path, words: tuple[str, ...], why: str):
    typed("backup", "--data", folder, folder / "b.zip")
    before = (folder / "slackwater.yaml").read_text()

    refused = typed(*(word.format(folder) for word in words))

    assert refused.exit_code == 1
    assert why in refused.stderr
    assert (folder / "slackwater.yaml").read_text() == before


def test_whose_state_is_meant_has_to_be_said(tmp_path: Path):
    assert typed("backup", tmp_path / "b.zip").exit_code == 2


def test_a_database_of_an_earlier_version_is_backed_up_before_it_is_upgraded(folder: Path):
    (folder / "slackwater.db").unlink()
    database = InlineDatabase(f"sqlite:///{folder}/slackwater.db")
    with database._writes.begin() as connection:
        kept.load(connection, kept.KEPT / "0001")
    database._reads.dispose()

    taken = typed("backup", "--data", folder, folder / "b.zip")

    assert "tables of revision 0001" in taken.output
    with sqlite3.connect(folder / "slackwater.db") as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
    connection.close()
