"""What the operations work with, and the two things all of them do: check a role, write the audit
trail.
"""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.clients.redaction import redact
from bot.domain.errors import NotAllowed, OutsideError, Refused, UnknownEvent
from bot.domain.interrupts import Interrupt, InterruptKind
from bot.domain.people import Person, Role
from bot.domain.plan import ApprovalPolicy, DeployRequest, Plan, Staging, Target
from bot.domain.reasons import Reason
from bot.domain.record import Record
from bot.domain.run import Run
from bot.domain.traffic import ByColour
from bot.ports import Clock, Journal, Platform, Roles, Runs, Versions


class Deployable(Record):
    """One application in one environment, as its team configured it."""

    application: str
    environment: str
    image: str  # without a tag
    strategies: tuple[str, ...]  # the ones that can be carried out here; the first is the default
    is_default: bool  # the environment that is meant when none is named
    target: Target
    approvals: ApprovalPolicy
    staging: Staging | None = None  # declared, if releases are rehearsed; what runs there, planning finds
    colours: ByColour | None = None  # declared, if two Deployments take turns; which one serves, it tells
    gates: tuple[str, ...]
    findings: tuple[str, ...] = ()  # what is said on every plan, "no staging" for example

    @property
    def targets(self) -> tuple[Target, ...]:
        """All that its runs may touch."""
        return (self.target,) if self.staging is None else (self.target, self.staging.target)


# People's words end up in the audit trail, which is never changed; no store has a use for control characters.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST = 300

# How a strategy is asked for its plan.
WritePlan = Callable[[DeployRequest, Deployable], Plan]


@dataclass(frozen=True)
class Desk:
    """The neighbours of the operations, introduced by `wiring`."""

    deployables: tuple[Deployable, ...]
    strategies: dict[str, WritePlan]
    versions: Callable[[str], Versions]  # by application
    platform: Callable[[Target], Platform]
    runs: Runs
    journal: Journal
    roles: Roles
    clock: Clock
    nudge: Callable[[str], None]


@asynccontextmanager
async def audited(desk: Desk, by: Person, what: str, run: str | None) -> AsyncIterator[None]:
    """Write down what was refused or prevented; whoever gets through writes for himself."""
    try:
        yield
    except Refused as refusal:
        await record(desk, by, what, run, f"refused: {refusal.reason.value}")
        raise
    except OutsideError as error:
        await record(desk, by, what, run, f"failed: {error.system}")
        raise
    except UnknownEvent:
        await record(desk, by, what, run, f"refused: {Reason.OTHER_VERSION.value}")
        raise


async def require(desk: Desk, by: Person, roles: tuple[Role, ...]) -> None:
    """Go on only if the person has one of the roles.

    Raises:
        NotAllowed: they have none; the remedy names who has.
    """
    for role in roles:
        if await desk.roles.has(by, role):
            return
    wanted = " or ".join(role.value for role in roles)
    names = await desk.roles.names(roles[0])
    whom = f"Ask {', '.join(names)}." if names else f"Nobody is configured as {roles[0].value}."
    raise NotAllowed(f"You need the role {wanted} for this.", whom)


async def interrupt(
    desk: Desk, run: Run, kind: InterruptKind, by: Person, sentence: str, *, purpose: str | None = None
) -> None:
    """Commit what a person wants of a run, before anybody is answered, and tell whoever drives it."""
    now = desk.clock.now()
    await desk.journal.interrupt(
        Interrupt(run=run.id, kind=kind, at=now, person=by, sentence=sentence, purpose=purpose)
    )
    desk.nudge(run.id)
    await record(desk, by, kind.value, run.id, "committed")


async def record(desk: Desk, by: Person, what: str, run: str | None, result: str) -> None:
    """One line of the audit trail."""
    words = _CONTROL.sub(" ", redact(what))[:_LONGEST]
    await desk.runs.audit(at=desk.clock.now(), person=by, what=words, run=run, result=result)
