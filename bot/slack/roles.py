"""Who may do what, by Slack user group or explicit user id. Fails closed: no answer means no."""

import structlog

from bot.domain.errors import OutsideError
from bot.domain.people import Person, Role
from bot.domain.record import Record
from bot.slack.directory import Directory

_log = structlog.get_logger(__name__)


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
        for grantee in self._granted.get(role, ()):
            if person.id in await self._users(grantee):
                return True
        return False

    async def names(self, role: Role) -> tuple[str, ...]:
        ids: set[str] = set()
        for grantee in self._granted.get(role, ()):
            ids |= await self._users(grantee)
        people = [await self._directory.person(user) for user in sorted(ids)]
        return tuple(sorted(person.name for person in people))

    async def mentions(self, role: Role) -> tuple[str, ...]:
        """How a message calls those who have the role."""
        return await self.mentioned(self._granted.get(role, ()))

    async def mentioned(self, grantees: tuple[Grantee, ...]) -> tuple[str, ...]:
        found = []
        for grantee in grantees:
            try:
                if grantee.user is not None:
                    found.append(f"<@{grantee.user}>")
                else:
                    found.append(f"<!subteam^{await self._group(grantee)}>")
            except OutsideError:
                found.append(f"@{grantee.handle}")
        return tuple(found)

    async def _users(self, grantee: Grantee) -> frozenset[str]:
        if grantee.user is not None:
            return frozenset({grantee.user})
        try:
            return await self._directory.members(await self._group(grantee))
        except OutsideError as error:
            _log.warning("role-unknown", grantee=grantee.handle or grantee.group, error=str(error))
            return frozenset()

    async def _group(self, grantee: Grantee) -> str:
        if grantee.group is not None:
            return grantee.group
        return await self._directory.group(grantee.handle or "")
