"""Keeps a database as this version's bot leaves it, for the versions to come (`test_upgrades.py`).

$ python -m tests.storage.keep_revision

To be run once for each new revision, before the version that brings it is given to anybody.
"""

import asyncio
import tempfile
from pathlib import Path

from structlog.testing import capture_logs

from storage.schema import upgrade
from tests.support import revisions
from tests.support.history import History, InlineDatabase, lived
from tests.support.virtual import VirtualClock, VirtualLoop


async def keep(folder: Path = revisions.KEPT) -> Path:
    """Where it was kept.

    Raises:
        FileExistsError: this revision is kept already, and what is kept is never changed.
    """
    with tempfile.TemporaryDirectory() as place:
        database = InlineDatabase(f"sqlite:///{place}/lived.db")
        with database._writes.begin() as connection:
            upgrade(connection, "a new database")
        await lived(History(database, VirtualClock()))
        with database._reads.connect() as connection:
            kept = revisions.write(connection, folder)
        await database.close()
        return kept


if __name__ == "__main__":
    with capture_logs(), asyncio.Runner(loop_factory=VirtualLoop) as runner:
        print(runner.run(keep()))
