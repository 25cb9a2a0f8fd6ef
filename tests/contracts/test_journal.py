"""What every journal and store of runs has to keep, whatever is behind it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.actions import Decommission
from bot.domain.errors import IllegalTransition, Interrupted, LeaseLost, Locked, PolicyBlocked, UnknownRun
from bot.domain.events import (
    Approved,
    Asked,
    Basis,
    Claimed,
    Draft,
    Ended,
    Ending,
    Escalated,
    Fired,
    Granted,
    Held,
    Intended,
    Noted,
    Progressed,
    Reminded,
    Resumed,
    StepDone,
    StepFailed,
    Timer,
    TurnedBack,
    Voted,
)
from bot.domain.folding import fold_all
from bot.domain.interrupts import Interrupt, InterruptKind, answer_to
from bot.domain.outcome import Evidence, Recorded, TrafficSplit
from bot.domain.plan import ApprovalPolicy, Phase, Plan, Staging, Step, Target
from bot.domain.reasons import Reason
from bot.domain.run import RunState
from bot.domain.verdict import Verdict, VerdictKind
from bot.ports import Claim, Consumed, Decision, Journal, Runs
from storage import Database, SQLJournal, SQLRuns
from strategies.settings import StagingSettings
from strategies.staging import rehearsed
from tests.support.builders import ADA, BO, CY, MORNING, a_plan, a_target
from tests.support.clocks import HandClock
from tests.support.memory_journal import MemoryJournal

TTL = timedelta(seconds=10)
SHIFT = "canary/25/weight"
LEFT = "after/decommission"


@dataclass
class Store:
    journal: Journal
    runs: Runs
    clock: HandClock
    wall: HandClock

    async def claimed_run(self, **plan) -> Claim:
        await self.runs.create(a_plan(**plan), ADA)
        (claim,) = await self.journal.claim("one", ttl=TTL)
        return claim

    async def asked_run(self, question: str = "q1", **plan) -> Claim:
        claim = await self.claimed_run(**plan)
        await self.journal.append(claim, 1, [asked(question)])
        return claim

    async def consume(self, claim: Claim) -> tuple:
        """Consume the way the engine does."""
        run = await self.runs.load(claim.run)

        def decide(interrupts):
            drafts = tuple(draft for one in interrupts[:1] for draft in answer_to(run, one))
            return Consumed(drafts=drafts)

        return await self.journal.consume(claim, run.seq, decide)


def asked(question: str = "q1", step: str = SHIFT) -> Draft:
    event = Asked(
        question=question,
        digest="sha256:1",
        verdict=Verdict(kind=VerdictKind.HEALTHY, sentence="As good as stable."),
        remind_at=MORNING + timedelta(minutes=15),
        escalate_at=MORNING + timedelta(minutes=30),
        expires_at=MORNING + timedelta(minutes=60),
    )
    return Draft(event=event, step=step)


def ended(ending: Ending = Ending.FINISHED, reason: Reason = Reason.FINISHED) -> Draft:
    return Draft(event=Ended(ending=ending, reason=reason, sentence="Over."))


def turned_back(*, quarantine: bool) -> Draft:
    event = TurnedBack(
        ending=Ending.ROLLED_BACK, reason=Reason.ERROR_RATE, sentence="5 % errors.", quarantine=quarantine
    )
    return Draft(event=event)


def noted(key: str = "k") -> Draft:
    return Draft(event=Noted(key=key, sentence="Something."))


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgresql", marks=pytest.mark.live)])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    clock, wall = HandClock(), HandClock()
    if request.param == "memory":
        memory = MemoryJournal(clock, wall.seconds)
        yield Store(memory, memory, clock, wall)
        return
    url = f"sqlite:///{tmp_path}/a.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_url")
    database = Database(url)
    await database.migrate()
    yield Store(SQLJournal(database, clock, wall.seconds), SQLRuns(database, clock), clock, wall)
    await database.close()


async def test_a_run_is_named_after_its_application_and_counted(store: Store):
    first = await store.runs.create(a_plan(), ADA)
    other = await store.runs.create(a_plan(application="search"), BO)
    staged = await store.runs.create(a_plan(environment="staging"), ADA)

    assert [first.id, other.id, staged.id] == ["checkout-1", "search-1", "checkout-2"]
    assert first == await store.runs.load("checkout-1")


async def test_a_journal_begins_with_the_plan_and_who_asked(store: Store):
    run = await store.runs.create(a_plan(), ADA)

    (entry,) = await store.journal.entries(run.id)
    assert (entry.seq, entry.kind, entry.person, entry.lease, entry.at) == (1, "planned", ADA, None, MORNING)
    assert entry.event.plan == a_plan()


async def test_a_second_run_of_the_same_application_is_refused_with_whose_the_first_is(store: Store):
    await store.runs.create(a_plan(), ADA)

    with pytest.raises(Locked, match=r"checkout-1: Ada has been deploying v2.5.0 since 2026-11-23 09:00 UTC"):
        await store.runs.create(a_plan(version="v2.6.0"), BO)

    assert [run.id for run in await store.runs.recent()] == ["checkout-1"]


async def test_of_two_simultaneous_starts_one_wins_and_numbers_have_no_gap(store: Store):
    starts = (store.runs.create(a_plan(), ADA), store.runs.create(a_plan(), BO))

    results = await asyncio.gather(*starts, return_exceptions=True)

    assert sorted(type(result).__name__ for result in results) == ["Locked", "Run"]
    (claim,) = await store.journal.claim("one", ttl=TTL)
    await store.journal.append(claim, 1, [ended()])
    assert (await store.runs.create(a_plan(), ADA)).id == "checkout-2"


async def test_the_end_of_a_run_frees_its_application(store: Store):
    claim = await store.claimed_run()

    store.clock.advance(timedelta(minutes=5))
    await store.journal.append(claim, 1, [ended()])

    (summary,) = await store.runs.recent()
    assert (summary.state, summary.reason, summary.asked_by) == (RunState.FINISHED, "finished", ADA)
    assert summary.ended_at == MORNING + timedelta(minutes=5)
    assert await store.runs.active() == ()
    assert (await store.runs.create(a_plan(), BO)).id == "checkout-2"


async def test_lists_show_the_newest_run_first_and_one_application_on_demand(store: Store):
    await store.runs.create(a_plan(), ADA)
    store.clock.advance(timedelta(minutes=1))
    await store.runs.create(a_plan(application="search"), ADA)

    assert [run.id for run in await store.runs.recent()] == ["search-1", "checkout-1"]
    assert [run.id for run in await store.runs.recent(limit=1)] == ["search-1"]
    assert [run.id for run in await store.runs.recent(application="checkout")] == ["checkout-1"]


async def test_an_unknown_run_is_refused(store: Store):
    with pytest.raises(UnknownRun):
        await store.runs.load("nothing-1")
    with pytest.raises(UnknownRun):
        await store.journal.entries("nothing-1")
    with pytest.raises(UnknownRun):
        await store.journal.interrupt(Interrupt(run="nothing-1", kind=InterruptKind.HOLD, at=MORNING))


async def test_of_two_claimants_one_gets_the_run(store: Store):
    await store.runs.create(a_plan(), ADA)

    first, second = await asyncio.gather(
        store.journal.claim("one", ttl=TTL), store.journal.claim("two", ttl=TTL)
    )

    assert sorted([*first, *second], key=str) == [Claim(run="checkout-1", lease=1)]


async def test_after_a_take_over_the_first_process_can_no_longer_write(store: Store):
    late = await store.claimed_run()
    store.wall.advance(TTL)
    (fresh,) = await store.journal.claim("two", ttl=TTL)

    for write in (
        store.journal.append(late, 1, [noted()]),
        store.journal.consume(late, 1, lambda _: Consumed()),
    ):
        with pytest.raises(LeaseLost):
            await write

    assert await store.journal.renew("one", [late]) == {late}
    assert await store.journal.renew("two", [fresh]) == frozenset()
    assert fresh.lease == late.lease + 1
    (entry,) = await store.journal.append(fresh, 1, [Draft(event=Claimed(owner="two"))])
    assert (entry.seq, entry.lease) == (2, fresh.lease)


async def test_a_renewed_lease_is_not_taken_over(store: Store):
    claim = await store.claimed_run()

    store.wall.advance(TTL - timedelta(seconds=1))
    assert await store.journal.renew("one", [claim]) == frozenset()
    store.wall.advance(TTL - timedelta(seconds=1))

    assert await store.journal.claim("two", ttl=TTL) == ()


async def test_a_released_run_can_be_claimed_at_once_and_not_written_to(store: Store):
    claim = await store.claimed_run()

    await store.journal.release([claim])

    with pytest.raises(LeaseLost):
        await store.journal.append(claim, 1, [noted()])
    (fresh,) = await store.journal.claim("two", ttl=TTL)
    assert fresh.lease == 2
    await store.journal.release([claim])
    await store.journal.append(fresh, 1, [noted()])


async def test_a_lease_that_is_renewed_is_left_alone_however_long_it_lasts(store: Store):
    claim = await store.claimed_run()

    for _ in range(10):
        store.wall.advance(TTL - timedelta(seconds=1))
        assert await store.journal.claim("two", ttl=TTL) == ()
        assert await store.journal.renew("one", [claim]) == frozenset()


async def test_a_lease_that_its_owner_does_not_know_of_runs_out(store: Store):
    """The answer to its claim was lost, or its release was; nobody drives the run."""
    await store.claimed_run()
    await store.runs.create(a_plan(application="payments"), ADA)
    (known,) = await store.journal.claim("one", ttl=TTL)

    taken = []
    for _ in range(3):
        await store.journal.renew("one", [known])
        store.wall.advance(TTL / 2)
        taken += await store.journal.claim("two", ttl=TTL)

    assert [claim.run for claim in taken] == ["checkout-1"]


async def test_a_run_that_ended_is_claimed_until_it_was_told(store: Store):
    claim = await store.claimed_run()
    await store.journal.append(claim, 1, [ended()])
    await store.journal.release([claim])

    (last,) = await store.journal.claim("two", ttl=TTL)
    await store.journal.told(last)
    await store.journal.release([last])

    assert await store.journal.claim("three", ttl=TTL) == ()


async def test_who_lost_a_run_cannot_say_that_it_was_told(store: Store):
    late = await store.claimed_run()
    await store.journal.append(late, 1, [ended()])
    store.wall.advance(TTL)
    (fresh,) = await store.journal.claim("two", ttl=TTL)

    await store.journal.told(late)

    await store.journal.release([fresh])
    assert await store.journal.claim("three", ttl=TTL) != ()


async def test_runs_with_something_to_hear_are_found_by_looking(store: Store):
    claim = await store.claimed_run()
    assert await store.journal.waiting() == ()

    await store.journal.interrupt(Interrupt(run=claim.run, kind=InterruptKind.HOLD, at=MORNING, person=BO))

    assert await store.journal.waiting() == (claim.run,)
    await store.consume(claim)
    assert await store.journal.waiting() == ()


async def test_an_append_behind_another_entry_than_the_newest_is_refused(store: Store):
    claim = await store.claimed_run()
    await store.journal.append(claim, 1, [noted()])

    for after in (0, 1, 3):
        with pytest.raises(LeaseLost):
            await store.journal.append(claim, after, [noted("late")])

    assert len(await store.journal.entries(claim.run)) == 2


async def test_of_two_simultaneous_appends_one_is_written(store: Store):
    claim = await store.claimed_run()

    appends = (store.journal.append(claim, 1, [noted(key)]) for key in ("a", "b"))
    results = await asyncio.gather(*appends, return_exceptions=True)

    assert sorted(type(result).__name__ for result in results) == ["LeaseLost", "tuple"]
    assert len(await store.journal.entries(claim.run)) == 2


async def test_an_ended_run_takes_no_entry_and_nobody_claims_it(store: Store):
    claim = await store.claimed_run()
    await store.journal.append(claim, 1, [ended()])

    with pytest.raises(IllegalTransition):
        await store.journal.append(claim, 2, [noted()])

    await store.journal.told(claim)
    store.wall.advance(TTL)
    assert await store.journal.claim("two", ttl=TTL) == ()


def left_behind() -> Step:
    return Step(
        id=LEFT, title="Remove v2.4.1", action=Decommission(), phase=Phase.FINISH, due=timedelta(hours=24)
    )


def care(kind: InterruptKind, said: str = f"{LEFT}:2") -> Interrupt:
    return Interrupt(run="checkout-1", kind=kind, at=MORNING, person=BO, purpose=said)


async def told_run(store: Store) -> Claim:
    """A run that has finished, of which Slack has all, and that has left something behind."""
    await store.runs.create(a_plan().with_(aftercare=(left_behind(),)), ADA)
    (claim,) = await store.journal.claim("one", ttl=TTL)
    due = MORNING + timedelta(hours=24)
    await store.journal.append(claim, 1, [ended()], [Timer(purpose=f"care:{LEFT}:2", due=due)])
    assert await store.journal.told(claim)
    await store.journal.release([claim])
    assert await store.journal.claim("one", ttl=TTL) == ()
    return claim


@pytest.mark.parametrize("kind", [InterruptKind.PUT_OFF, InterruptKind.DO_NOW])
async def test_a_press_lets_a_run_that_has_ended_be_claimed_again(store: Store, kind: InterruptKind):
    await told_run(store)

    await store.journal.interrupt(care(kind))

    (claim,) = await store.journal.claim("two", ttl=TTL)
    assert await store.journal.waiting() == ("checkout-1",)
    (entry,) = await store.consume(claim)
    assert (entry.step, entry.person) == (LEFT, BO)
    assert (await store.runs.load(claim.run)).is_closed is False


async def test_a_timer_lets_a_run_that_has_ended_be_claimed_again(store: Store):
    await told_run(store)
    assert await store.journal.next_due() == MORNING + timedelta(hours=24)

    assert await store.journal.due(MORNING + timedelta(hours=24)) == ("checkout-1",)

    (claim,) = await store.journal.claim("two", ttl=TTL)
    (entry,) = await store.consume(claim)
    assert (entry.kind, entry.step, entry.person) == ("due", LEFT, None)


async def test_who_has_told_all_is_told_that_something_came_meanwhile(store: Store):
    await told_run(store)
    await store.journal.interrupt(care(InterruptKind.PUT_OFF))
    (claim,) = await store.journal.claim("two", ttl=TTL)

    assert not await store.journal.told(claim)

    await store.consume(claim)
    assert await store.journal.told(claim)


async def test_what_has_no_meaning_after_the_end_wakes_nobody(store: Store):
    await told_run(store)

    for kind in (InterruptKind.HOLD, InterruptKind.ROLLBACK, InterruptKind.TRIGGER):
        await store.journal.interrupt(Interrupt(run="checkout-1", kind=kind, at=MORNING, person=BO))

    assert await store.journal.waiting() == ()
    assert await store.journal.claim("two", ttl=TTL) == ()


async def test_a_run_that_is_closed_has_no_timer_left(store: Store):
    await told_run(store)
    await store.journal.interrupt(care(InterruptKind.DO_NOW))
    (claim,) = await store.journal.claim("two", ttl=TTL)
    await store.consume(claim)

    await store.journal.append(claim, 3, [Draft(event=Intended(), step=LEFT)])
    await store.journal.append(claim, 4, [Draft(event=StepDone(), step=LEFT)])

    assert (await store.runs.load(claim.run)).is_closed
    assert await store.journal.next_due() is None


async def test_a_press_counts_only_for_the_time_that_was_shown(store: Store):
    await told_run(store)
    for _ in range(2):
        await store.journal.interrupt(care(InterruptKind.PUT_OFF))
        (claim,) = await store.journal.claim("two", ttl=TTL)
        written = await store.consume(claim)
        await store.journal.told(claim)
        await store.journal.release([claim])

    assert written == ()
    run = await store.runs.load(claim.run)
    assert run.care[LEFT].due_at == MORNING + timedelta(hours=48)


async def test_what_cannot_follow_takes_the_whole_append_with_it(store: Store):
    claim = await store.claimed_run()
    timers = [Timer(purpose="bake:x", due=MORNING)]

    with pytest.raises(IllegalTransition):
        await store.journal.append(claim, 1, [asked(), Draft(event=Resumed())], timers)

    assert len(await store.journal.entries(claim.run)) == 1
    assert await store.runs.run_of_question("q1") is None
    assert await store.journal.next_due() is None
    assert (await store.runs.load(claim.run)).state is RunState.RUNNING


async def test_every_event_comes_back_as_it_was_written(store: Store):
    claim = await store.claimed_run(approvals=ApprovalPolicy(people=2))
    place = {"step": SHIFT, "attempt": 2}
    split = Evidence(sentence="Ω ≤ 25 %\x00", split=TrafficSplit(canary=25, header_to="canary"))
    drafts = [
        Draft(event=Claimed(owner="one")),
        asked(),
        Draft(event=Reminded(question="q1")),
        Draft(event=Escalated(question="q1")),
        Draft(event=Voted(question="q1"), person=BO, **place),
        Draft(event=Granted(digest="sha256:1"), person=CY, **place),
        Draft(event=Approved(basis=Basis.PERSON, question="q1", people=(BO, CY)), person=CY, **place),
        Draft(event=Intended(before=Recorded(split=TrafficSplit(canary=0))), **place),
        Draft(event=Progressed(awaiting="2 of 3", evidence=split), **place),
        Draft(event=StepFailed(reason=Reason.NOT_READY, sentence="No.", evidence=split), **place),
        Draft(event=Intended(), step="canary/25/bake"),
        Draft(event=StepDone(evidence=split), step="canary/25/bake"),
        Draft(event=Held(sentence="Lunch."), person=BO),
        Draft(event=Resumed(), person=BO),
        noted(),
        Draft(event=Fired(reason=Reason.LATENCY, sentence="Slow.", first_seen=MORNING)),
        turned_back(quarantine=True),
        ended(Ending.ROLLED_BACK, Reason.LATENCY),
    ]

    written = await store.journal.append(claim, 1, drafts)

    read = await store.journal.entries(claim.run)
    assert read[1:] == written
    assert [entry.event for entry in written] == [draft.event for draft in drafts]
    assert await store.runs.load(claim.run) == fold_all(read)


async def test_a_double_press_has_one_winner(store: Store):
    claim = await store.asked_run()

    presses = (store.runs.decide("q1", InterruptKind.APPROVE, by, MORNING) for by in (BO, CY))
    decisions = await asyncio.gather(*presses)

    assert sorted(decisions) == [Decision.CLOSED, Decision.DECIDED]
    (entry,) = await store.consume(claim)
    assert entry.event.basis is Basis.PERSON
    assert await store.consume(claim) == ()


async def test_where_two_people_are_needed_one_persons_second_press_does_not_count(store: Store):
    claim = await store.asked_run(approvals=ApprovalPolicy(people=2))

    decisions = [
        await store.runs.decide("q1", InterruptKind.APPROVE, by, MORNING) for by in (BO, BO, CY, ADA)
    ]

    assert decisions == [Decision.COUNTED, Decision.REPEATED, Decision.DECIDED, Decision.CLOSED]
    seen = []
    await store.journal.consume(claim, 2, lambda waiting: (seen.extend(waiting), Consumed())[1])
    assert [one.person for one in seen] == [BO, CY]


async def test_two_simultaneous_votes_of_two_needed_decide(store: Store):
    await store.asked_run(approvals=ApprovalPolicy(people=2))

    presses = (store.runs.decide("q1", InterruptKind.APPROVE, by, MORNING) for by in (BO, CY))

    assert sorted(await asyncio.gather(*presses)) == [Decision.COUNTED, Decision.DECIDED]


@pytest.mark.parametrize(
    "closing", [Draft(event=Held(), person=BO), turned_back(quarantine=False)], ids=["hold", "way back"]
)
async def test_a_press_on_a_question_that_lost_its_point_is_too_late(store: Store, closing: Draft):
    claim = await store.asked_run()
    await store.journal.append(claim, 2, [closing])

    assert await store.runs.decide("q1", InterruptKind.APPROVE, BO, MORNING) is Decision.CLOSED
    assert await store.consume(claim) == ()


async def test_a_question_leads_to_its_run_and_an_unknown_one_nowhere(store: Store):
    claim = await store.asked_run()

    assert await store.runs.run_of_question("q1") == claim.run
    assert await store.runs.run_of_question("q2") is None
    assert await store.runs.decide("q2", InterruptKind.APPROVE, BO, MORNING) is Decision.CLOSED


async def test_interrupts_wait_in_their_order_and_are_consumed_once(store: Store):
    claim = await store.claimed_run()
    for kind, by in ((InterruptKind.HOLD, BO), (InterruptKind.ABORT, CY)):
        await store.journal.interrupt(
            Interrupt(run=claim.run, kind=kind, at=MORNING, person=by, sentence="!")
        )
    seen = []

    def decide(waiting):
        seen.append(waiting)
        return Consumed(drafts=(noted(),), timers=(Timer(purpose="hold:2", due=MORNING),))

    (entry,) = await store.journal.consume(claim, 1, decide)

    assert await store.journal.consume(claim, entry.seq, decide) == ()
    ((first, second),) = seen
    assert (first.kind, first.person, second.kind) == (InterruptKind.HOLD, BO, InterruptKind.ABORT)
    assert first.id < second.id
    assert await store.journal.next_due() == MORNING


async def test_interrupts_still_wait_when_their_consumption_fails(store: Store):
    claim = await store.claimed_run()
    await store.journal.interrupt(Interrupt(run=claim.run, kind=InterruptKind.HOLD, at=MORNING, person=BO))

    with pytest.raises(IllegalTransition):
        await store.journal.consume(claim, 1, lambda _: Consumed(drafts=(Draft(event=Resumed()),)))

    (entry,) = await store.consume(claim)
    assert entry.kind == "held"


async def test_the_same_trigger_twice_counts_once(store: Store):
    claim = await store.claimed_run()
    for reason in (Reason.ERROR_RATE, Reason.LATENCY):
        await store.journal.interrupt(
            Interrupt(
                run=claim.run, kind=InterruptKind.TRIGGER, at=MORNING, reason=reason, first_seen=MORNING
            )
        )
    seen = []

    await store.journal.consume(claim, 1, lambda waiting: (seen.extend(waiting), Consumed())[1])

    assert [(one.reason, one.first_seen) for one in seen] == [(Reason.ERROR_RATE, MORNING)]


async def test_a_timer_fires_once_however_often_it_was_added(store: Store):
    claim = await store.claimed_run()
    soon, later = MORNING + timedelta(minutes=1), MORNING + timedelta(minutes=2)
    await store.journal.append(claim, 1, [noted()], [Timer(purpose="bake:x", due=soon)])
    await store.journal.append(claim, 2, [noted()], [Timer(purpose="bake:x", due=later)])

    assert await store.journal.next_due() == soon
    assert await store.journal.due(soon - timedelta(seconds=1)) == ()
    assert await store.journal.due(soon) == (claim.run,)
    await store.journal.append(claim, 3, [], [Timer(purpose="bake:x", due=soon)])
    assert await store.journal.due(later) == ()
    assert await store.journal.next_due() is None
    seen = []
    await store.journal.consume(claim, 3, lambda waiting: (seen.extend(waiting), Consumed())[1])
    assert [(one.kind, one.purpose) for one in seen] == [(InterruptKind.TIMER, "bake:x")]


async def test_nothing_wakes_a_run_that_has_ended(store: Store):
    claim = await store.claimed_run()
    await store.journal.append(claim, 1, [noted()], [Timer(purpose="bake:x", due=MORNING)])

    await store.journal.append(claim, 2, [ended()])
    await store.journal.interrupt(Interrupt(run=claim.run, kind=InterruptKind.ABORT, at=MORNING, person=BO))

    assert await store.journal.next_due() is None
    assert await store.journal.due(MORNING + timedelta(days=1)) == ()
    assert await store.journal.consume(claim, 3, lambda _: Consumed(drafts=(noted(),))) == ()


async def test_a_version_that_was_rolled_back_stays_out_until_it_is_released(store: Store):
    claim = await store.claimed_run()
    await store.journal.append(claim, 1, [turned_back(quarantine=True)])
    await store.journal.append(claim, 2, [ended(Ending.ROLLED_BACK, Reason.ERROR_RATE)])

    with pytest.raises(PolicyBlocked, match=r"5 % errors. \(run checkout-1\)"):
        await store.runs.create(a_plan(), BO)

    assert await store.runs.quarantined("checkout", "v2.6.0") is None
    assert await store.runs.release_quarantine("checkout", "v2.5.0", BO)
    assert not await store.runs.release_quarantine("checkout", "v2.5.0", BO)
    assert (await store.runs.create(a_plan(), BO)).id == "checkout-2"


async def test_a_way_back_without_fault_of_the_version_quarantines_nothing(store: Store):
    claim = await store.claimed_run()

    await store.journal.append(claim, 1, [turned_back(quarantine=False)])

    assert await store.runs.quarantined("checkout", "v2.5.0") is None


async def test_the_end_and_a_forward_step_wait_until_a_press_is_heard(store: Store) -> None:
    claim = await store.claimed_run()
    hold = Interrupt(run=claim.run, kind=InterruptKind.HOLD, at=MORNING, person=BO)
    await store.journal.interrupt(hold)

    for draft in (ended(), Draft(event=Intended(), step="check-stable")):
        with pytest.raises(Interrupted):
            await store.journal.append(claim, 1, [draft])

    await store.journal.append(claim, 1, [noted()])
    await store.consume(claim)
    assert (await store.runs.load(claim.run)).state is RunState.HELD


async def test_the_way_back_waits_for_nobody(store: Store) -> None:
    claim = await store.claimed_run()
    await store.journal.append(claim, 1, [turned_back(quarantine=False)])
    await store.journal.interrupt(
        Interrupt(run=claim.run, kind=InterruptKind.ROLLBACK, at=MORNING, person=BO)
    )

    (entry,) = await store.journal.append(claim, 2, [Draft(event=Intended(), step="back/traffic")])

    assert entry.step == "back/traffic"


async def test_a_quarantined_commit_stays_out_under_any_other_name(store: Store) -> None:
    claim = await store.claimed_run()
    await store.journal.append(claim, 1, [turned_back(quarantine=True)])
    await store.journal.append(claim, 2, [ended(Ending.ROLLED_BACK, Reason.ERROR_RATE)])

    with pytest.raises(PolicyBlocked, match=r"same commit as v2\.5\.0"):
        await store.runs.create(a_plan(version="v2.5.0-again"), BO)
    await store.runs.create(a_plan(version="v2.5.1", commit="dec0de"), BO)

    elsewhere = a_plan(application="payments", version="v2.5.0")
    assert (await store.runs.create(elsewhere, BO)).id == "payments-1"
    assert await store.runs.release_quarantine("checkout", "v2.5.0", BO)
    again = a_plan(environment="canada", version="v2.5.0-again")
    assert (await store.runs.create(again, BO)).id == "checkout-3"


@pytest.mark.parametrize(
    "shared",
    [
        {"workload": "checkout"},
        {"workload": "checkout-canary"},
        {"stable_service": "checkout-stable"},
        {"canary_service": "checkout-canary"},
    ],
)
async def test_two_runs_never_touch_the_same_objects(store: Store, shared: dict[str, str]) -> None:
    claim = await store.claimed_run()
    same = a_plan(application="payments", target=a_target("payments").with_(**shared))

    with pytest.raises(Locked, match="checkout-1"):
        await store.runs.create(same, BO)
    for number, apart in enumerate(({"namespace": "elsewhere"}, {"context": "another-cluster"}), start=1):
        other = a_plan(application="payments", environment=f"e{number}", target=same.target.with_(**apart))
        await store.runs.create(other, BO)
    await store.journal.append(claim, 1, [ended()])

    assert (await store.runs.create(same, BO)).id == "payments-3"


def _rehearsed(plan: Plan, **target: str) -> Plan:
    """On a staging, declared by these objects."""
    there = a_target().with_(namespace="staging", is_beside=False, **target)
    return rehearsed(plan, Staging(target=there), StagingSettings())


async def test_one_staging_has_one_rehearsal_at_a_time(store: Store) -> None:
    """Two environments of one application share it, and their locks differ."""
    first = await store.runs.create(_rehearsed(a_plan(environment="eu", target=_apart("eu"))), ADA)
    wanted = _rehearsed(a_plan(environment="us", target=_apart("us")))

    with pytest.raises(Locked, match=f"us is rehearsed on the same staging.*run {first.id}: Ada has been"):
        await store.runs.create(wanted, BO)
    unrehearsed = a_plan(environment="jp", target=_apart("jp"))
    assert (await store.runs.create(unrehearsed, BO)).id == "checkout-2"
    elsewhere = _rehearsed(a_plan(environment="br", target=_apart("br")), context="another-cluster")
    assert (await store.runs.create(elsewhere, BO)).id == "checkout-3"

    claim = next(one for one in await store.journal.claim("one", ttl=TTL) if one.run == first.id)
    done = [
        Draft(event=event, step=step.id)
        for step in first.plan.steps
        if step.phase in {Phase.GATES, Phase.STAGING}
        for event in (Intended(), StepDone(evidence=Evidence()))
    ]
    await store.journal.append(claim, 1, done)
    assert (await store.runs.create(wanted, BO)).id == "checkout-4"


async def test_no_run_rehearses_on_what_another_one_ships_to(store: Store) -> None:
    production = a_target().with_(namespace="staging")
    await store.runs.create(a_plan(environment="eu", target=production), ADA)

    with pytest.raises(Locked, match="has the same objects"):
        await store.runs.create(_rehearsed(a_plan(environment="us", target=_apart("us"))), BO)


def _apart(environment: str) -> Target:
    return a_target().with_(namespace=environment)
