"""`slackwater audit verify`: what it prints and how it ends."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.__main__ import app
from tests.security.trail import Trail

SETTINGS = """
slack: {channels: {deploys: "#deploys"}}
applications:
  checkout:
    image: registry.example.com/checkout
    environments:
      production: {platform: {namespace: production, workload: checkout}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A bot's folder with an audit of three lines."""
    (tmp_path / "slackwater.yaml").write_text(SETTINGS)
    asyncio.run(_with_trail(tmp_path, lambda trail: trail.writes(3)))
    return tmp_path


async def _with_trail(folder: Path, work) -> None:
    trail = Trail(f"sqlite:///{folder}/slackwater.db")
    await trail.database.migrate()
    await work(trail)
    await trail.database.close()


def change(folder: Path) -> None:
    tampers = "UPDATE audit SET what = 'x' WHERE id = 2"
    asyncio.run(_with_trail(folder, lambda trail: trail.tampers(tampers)))


def slackwater(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_a_trail_as_written_is_said_to_be_so(folder: Path):
    by_file = slackwater("audit", "verify", "--config", folder / "slackwater.yaml")
    by_folder = slackwater("audit", "--data", folder, "verify")

    assert by_file.exit_code == by_folder.exit_code == 0
    assert by_file.stdout.startswith("3 lines, all as written\n")
    assert by_folder.stdout == by_file.stdout


def test_a_changed_line_is_named_with_what_to_do(folder: Path):
    change(folder)

    told = slackwater("audit", "verify", "--data", folder)

    assert told.exit_code == 1
    assert told.stdout.startswith("line 2 is not the one that was written under this number\n")
    assert "Trust no line from 2 on." in told.stdout
    assert "compare with a backup" in told.stdout


def test_programs_are_told_in_json(folder: Path):
    well = slackwater("audit", "verify", "--data", folder, "--json")
    change(folder)
    ill = slackwater("audit", "verify", "--data", folder, "--json")

    assert (well.exit_code, ill.exit_code) == (0, 1)
    assert json.loads(well.stdout) | {"hash": ""} == {"ok": True, "lines": 3, "hash": ""}
    found = json.loads(ill.stdout)
    assert (found["ok"], found["kind"], found["line"]) == (False, "changed", 2)
    assert found["remedy"]


def test_a_hash_that_was_noted_has_to_be_there(folder: Path):
    noted = json.loads(slackwater("audit", "verify", "--data", folder, "--json").stdout)["hash"]

    there = slackwater("audit", "verify", "--data", folder, "--noted", noted)
    gone = slackwater("audit", "verify", "--data", folder, "--noted", "ab" * 32)

    assert (there.exit_code, gone.exit_code) == (0, 1)
    assert "the whole trail was written anew" in gone.stdout


def test_the_trail_is_still_listed(folder: Path):
    listed = slackwater("audit", "--data", folder, "--json")

    assert listed.exit_code == 0
    assert [json.loads(line)["id"] for line in listed.stdout.splitlines()] == [3, 2, 1]


@pytest.mark.parametrize("words", [("audit", "varify"), ("audit", "--noted", "ab" * 32), ("audit", "verify")])
def test_a_wrong_use_ends_with_2(folder: Path, words: tuple[str, ...]):
    where = ("--data", folder) if words != ("audit", "verify") else ()

    assert slackwater(*words, *where).exit_code == 2


def test_no_database_is_no_trail(tmp_path: Path):
    (tmp_path / "slackwater.yaml").write_text(SETTINGS)

    told = slackwater("audit", "verify", "--data", tmp_path)

    assert told.exit_code == 1
    assert "revision none" in told.stderr
