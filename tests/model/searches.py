"""What is asked of the three models, as data: claims, mutations, and what is open.

`slackwater.pml` is the protocol, `lease.pml` one lease counted in ticks, `message.pml` one message of a run.
"""

from typing import NamedTuple

RUN, LEASE, MESSAGE = "slackwater.pml", "lease.pml", "message.pml"

# The flag that a breach sets in a model, and the claim in words.
SAFETY = {
    RUN: {
        "moved_unapproved": "no shift without its own approval, journaled before its intent",
        "moved_unasked": "silence never moves traffic forward",
        "moved_unintended": "no effect before its intent",
        "written_stale": "one driver's writes count: the newest lease's",
        "acted_unwritten": "no change without a fenced write right before it",
        "acted_without_lease": "no change after the lease is lost but the one that was being sent",
        "landed_after_back": "what was under way cannot land once the way back has moved on",
        "acted_after_end": "a run that has ended never acts again, and writes nothing",
        "moved_twice": "no step forward takes effect twice",
        "won_twice": "a press wins once",
        "approved_another": "a press never counts for another question",
        "went_over_a_press": "what was committed is heard before a step forward and before the end",
        "away_from_home": "after the end all traffic is on one trusted version, and no canary is left behind",
        "without_canary": "no traffic to a canary that is not there",
        "stuck": "nothing is ever stuck without a way on",
    },
    LEASE: {"taken_early": "nobody takes a run over whose owner may still act"},
    MESSAGE: {
        "two_stand": "a message is not there twice in the end",
        "none_stands": "a message that is told is there",
    },
}
# The name that stands for the model's liveness claim, and that claim in words.
LIVENESS = {
    RUN: ("ends", "every run ends and is told, or a person holds it"),
    LEASE: ("driven", "a lease that nobody drives by is taken"),
    MESSAGE: ("said", "the message is there once, and told"),
}


class Search(NamedTuple):
    """One run of spin. `breaks` names the claim that has to break; none: all have to hold."""

    name: str
    defines: tuple[str, ...]
    breaks: str | None = None
    liveness: bool = False
    model: str = RUN


def budgets(
    *,
    takeovers: int = 0,
    cuts: int = 0,
    crashes: int = 0,
    timeouts: int = 0,
    losses: int = 0,
    holds: int = 0,
    turns: int = 1,
) -> tuple[str, ...]:
    """How often each thing may happen in one search of the protocol."""
    return (
        f"TAKEOVERS={takeovers}",
        f"CUTS={cuts}",
        f"CRASHES={crashes}",
        f"TIMEOUTS={timeouts}",
        f"LOSSES={losses}",
        f"HOLDS={holds}",
        f"TURNS={turns}",
    )


CALM = budgets()
FROZEN = budgets(takeovers=1)
CUT_OFF = budgets(cuts=1)
LATE = budgets(timeouts=1, losses=1)
KILLED = budgets(crashes=1)
HELD = budgets(holds=1)

CLAIMS = (
    Search("a driver is frozen and another takes over", FROZEN),
    Search("a process is cut off from the database", CUT_OFF),
    Search("a request is late, one lost", LATE),
    Search("a process is killed, a request late, one lost", budgets(crashes=1, timeouts=1, losses=1)),
    Search("a driver is frozen while people hold and resume", budgets(takeovers=1, holds=1, turns=0)),
    Search("a process is killed while people hold and resume", budgets(crashes=1, holds=1)),
    Search("a process is killed twice", budgets(crashes=2)),
    Search("a driver is frozen, and clocks cannot be trusted", (*FROZEN, "CLOCKS_LIE")),
    Search("it ends: calm", CALM, liveness=True),
    Search("it ends: a request late, one lost", LATE, liveness=True),
    Search("it ends: a process is killed", KILLED, liveness=True),
    Search("lease: who may act", (), model=LEASE),
    Search("lease: somebody drives", (), liveness=True, model=LEASE),
    Search("message: frozen twice, unseen once", ("FREEZES=2", "UNSEEN=1"), model=MESSAGE),
    Search("message: killed twice", ("CRASHES=2",), model=MESSAGE),
    Search("message: an answer lost", ("LOST_ANSWERS=1",), model=MESSAGE),
    Search("message: it is told, frozen twice", ("FREEZES=2",), liveness=True, model=MESSAGE),
    Search("message: it is told, killed twice", ("CRASHES=2",), liveness=True, model=MESSAGE),
)

# Minutes or gigabytes each: by command only.
LONG = (
    Search(
        "frozen, a request late, one lost",
        (*budgets(takeovers=1, timeouts=1, losses=1), "REFUSED_AT_ONCE"),
    ),
    Search("frozen and killed", (*budgets(takeovers=1, crashes=1), "REFUSED_AT_ONCE")),
    Search("it ends: a driver is frozen", FROZEN, liveness=True),
)

