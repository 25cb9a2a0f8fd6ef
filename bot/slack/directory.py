"""Who is who in the workspace: people's names, user groups and their members, channels by name.

Answers are kept for a while, because these methods are Slack's slowest. What is older than allowed and cannot
be read again is not answered at all: whoever decides by it has to fail closed.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any

import structlog

from bot.domain.errors import NotFound, OutsideError
from bot.domain.people import Person
from bot.domain.record import Record
from bot.slack.calls import SlackCalls
from bot.slack.changes import Channels
from bot.slack.remembered import Remembered

_log = structlog.get_logger(__name__)

# A member who was removed from a group can press for this long at most (real seconds).
_FRESH = 60.0
# Names, and which groups there are, change rarely.
_FRESH_NAMES = 240.0
# When Slack does not answer, memberships read this long ago still count; then nobody has the role.
_USABLE = 300.0
# A name that is not in the list may have been added since; this often it is looked for (real seconds).
_LOOK_AGAIN = 5.0


class _Profile(Record):
    """What `users.info` says of somebody."""

    name: str
    is_outsider: bool  # a guest, from another workspace, deactivated, or no person at all


class Directory:
    """One workspace's people, groups and channels."""

    def __init__(self, calls: SlackCalls) -> None:
        self._calls = calls
        self._people: dict[str, Remembered[_Profile]] = {}
        self._members: dict[str, Remembered[frozenset[str]]] = {}
        self._groups = Remembered(self._read_groups, fresh=_FRESH_NAMES, usable=_USABLE)
        self._channels = Remembered(self._read_channels, fresh=float("inf"))

    async def person(self, user: str) -> Person:
        """The person behind a user id; the id stands for the name while Slack does not answer."""
        profile = self._profile(user)
        try:
            found: _Profile | None = await profile.get()
        except OutsideError:
            found = profile.last
        return Person(id=user, name=found.name if found is not None else user)

    async def is_outsider(self, user: str) -> bool:
        """Whether this is a guest, somebody of another workspace, deactivated, or no person.

        Raises:
            OutsideError: Slack does not say, and what it said before is too old to count.
        """
        return (await self._profile(user).get()).is_outsider

    async def group(self, handle: str) -> str:
        """The id of the user group with this handle.

        Raises:
            NotFound: the workspace has no such group.
            OutsideError: the groups cannot be read, and what was read before is too old to count.
        """
        bare = handle.removeprefix("@")
        found = (await self._groups.get()).get(bare) or (await self._groups.get(fresh=_LOOK_AGAIN)).get(bare)
        if found is None:
            raise NotFound("Slack", f"there is no user group @{bare}")
        return found

    async def group_to_mention(self, handle: str) -> str:
        """As `group`, however old: who is called decides nothing, and a call must not change its words.

        Raises:
            OutsideError: the group was never known.
        """
        known = (self._groups.last or {}).get(handle.removeprefix("@"))
        return known or await self.group(handle)

    async def members(self, group: str) -> frozenset[str]:
        """The user ids of a group's members.

        Raises:
            OutsideError: they cannot be read, and what was read before is too old to count.
        """
        if group not in self._members:
            read = partial(self._read_members, group)
            self._members[group] = Remembered(read, fresh=_FRESH, usable=_USABLE)
        return await self._members[group].get()

    def forget_members(self) -> None:
        """A group changed: read it again when it is next asked for."""
        self._members.clear()

    async def channel(self, name: str) -> str:
        """The id of the channel with this name (or id).

        Raises:
            NotFound: the bot sees no such channel.
            OutsideError: the channels cannot be read.
        """
        bare = name.removeprefix("#")
        if not name.startswith("#") and bare[:1] in {"C", "G"} and bare.isupper():
            return bare
        found = (await self._channels.get()).get(bare)
        if found is None:
            found = (await self._channels.get(fresh=_LOOK_AGAIN)).get(bare)
        if found is None:
            raise NotFound("Slack", f"the bot sees no channel #{bare}; invite it there, or give the id")
        return found

    async def channels(self, deploys: str, stakeholders: Iterable[str]) -> Channels:
        """Where runs are shown. A stakeholder channel that is not found is left out until it is.

        Raises:
            NotFound: the bot does not see the channel where runs are shown.
            OutsideError: the channels cannot be read.
        """
        home = await self.channel(deploys)
        found = []
        for name in stakeholders:
            try:
                found.append(await self.channel(name))
            except NotFound as error:
                _log.error("channel-missing", channel=name, error=str(error))
        return Channels(deploys=home, stakeholders=tuple(found))

    def _profile(self, user: str) -> Remembered[_Profile]:
        if user not in self._people:
            read = partial(self._read_profile, user)
            self._people[user] = Remembered(read, fresh=_FRESH_NAMES, usable=_USABLE)
        return self._people[user]

    async def _read_profile(self, user: str) -> _Profile:
        found = (await self._calls.one("users.info", user=user)).get("user") or {}
        profile = found.get("profile") or {}
        name = profile.get("display_name") or found.get("real_name") or found.get("name") or user
        return _Profile(name=str(name), is_outsider=_is_outsider(found))

    async def _read_groups(self) -> dict[str, str]:
        listed = await self._calls.list_of("usergroups.list", "usergroups")
        return {str(group.get("handle")): str(group.get("id")) for group in listed}

    async def _read_members(self, group: str) -> frozenset[str]:
        listed = (await self._calls.one("usergroups.users.list", usergroup=group)).get("users") or []
        return frozenset(str(user) for user in listed)

    async def _read_channels(self) -> dict[str, str]:
        listed = await self._calls.list_of(
            "conversations.list", "channels", types="public_channel", exclude_archived="true", limit="200"
        )
        return {str(channel.get("name")): str(channel.get("id")) for channel in listed}


def _is_outsider(found: dict[str, Any]) -> bool:
    signs = ("is_restricted", "is_ultra_restricted", "is_stranger", "deleted", "is_bot")
    return any(found.get(sign) for sign in signs)
