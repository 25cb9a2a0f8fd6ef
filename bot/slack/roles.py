"""Who may do what, by Slack user group or explicit user id. Fails closed: no answer means no.

Guests, people of other workspaces and bots have no role by a group they were put into; where one of them is
meant, the configuration names their user id.
"""

import asyncio

import structlog

from bot.domain.errors import OutsideError
from bot.domain.people import Person, Role
from bot.domain.record import Record
from bot.slack.directory import Directory

_log = structlog.get_logger(__name__)

# A refusal names at most so many people to ask; each costs a call of `users.info`.
_MOST_NAMES = 8


class Grantee(Record):
    """One entry of a role's list: a user group by handle or id, or a user by id."""

    handle: str | None = None
    group: str | None = None
    user: str | None = None


class SlackRoles:
    """`Roles` over a workspace's directory."""

    def __init__(self, directory: Directory, granted: dict[Role, tuple[Grantee, ...]]) -> None:
        self._directory = directory
        self._granted = granted

    async def has(self, person: Person, role: Role) -> bool:
        grantees = self._granted.get(role, ())
        if any(grantee.user == person.id for grantee in grantees):
            return True
        for grantee in grantees:
            if person.id in await self._users(grantee):
                return await self._belongs_here(person)
        return False

    async def names(self, role: Role) -> tuple[str, ...]:
        # In the order of the configuration, so that the first named are the first to be asked.
        ids: dict[str, None] = {}
        for grantee in self._granted.get(role, ()):
            ids |= dict.fromkeys(sorted(await self._users(grantee)))
        people = await asyncio.gather(*(self._directory.person(user) for user in list(ids)[:_MOST_NAMES]))
        return tuple(sorted([person.name for person in people if await self._may_have(person)]))

    async def mentions(self, role: Role) -> tuple[str, ...]:
        """How a message calls those who have the role."""
        return await self.mentioned(self._granted.get(role, ()))

    async def mentioned(self, grantees: tuple[Grantee, ...]) -> tuple[str, ...]:
        return tuple([await self._mention(grantee) for grantee in grantees])

    async def _mention(self, grantee: Grantee) -> str:
        if grantee.user is not None:
            return f"<@{grantee.user}>"
        if grantee.group is not None:
            return f"<!subteam^{grantee.group}>"
        handle = (grantee.handle or "").removeprefix("@")
        try:
            return f"<!subteam^{await self._directory.group_to_mention(handle)}>"
        except OutsideError:
            return f"@{handle}"

    async def _may_have(self, person: Person) -> bool:
        """Whether it helps to ask this person; where Slack does not say, it may."""
        try:
            return not await self._directory.is_outsider(person.id)
        except OutsideError:
            return True

    async def _belongs_here(self, person: Person) -> bool:
        try:
            return not await self._directory.is_outsider(person.id)
        except OutsideError as error:
            _log.warning("person-unknown", person=person.id, error=str(error))
            return False

    async def _users(self, grantee: Grantee) -> frozenset[str]:
        if grantee.user is not None:
            return frozenset({grantee.user})
        try:
            group = grantee.group or await self._directory.group(grantee.handle or "")
            return await self._directory.members(group)
        except OutsideError as error:
            _log.warning("role-unknown", grantee=grantee.handle or grantee.group, error=str(error))
            return frozenset()