# A claim holds emptily where nothing happens: each end has to be reached.
REACHED = (
    Search("a run can finish, taken over", (*FROZEN, "REACHES=FINISHED"), "reached"),
    Search("a run can be rolled back, taken over", (*FROZEN, "REACHES=ROLLED_BACK"), "reached"),
    Search("a run can be aborted, taken over", (*FROZEN, "REACHES=ABORTED"), "reached"),
    Search("a lease can be taken over", ("REACHES",), "taken", model=LEASE),
)

MUTATIONS = (
    Search("no fencing: neither lease nor newest entry is checked", (*FROZEN, "NO_FENCE"), "written_stale"),
    Search("the lease's number is not checked", (*FROZEN, "NO_LEASE_CHECK"), "written_stale"),
    Search("no look at the deadline, cut off", (*CUT_OFF, "NO_DEADLINE"), "acted_without_lease"),
    Search("the way back leaves no mark", (*FROZEN, "NO_MARK"), "landed_after_back"),
    Search(
        "the revision is read after the intent, and clocks cannot be trusted",
        (*FROZEN, "CLOCKS_LIE", "NO_SEEN_REVISION"),
        "landed_after_back",
    ),
    Search("the way back applies again without a new intent", (*LATE, "NO_NEW_INTENT"), "acted_unwritten"),
    Search("no approval is asked for", (*CALM, "NO_APPROVAL_CHECK"), "moved_unapproved"),
    Search("the effect comes before the intent", (*CALM, "EFFECT_BEFORE_INTENT"), "moved_unintended"),
    Search("no revision is named, a driver frozen", (*FROZEN, "NO_REVISION"), "landed_after_back"),
    Search(
        "no revision is named, a request late", (*budgets(timeouts=1), "NO_REVISION"), "landed_after_back"
    ),
    Search("no wait for a creation", (*LATE, "NO_WAIT"), "away_from_home"),
    Search("no wait for a creation once it is done", (*LATE, "NO_WAIT_ONCE_DONE"), "away_from_home"),
    Search("writes without a look for interrupts", (*CALM, "NO_HEARS_FIRST"), "went_over_a_press"),
    Search("a press counts without its condition", (*CALM, "NO_CONDITION"), "won_twice"),
    Search("a press answers whatever is asked now", (*HELD, "ANY_QUESTION"), "approved_another"),
    Search("an expired question is a yes", (*CALM, "SILENCE_APPROVES"), "moved_unasked"),
    Search("a driver goes on after the end", (*CALM, "ACTS_AFTER_END"), "acted_after_end"),
    Search("questions do not expire", (*CALM, "NO_EXPIRY"), "ends", liveness=True),
    Search(
        "nobody looks, and a notification is lost",
        (*CALM, "NO_LOOK", "LOST_NOTICES=1"),
        "ends",
        liveness=True,
    ),
    Search("lease: counted from the answer", ("FROM_THE_ANSWER",), "taken_early", model=LEASE),
    Search("lease: claimed though it was renewed", ("BLIND_CLAIM",), "taken_early", model=LEASE),
    Search(
        "lease: renewed by who does not know of it", ("RENEWS_ALL",), "driven", liveness=True, model=LEASE
    ),
    Search(
        "message: a post is cut short when its lease is lost",
        ("FREEZES=1", "CUT_SHORT"),
        "two_stand",
        model=MESSAGE,
    ),
    Search("message: not removed", ("FREEZES=1", "NO_REMOVE"), "two_stand", model=MESSAGE),
    Search("message: its place is not asked for", ("FREEZES=1", "NO_CONDITION"), "two_stand", model=MESSAGE),
    Search("message: not looked for", ("CRASHES=1", "NO_FIND"), "two_stand", model=MESSAGE),
    Search(
        "message: found by another, then removed", ("FREEZES=1", "NO_OWN_PLACE"), "none_stands", model=MESSAGE
    ),
)

# What the code does not answer; and what turned out to be a second lock on one door, so that it holds.
FINDINGS = (
    Search(
        "frozen between its look at the deadline and its request", (*FROZEN, "STRICT"), "acted_without_lease"
    ),
    Search("frozen right before it creates the canary", (*FROZEN, "FROZEN_CREATION"), "landed_after_back"),
    Search("killed before it removed its post", ("FREEZES=1", "CRASHES=1"), "two_stand", model=MESSAGE),
    Search("a post lands late", ("LOST_ANSWERS=1", "LATE"), "two_stand", model=MESSAGE),
    Search("a post of who was killed lands late", ("CRASHES=1", "LATE"), "two_stand", model=MESSAGE),
    Search("no check of the newest entry", (*FROZEN, "NO_AFTER_CHECK")),
    Search("nobody looks, and no notification is lost", (*CALM, "NO_LOOK"), liveness=True),
)
