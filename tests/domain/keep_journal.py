"""Keeps a journal for good, with what it comes to: `test_old_journals.py` folds it with each later version.

$ slackwater journal checkout-7 --json --config FILE | python -m tests.domain.keep_journal NAME
$ python -m tests.domain.keep_journal NAME STORY  # a story of `support/history.py` as this version writes it

A journal that is kept is never changed: it is what an earlier version wrote, and people have such.
"""

import asyncio
import hashlib
import json
import sys
import tempfile
from pathlib import Path

from structlog.testing import capture_logs

from bot.domain.folding import fold_all
from storage.schema import upgrade
from tests.support.history import ENDED, UNDER_WAY, History, InlineDatabase
from tests.support.journals import KEPT, from_text, gist, to_text
from tests.support.virtual import VirtualClock, VirtualLoop


def keep(name: str, text: str, folder: Path = KEPT) -> None:
    """Write the journal, and beside it its hash and its gist.

    Raises:
        FileExistsError: there is one of that name.
    """
    told = {"sha256": hashlib.sha256(text.encode()).hexdigest(), "gist": gist(fold_all(from_text(text)))}
    with (folder / f"{name}.jsonl").open("x", encoding="utf-8") as journal:
        journal.write(text)
    with (folder / f"{name}.json").open("x", encoding="utf-8") as summary:
        summary.write(json.dumps(told, indent=1, ensure_ascii=False) + "\n")


async def played(name: str) -> str:
    """The journal of that story as this version writes it."""
    story, policy = {**ENDED, **UNDER_WAY}[name]
    with tempfile.TemporaryDirectory() as place:
        database = InlineDatabase(f"sqlite:///{place}/told.db")
        with database._writes.begin() as connection:
            upgrade(connection, "a new database")
        history = History(database, VirtualClock())
        await history.start()
        play = await history.begins(name, **policy)
        await story(play)
        await history.kill()
        text = to_text(await history.journal.entries(play.id))
        await database.close()
        return text


def _play(name: str) -> str:
    with capture_logs(), asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(played(name))


if __name__ == "__main__":
    keep(sys.argv[1], _play(sys.argv[2]) if len(sys.argv) > 2 else sys.stdin.read())
