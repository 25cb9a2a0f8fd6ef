"""A predecessor that is known to be dead is not waited for."""

from datetime import timedelta

from storage import Database, SQLJournal, SQLRuns
from tests.support.builders import ADA, a_plan
from tests.support.clocks import HandClock

_LEASE = timedelta(seconds=15)


async def test_the_run_of_a_dead_process_is_claimed_at_once(tmp_path):
    clock = HandClock()
    database = Database(f"sqlite:///{tmp_path}/slackwater.db")
    await database.migrate()
    await SQLRuns(database, clock).create(a_plan(), ADA)
    journal = SQLJournal(database, clock, clock, is_gone=lambda owner: owner == "dead")
    (first,) = await journal.claim("dead", ttl=_LEASE)

    (second,) = await journal.claim("alive", ttl=_LEASE)

    assert second.lease == first.lease + 1
    assert await journal.claim("third", ttl=_LEASE) == ()
    await database.close()
