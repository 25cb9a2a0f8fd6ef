"""Journals that earlier versions wrote, folded by this one. They are never changed, only added to."""

import hashlib
import json
from pathlib import Path
from typing import Any, get_args

import pytest

from bot.domain.events import Event
from bot.domain.folding import fold_all
from bot.domain.run import Run
from tests.domain.keep_journal import keep
from tests.support.journals import KEPT, from_text, gist, to_text

NAMES = sorted(file.stem for file in KEPT.glob("*.jsonl"))
# One of each kind of story that a run can be.
STORIES = {
    "aborted",
    "approved-once",
    "asks-again",
    "bakes",
    "by-two",
    "cared-for",
    "changed-outside",
    "gate-failed",
    "goes-back",
    "granted",
    "held-by-a-person",
    "is-held",
    "is-held-by-the-bot",
    "killed",
    "lapsed",
    "not-ready",
    "promoted",
    "stuck-back",
    "taken-back",
    "triggered",
    "unanswered",
    "unasked",
    "waits",
    "watched",
    "worse",
}


def text_of(name: str) -> str:
    return (KEPT / f"{name}.jsonl").read_text()


def told_of(name: str) -> Any:
    return json.loads((KEPT / f"{name}.json").read_text())


@pytest.mark.parametrize("name", NAMES)
def test_a_journal_of_an_earlier_version_folds_to_what_it_meant_then(name: str):
    run = fold_all(from_text(text_of(name)))

    assert gist(run) == told_of(name)["gist"]


@pytest.mark.parametrize("name", NAMES)
def test_no_kept_journal_was_touched(name: str):
    assert hashlib.sha256(text_of(name).encode()).hexdigest() == told_of(name)["sha256"]


@pytest.mark.parametrize("name", NAMES)
def test_an_old_run_survives_a_trip_through_json(name: str):
    run = fold_all(from_text(text_of(name)))

    assert Run.model_validate_json(run.model_dump_json()) == run


def test_there_is_a_journal_of_every_kind_of_story():
    assert set(NAMES) >= STORIES


def test_every_kind_of_event_stands_in_some_kept_journal():
    events = get_args(get_args(Event)[0])
    kept = {entry.kind for name in NAMES for entry in from_text(text_of(name))}

    assert kept == {event.model_fields["kind"].default for event in events}


def test_a_journal_is_kept_with_its_gist_and_never_overwritten(tmp_path: Path):
    text = text_of("gate-failed")

    keep("anew", text, tmp_path)

    assert json.loads((tmp_path / "anew.json").read_text()) == told_of("gate-failed")
    with pytest.raises(FileExistsError):
        keep("anew", text_of("promoted"), tmp_path)
    assert (tmp_path / "anew.jsonl").read_text() == text


def test_what_is_read_from_a_kept_journal_is_what_stands_there():
    for name in NAMES:
        assert from_text(to_text(from_text(text_of(name)))) == from_text(text_of(name))
