"""What a step kind answers: done, not yet, or failed."""

from datetime import timedelta
from typing import Literal

from bot.domain.figures import Point, Sample, Tally
from bot.domain.gates import GateResult
from bot.domain.reasons import Reason
from bot.domain.record import Record
from bot.domain.times import Lapse, Moment, Span
from bot.domain.verdict import Verdict


class Workload(Record):
    """A deployment as the platform describes it."""

    name: str
    image: str
    digest: str | None = None  # of the image its ready pods run; None while unknown or mixed
    is_mixed: bool = False  # its ready pods run several digests: the tag was moved meanwhile
    version: str | None = None  # by label
    replicas: int = 0  # wanted
    pods: int = 0  # there are, of any revision
    ready: int = 0
    updated: int = 0  # of the newest revision
    is_settled: bool = False  # the newest revision is rolled out, nothing of older ones is left
    is_observed: bool = True  # these numbers are of the newest revision; else the platform is yet to see it
    problems: tuple[str, ...] = ()  # why pods are not ready, newest first: "ImagePullBackOff: …"
    failed: bool = False  # the platform gave up (progress deadline exceeded)
    is_leaving: bool = False  # being removed
    revision: str = ""  # of what was looked at; a change names it, so that it fits nothing newer
    mark: str | None = None  # the newest run whose way back came by here
    owner: str | None = None  # the run that made it, or rolls it out now, as `Run.signature` calls it
    left_by: str | None = None  # the newest run that has left it behind when it finished, by its signature
    is_paused: bool = False  # nothing is rolled out until it is let go on
    paused_by: str | None = None  # the run that paused it, as `Run.signature` calls it

    def is_one_with(self, other: "Workload") -> bool:
        """Whether it is the very same deployment, and not one that was made anew under its name."""
        return self.revision.partition("/")[0] == other.revision.partition("/")[0]

    def renewed(self, image: str) -> int:
        """How many pods of this image are ready at least, whichever ones are not."""
        return max(0, self.ready - (self.pods - self.updated)) if self.image == image else 0


class TrafficSplit(Record):
    """What the platform serves now, as read back from it."""

    canary: int  # weight
    header_to: Literal["stable", "canary"] | None = (
        None  # where the canary header leads; None = no such route
    )
    revision: str = ""  # of what was looked at; a change names it, so that it fits nothing newer
    mark: str | None = None  # the newest run whose way back came by here
    lagging: str = ""  # what is not so yet, though the object says it is; empty: it is served so


class Warmth(Record):
    """The requests that warmed a version up."""

    sent: int = 0
    failed: int = 0
    lately_failed: int = 0  # of the last ones
    detail: str = ""  # plain; why the newest of them failed


class Looks(Record):
    """How often a version was looked at, and how often it was not well then."""

    in_all: int = 0
    unwell: int = 0
    silent: int = 0  # the platform did not say how its pods are
    silent_since: Moment | None = None


class Recorded(Record):
    """What was true before a step changed it: what its way back needs."""

    workload: Workload | None = None
    split: TrafficSplit | None = None
    manifest: str | None = None  # JSON of what has to be put back
    settings: str | None = None  # JSON of how the deployment replaces its pods


class Rollout(Record):
    """What keeps a rollout from going on, and what people have accepted of it."""

    stands_still: str = ""  # why; empty: nothing does
    found_after: int = 0  # the newest of people's acceptances when that was found; a later one lets it go on
    is_blind: bool = False  # it stands still for want of figures …
    may_be_blind: bool = False  # … and people have let it go on without
    seen_seq: int = 0  # the journal's newest entry when the new image was last seen there


class Evidence(Record):
    """What a step saw, for the journal and for people. Only what applies is set."""

    sentence: str = ""  # plain, no markup
    workload: Workload | None = None
    split: TrafficSplit | None = None
    gate: GateResult | None = None
    verdict: Verdict | None = None
    canary: Tally | None = None
    stable: Tally | None = None
    canary_now: Sample | None = None  # the newest readings with all figures
    stable_now: Sample | None = None
    warming: bool = False  # the first moments of a stage, in which only grave errors count
    points: tuple[Point, ...] = ()  # the picture's
    is_healthy: bool | None = None  # what the health paths say; None where nobody asked
    accepted_at: Moment | None = None  # when the platform accepted a change of traffic
    looked_at: Moment | None = None
    # How much of the time since the step began does not count because nobody looked. Below zero where the
    # clock was set back between two starts of the bot: then the time is counted anew.
    unwatched: Lapse = timedelta(0)
    first_seen: Moment | None = None  # since when the new version has looked worse, without a break
    rollout: Rollout | None = None  # how a rollout within one deployment goes
    warmth: Warmth | None = None
    looks: Looks | None = None
    well_since: Moment | None = None  # what serves has been well, without a break


class Done(Record):
    """The step is what it should be; the evidence says how that is known."""

    evidence: Evidence = Evidence()


class Wait(Record):
    """Not yet. Look again after a while; `evidence` is what must be remembered until then."""

    after: Span
    awaiting: str  # "2 of 3 pods ready"
    reason: Reason = Reason.STEP_TIMED_OUT  # what it is called if the step's time runs out meanwhile
    evidence: Evidence | None = None
    again: bool = False  # what was done is not what is wanted any more: the step has to act anew


class Failed(Record):
    """It cannot become what it should be."""

    reason: Reason
    sentence: str
    evidence: Evidence = Evidence()


Outcome = Done | Wait | Failed
