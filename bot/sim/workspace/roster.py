"""Who is who while the workspace runs: people, the app, channels, user groups, and who is in what."""

from dataclasses import dataclass, field, replace

from bot.sim.workspace.errors import JSON, APIError
from bot.sim.workspace.ids import id_of
from bot.sim.workspace.people import People, Person

# 2025-11-24; when a channel was made matters to nobody, but the field is required.
_CREATED = 1_763_942_400


@dataclass(frozen=True)
class App:
    """The one app that is installed."""

    name: str = "slackwater"
    real_name: str = "Slackwater"
    team: str = "local"
    team_name: str = "Local workspace"

    @property
    def id(self) -> str:
        return id_of("A", self.name)

    @property
    def user_id(self) -> str:
        return id_of("U", f"app:{self.name}")

    @property
    def bot_id(self) -> str:
        return id_of("B", self.name)

    @property
    def team_id(self) -> str:
        return id_of("T", self.team)


@dataclass
class Channel:
    id: str
    name: str
    members: set[str] = field(default_factory=set)
    is_private: bool = False
    is_archived: bool = False
    topic: str = ""
    partner: str | None = None

    @property
    def is_im(self) -> bool:
        return self.partner is not None


class Roster:
    """People and channels by id, and who is in what."""

    def __init__(self, people: People, app: App) -> None:
        self.app = app
        self.people = {person.id: person for person in people.people}
        self.channels = {channel.id: channel for channel in _channels(people, app)}
        self.groups = {
            id_of("S", handle): Group(id_of("S", handle), handle, _members_of(handle, people))
            for handle in people.groups
        }

    def person(self, user: object, *, error: str = "user_not_found") -> Person:
        if isinstance(user, str) and user in self.people:
            return self.people[user]
        raise APIError(error)

    def is_someone(self, user: object) -> bool:
        return user in self.people or user == self.app.user_id

    def channel_for_person(self, channel: object, user: str) -> Channel:
        """The channel that a person names; those they are not in do not exist for them."""
        found = self.channels.get(channel) if isinstance(channel, str) else None
        if found is None or user not in found.members:
            raise APIError("channel_not_found")
        return found

    def channel_for_app(self, channel: object, *, may_open: bool = False) -> Channel:
        """The channel that the app names by id, by `#name`, or (for a message) by its person."""
        if not isinstance(channel, str) or not channel:
            raise APIError("channel_not_found")
        if may_open and channel in self.people:
            return self.direct(channel)
        found = self.channels.get(channel) or self._by_name(channel)
        if found is None or (found.is_private and self.app.user_id not in found.members):
            raise APIError("channel_not_found")
        return found

    def joined_channel(self, channel: object, *, may_open: bool = False) -> Channel:
        """As `channel_for_app`, and the app must be in it: it has no `chat:write.public`."""
        found = self.channel_for_app(channel, may_open=may_open)
        if self.app.user_id not in found.members:
            raise APIError("not_in_channel")
        return found

    def _by_name(self, name: str) -> Channel | None:
        bare = name.removeprefix("#")
        return next((c for c in self.channels.values() if c.name == bare and not c.is_im), None)

    def direct(self, user: str) -> Channel:
        """The direct conversation between the app and `user`, opened if need be."""
        name = self.person(user).name
        dm = id_of("D", name)
        if dm not in self.channels:
            self.channels[dm] = Channel(dm, name, {user, self.app.user_id}, is_private=True, partner=user)
        return self.channels[dm]

    def set_group_members(self, handle: str, names: list[str]) -> None:
        """Who is in a user group from now on; for tests and the demo, where on-call changes hands."""
        group = id_of("S", handle)
        users = tuple(id_of("U", name) for name in names)
        self.groups[group] = Group(group, handle, users)
        for user, person in self.people.items():
            others = tuple(held for held in person.groups if held != handle)
            self.people[user] = replace(person, groups=(*others, handle) if user in users else others)

    def channel_json(self, channel: Channel) -> JSON:
        if channel.is_im:
            return {
                "id": channel.id,
                "created": _CREATED,
                "is_im": True,
                "is_org_shared": False,
                "user": channel.partner,
                "is_user_deleted": False,
                "is_open": True,
                "is_archived": False,
                "priority": 0,
            }
        about = {
            "value": channel.topic,
            "creator": self.app.user_id,
            "last_set": _CREATED if channel.topic else 0,
        }
        return {
            "id": channel.id,
            "name": channel.name,
            "name_normalized": channel.name,
            "is_channel": not channel.is_private,
            "is_group": channel.is_private,
            "is_im": False,
            "is_mpim": False,
            "is_private": channel.is_private,
            "is_archived": channel.is_archived,
            "is_general": channel.name == "general",
            "is_shared": False,
            "is_org_shared": False,
            "is_ext_shared": False,
            "is_pending_ext_shared": False,
            "pending_shared": [],
            "parent_conversation": None,
            "previous_names": [],
            "created": _CREATED,
            "creator": self.app.user_id,
            "unlinked": 0,
            "is_member": self.app.user_id in channel.members,
            "num_members": len(channel.members),
            "topic": about,
            "purpose": {"value": "", "creator": "", "last_set": 0},
        }


@dataclass(frozen=True)
class Group:
    id: str
    handle: str
    users: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.handle.replace("-", " ").capitalize()


def _members_of(handle: str, people: People) -> tuple[str, ...]:
    return tuple(person.id for person in people.people if handle in person.groups)


def _channels(people: People, app: App) -> list[Channel]:
    channels = []
    for spec in people.channels:
        channel = Channel(
            id_of("C", spec.name),
            spec.name,
            is_private=spec.is_private,
            is_archived=spec.is_archived,
            topic=spec.topic,
        )
        channel.members = {person.id for person in people.people if _is_in(person, spec.name, spec.members)}
        # A private channel is joined by invitation, so the app is in it only where the file lists it as open
        # to it.
        if spec.has_bot:
            channel.members.add(app.user_id)
        channels.append(channel)
    return channels


def _is_in(person: Person, channel: str, members: tuple[str, ...] | None) -> bool:
    if members is not None:
        return person.name in members
    return person.channels is None or channel in person.channels
