"""What can prevent an answer, as a tree. Expected answers (a gate fails, an approver says no) are values.

    SlackwaterError
    ├─ Refused            said to the person who asked: reason, plain sentence, what to do next
    │  ├─ NotUnderstood · NotAllowed · Locked · PolicyBlocked · StaleButton · UnknownRun · UnknownThing
    │  ├─ OtherVersion
    ├─ StepError          raised by a step's work
    │  ├─ Permanent · TimedOut
    ├─ OutsideError       an outside system: names it; the SDK's exception is its cause
    │  ├─ Unreachable · Throttled · Unauthorized · NotFound · Conflict · Rejected · Unreadable
    ├─ JournalError
    │  ├─ LeaseLost · Interrupted · IllegalTransition · UnknownEvent · Tampered
    └─ ConfigError        where, key, value, remedy

Retry decisions read the class (`OutsideError.is_transient`), never the message. Messages bear no secrets:
clients redact before they raise.
"""

from datetime import timedelta
from typing import ClassVar

from bot.domain.reasons import Reason


class SlackwaterError(Exception):
    """Everything that Slackwater itself raises."""


class Refused(SlackwaterError):
    """An answer to the person who asked: nothing was started, lost or shifted.

    `sentence` says what is wrong in plain words, `remedy` what to do next; both are free of markup.
    """

    reason: ClassVar[Reason] = Reason.REFUSED

    def __init__(self, sentence: str, remedy: str = "") -> None:
        super().__init__(f"{sentence} {remedy}".strip())
        self.sentence = sentence
        self.remedy = remedy


class NotUnderstood(Refused):
    """The words are not a command, or lack something it needs."""

    reason = Reason.NOT_UNDERSTOOD


class NotAllowed(Refused):
    """The person's roles do not cover what they asked for."""

    reason = Reason.NOT_ALLOWED


class Locked(Refused):
    """Another run holds the application."""

    reason = Reason.LOCKED


class PolicyBlocked(Refused):
    """A policy finding blocks the start."""

    reason = Reason.POLICY


class StaleButton(Refused):
    """The question that the button belongs to was closed, or shows something that is no longer so."""

    reason = Reason.STALE


class UnknownRun(Refused):
    """No run by that name."""

    reason = Reason.UNKNOWN_RUN


class UnknownThing(Refused):
    """No such application, environment or version."""

    reason = Reason.UNKNOWN_THING


class OtherVersion(Refused):
    """What is asked about was written by another version of Slackwater, and this one cannot read it."""

    reason = Reason.OTHER_VERSION


class StepError(SlackwaterError):
    """A step's work cannot give an outcome."""


class Permanent(StepError):
    """Trying again would change nothing."""


class TimedOut(StepError):
    """The step's time limit passed."""


class OutsideError(SlackwaterError):
    """An outside system did not do what was asked. `system` names it as people know it ("Kubernetes")."""

    is_transient: ClassVar[bool] = False

    def __init__(self, system: str, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(f"{system}: {message}")
        self.system = system
        self.message = message
        self.retry_after = retry_after


class Unreachable(OutsideError):
    """No answer, a broken connection, or a 5xx: whether the request had an effect is unknown."""

    is_transient = True


class Throttled(OutsideError):
    """Too many requests; `retry_after` says when to try again."""

    is_transient = True


class Unauthorized(OutsideError):
    """The credentials are missing, wrong, or lack a right."""


class NotFound(OutsideError):
    """The object that was asked for is not there."""


class Conflict(OutsideError):
    """The object changed since it was read, or exists already."""

    is_transient = True


class Rejected(OutsideError):
    """The request was understood and refused (invalid object, quota, policy)."""


class Unreadable(OutsideError):
    """The answer is not what the interface promises."""


class JournalError(SlackwaterError):
    """The journal refuses a write, or cannot be read."""


class LeaseLost(JournalError):
    """Another process drives this run now; this one may no longer write."""


class Interrupted(JournalError):
    """Somebody spoke first: what they committed has to be heard before this may be written."""


class IllegalTransition(JournalError):
    """The event does not follow from the state that the run is in."""


class UnknownEvent(JournalError):
    """The journal holds an event or a step of a kind that this version does not know."""


class Tampered(JournalError):
    """A stored row is not what was written."""


class ConfigError(SlackwaterError):
    """A setting is missing or wrong: where it stands, which key, what it says, how to mend it."""

    def __init__(self, *, where: str, key: str, value: object, remedy: str) -> None:
        shown = "" if value is None else f" is {value!r}"
        super().__init__(f"{where}: {key}{shown}: {remedy}")
        self.where = where
        self.key = key
        self.value = value
        self.remedy = remedy
