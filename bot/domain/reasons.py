"""Why a run ended, a step failed or a request was refused: one closed list.

The same word stands in the thread, the journal, the metric's label and the test.
"""

from enum import StrEnum


class Reason(StrEnum):
    # How a run ends.
    FINISHED = "finished"  # the new version serves everything
    ABORTED = "aborted"  # a person ended it; traffic is on stable
    ROLLED_BACK_BY_PERSON = "rolled-back-by-person"  # a person took the version back
    APPROVAL_EXPIRED = "approval-expired"  # nobody answered in time
    GATE_FAILED = "gate-failed"  # a gate found a blocker
    NOT_READY = "not-ready"  # the new version's pods did not become ready
    WORSE_THAN_STABLE = "worse-than-stable"  # the analysis says so
    ERROR_RATE = "error-rate"  # trigger: errors above the limit for too long
    LATENCY = "latency"  # trigger: p95 above its limit for too long
    HEALTH = "health"  # trigger: a critical path keeps failing
    MEMORY = "memory"  # trigger: memory close to its limit for too long
    SMOKE_FAILED = "smoke-failed"  # the team's smoke command failed
    JOURNEY_FAILED = "journey-failed"  # a critical path of a user does not work
    UNWELL_ON_STAGING = "unwell-on-staging"  # requests fail there, or memory grows
    VERIFY_FAILED = "verify-failed"  # the platform does not serve what was asked for
    MISSING = "missing"  # an object that the configuration names is not there
    ANOTHER_RUNS = "another-runs"  # another Slackwater's run has what this one needs
    CHANGED_OUTSIDE = "changed-outside"  # somebody else changed an object that the run relies on
    STANDS_STILL = "stands-still"  # a rollout was paused for its errors, or for want of figures
    STEP_FAILED = "step-failed"  # a step failed for another reason, which its sentence gives
    STEP_TIMED_OUT = "step-timed-out"  # a step did not get there in its time
    UNKNOWN_STEP = "unknown-step"  # this version of the bot does not know a step of the plan

    # How a request is refused.
    REFUSED = "refused"
    NOT_UNDERSTOOD = "not-understood"
    NOT_ALLOWED = "not-allowed"
    LOCKED = "locked"
    POLICY = "policy"
    STALE = "stale"
    UNKNOWN_RUN = "unknown-run"
    UNKNOWN_THING = "unknown-thing"
    OTHER_VERSION = "other-version"  # only the version of the bot that wrote it can read it

    @property
    def asks_people(self) -> bool:
        """Whether a step that failed for it holds the run and asks, instead of turning it back."""
        return self in {Reason.CHANGED_OUTSIDE, Reason.STANDS_STILL}
