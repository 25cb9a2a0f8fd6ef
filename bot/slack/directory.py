"""Who is who in the workspace: people's names, user groups and their members, channels by name.

Answers are kept for a while, because these methods are Slack's slowest. What is older than allowed and cannot
be read again is not answered at all: whoever decides by it has to fail closed.
"""

import asyncio

from bot.domain.errors import NotFound, OutsideError
from bot.domain.people import Person
from bot.slack.calls import SlackCalls

# A member who was removed from a group can press for this long at most (real seconds).
_FRESH = 60.0
# When Slack does not answer, memberships read this long ago still count; then nobody has the role.
_USABLE = 300.0


class Directory:
    """One workspace's people, groups and channels."""

    def __init__(self, calls: SlackCalls) -> None:
        self._calls = calls
        self._people: dict[str, Person] = {}
        self._groups: dict[str, str] = {}
        self._groups_at = float("-inf")
        self._members: dict[str, tuple[float, frozenset[str]]] = {}
        self._channels: dict[str, str] = {}

    async def person(self, user: str) -> Person:
        """The person behind a user id; the id stands for the name while Slack does not answer."""
        if user not in self._people:
            try:
                found = (await self._calls.one("users.info", user=user)).get("user") or {}
            except OutsideError:
                return Person(id=user, name=user)
            profile = found.get("profile") or {}
            name = found.get("real_name") or profile.get("display_name") or found.get("name") or user
            self._people[user] = Person(id=user, name=str(name))
        return self._people[user]

    async def group(self, handle: str) -> str:
        """The id of the user group with this handle.

        Raises:
            NotFound: the workspace has no such group.
        """
        handle = handle.removeprefix("@")
        if handle not in self._groups or _now() - self._groups_at > _USABLE:
            listed = await self._calls.list_of("usergroups.list", "usergroups")
            self._groups = {str(g.get("handle")): str(g.get("id")) for g in listed}
            self._groups_at = _now()
        if handle not in self._groups:
            raise NotFound("Slack", f"there is no user group @{handle}")
        return self._groups[handle]

    async def members(self, group: str) -> frozenset[str]:
        """The user ids of a group's members.

        Raises:
            OutsideError: they cannot be read, and what was read before is too old to count.
        """
        read_at, known = self._members.get(group, (float("-inf"), frozenset()))
        if _now() - read_at < _FRESH:
            return known
        try:
            listed = (await self._calls.one("usergroups.users.list", usergroup=group)).get("users") or []
        except OutsideError:
            if _now() - read_at < _USABLE:
                return known
            raise
        fresh = frozenset(str(user) for user in listed)
        self._members[group] = (_now(), fresh)
        return fresh

    def forget_members(self) -> None:
        """A group changed: read it again when it is next asked for."""
        self._members.clear()

    async def channel(self, name: str) -> str:
        """The id of the channel with this name (or id).

        Raises:
            NotFound: the bot sees no such channel.
        """
        bare = name.removeprefix("#")
        if not name.startswith("#") and bare[:1] in {"C", "G"} and bare.isupper():
            return bare
        if bare not in self._channels:
            listed = await self._calls.list_of(
                "conversations.list", "channels", types="public_channel", exclude_archived="true", limit="200"
            )
            self._channels = {str(c.get("name")): str(c.get("id")) for c in listed}
        if bare not in self._channels:
            raise NotFound("Slack", f"the bot sees no channel #{bare}; invite it there, or give the id")
        return self._channels[bare]


def _now() -> float:
    return asyncio.get_running_loop().time()
