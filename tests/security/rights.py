"""`python -m tests.security.rights`: who may do what, found out by trying each thing as each kind of person.

Every operation of `bot.operations` is here, or the table cannot be made.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from bot import operations
from bot.domain.errors import Locked, NotAllowed, StaleButton, UnknownThing
from bot.domain.events import Asked, Draft
from bot.domain.interrupts import Interrupt, answer_to
from bot.domain.outcome import Workload
from bot.domain.people import Person, Role
from bot.domain.run import Run
from bot.operations import Desk, Wish
from bot.ports import Claim, Consumed
from tests.operations.test_operations import World
from tests.support.builders import ADA, BO, CY, MORNING

# Ada asked for the run; an approver who has nothing to do with it is there, since a refusal names people.
_SOMEBODY = Person(id="U09LI", name="Li")
_DIGEST = "sha256:shown"


@dataclass(frozen=True)
class Who:
    """One kind of person."""

    words: str
    person: Person
    roles: frozenset[Role]


PEOPLE = (
    Who("in no group", CY, frozenset()),
    *(Who(role.value, CY, frozenset({role})) for role in Role),
    Who("deployer and approver who asked for it", ADA, frozenset({Role.DEPLOYER, Role.APPROVER})),
)


@dataclass(frozen=True)
class Deed:
    """One thing to ask for, on a run that waits for an answer (`held`: that a person holds)."""

    words: str
    operation: Callable[..., object]
    does: Callable[[Desk, Run, Person], Awaitable[object]]
    is_held: bool = False


def _says(
    operation: Callable[[Desk, Run, str, Person], Awaitable[object]],
) -> Callable[[Desk, Run, Person], Awaitable[object]]:
    return lambda desk, run, by: operation(desk, run, "after/decommission:1", by)


DEEDS = (
    Deed("look: status", operations.status, lambda desk, run, by: operations.status(desk, by, run.id)),
    Deed("look: history", operations.history, lambda desk, _, by: operations.history(desk, by)),
    Deed(
        "see a plan",
        operations.draw_up,
        lambda desk, _, by: operations.draw_up(desk, Wish(version="v2.5.0", application="checkout"), by),
    ),
    Deed(
        "start",
        operations.start,
        lambda desk, _, by: operations.start(desk, Wish(version="v2.5.0", application="checkout"), by),
    ),
    Deed("approve", operations.approve, lambda desk, _, by: operations.approve(desk, "q1", by)),
    Deed(
        "approve the rest",
        operations.approve,
        lambda desk, _, by: operations.approve(desk, "q1", by, rest=True),
    ),
    Deed("hold", operations.hold, operations.hold),
    Deed("resume", operations.resume, operations.resume, is_held=True),
    Deed("roll back", operations.rollback, operations.rollback),
    Deed("abort", operations.abort, operations.abort),
    Deed("keep what is left longer", operations.put_off, _says(operations.put_off)),
    Deed("remove what is left now", operations.do_now, _says(operations.do_now)),
    Deed("undo", operations.undo, lambda desk, _, by: operations.undo(desk, by, "checkout")),
    Deed(
        "release from quarantine",
        operations.release,
        lambda desk, _, by: operations.release(desk, by, "v2.5.0", "checkout"),
    ),
)
# These ask nobody who they are: they are what the operations are made of.
INNER = {"audited", "find_run", "stale"}


class _Roles:
    def __init__(self, who: Who) -> None:
        self._who = who

    async def has(self, person: Person, role: Role) -> bool:
        return (role in self._who.roles) if person == self._who.person else person == _SOMEBODY

    async def names(self, role: Role) -> tuple[str, ...]:
        return (_SOMEBODY.name,)


async def may(who: Who, deed: Deed) -> bool:
    """Whether that person may do it, by doing it."""
    world = World()
    run = await _waiting_run(world)
    if deed.is_held:
        await operations.hold(world.desk, run, BO)
        run = await _heard(world, run)
    desk = replace(world.desk, roles=_Roles(who))
    try:
        await deed.does(desk, run, who.person)
    except NotAllowed:
        return False
    except (Locked, UnknownThing, StaleButton):
        # They might, if no run were under way, the version were in quarantine, something could be undone or
        # were left behind.
        return True
    return True


def table() -> str:
    """Markdown: a row for each deed, a column for each kind of person."""
    lines = [f"| | {' | '.join(who.words for who in PEOPLE)} |", "|---" * (len(PEOPLE) + 1) + "|"]
    for deed in DEEDS:
        cells = ("yes" if asyncio.run(may(who, deed)) else "–" for who in PEOPLE)
        lines.append(f"| {deed.words} | {' | '.join(cells)} |")
    return "\n".join(lines)


async def _waiting_run(world: World) -> Run:
    """Asked for by Ada, and waiting for an answer."""
    run = await operations.start(world.desk, Wish(version="v2.5.0", application="checkout"), ADA)
    world.platform.canary_now = Workload(name="checkout-canary", image="i", digest=_DIGEST)
    claim = await _claim(world)
    asked = Asked(question="q1", digest=_DIGEST, remind_at=MORNING, escalate_at=MORNING, expires_at=MORNING)
    await world.journal.append(claim, run.seq, [Draft(event=asked, step="canary/25/weight")])
    return await world.journal.load(run.id)


async def _heard(world: World, run: Run) -> Run:
    """The run, once its driver has heard what was committed."""

    def decide(waiting: tuple[Interrupt, ...]) -> Consumed:
        return Consumed(drafts=tuple(draft for one in waiting for draft in answer_to(run, one)))

    await world.journal.consume(await _claim(world), run.seq, decide)
    return await world.journal.load(run.id)


async def _claim(world: World) -> Claim:
    (claim,) = await world.journal.claim("rights", ttl=timedelta(0))
    return claim


def main() -> int:
    print(table())
    return 0


if __name__ == "__main__":
    sys.exit(main())
