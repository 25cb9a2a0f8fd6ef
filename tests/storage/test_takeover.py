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
    journal = SQLJournal(database, clock, clock.seconds, is_gone=lambda owner: owner == "dead")
    (first,) = await journal.claim("dead", ttl=_LEASE)

    (second,) = await journal.claim("alive", ttl=_LEASE)

    assert second.lease == first.lease + 1
    assert await journal.claim("third", ttl=_LEASE) == ()
    await database.close()


async def test_a_process_that_has_just_started_watches_a_lease_for_its_length_first(tmp_path):
    clock, watch = HandClock(), HandClock()
    database = Database(f"sqlite:///{tmp_path}/slackwater.db")
    await database.migrate()
    await SQLRuns(database, clock).create(a_plan(), ADA)
    (first,) = await SQLJournal(database, clock, watch.seconds).claim("one", ttl=_LEASE)
    newcomer = SQLJournal(database, clock, watch.seconds)

    watch.advance(_LEASE)
    too_soon = await newcomer.claim("two", ttl=_LEASE)
    watch.advance(_LEASE)
    (second,) = await newcomer.claim("two", ttl=_LEASE)

    assert too_soon == ()
    assert second.lease == first.lease + 1
    await database.close()


async def test_a_clock_that_is_set_gives_no_run_away_and_keeps_none(tmp_path):
    clock, watch = HandClock(), HandClock()
    database = Database(f"sqlite:///{tmp_path}/slackwater.db")
    await database.migrate()
    await SQLRuns(database, clock).create(a_plan(), ADA)
    journal = SQLJournal(database, clock, watch.seconds)
    await journal.claim("one", ttl=_LEASE)

    for hours in (1, -3):
        clock.advance(timedelta(hours=hours))
        assert await journal.claim("two", ttl=_LEASE) == ()
    watch.advance(_LEASE)

    assert len(await journal.claim("two", ttl=_LEASE)) == 1
    await database.close()
