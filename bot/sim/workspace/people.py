"""Who is in the workspace and which channels it has: a file in, frozen records out.

The file is YAML or JSON:

    people:
      - {name: ada, title: Developer, groups: [engineers]}
      - {name: bo, display_name: Bo}                        # as apps are told; left out, the name
      - {name: gus, guest: true, channels: [deploys]}      # channels: left out, all that are public
    channels:
      - deploys
      - {name: incidents, private: true, bot: false, members: [ada]}

The app is in every public channel unless `bot: false` says otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bot.domain.errors import ConfigError
from bot.sim.workspace.ids import id_of

# Calm, distinct, and legible under white initials (contrast of at least 4.5 to 1).
_COLORS = ("2f6f4f", "7a4b9a", "a8480f", "1f6390", "8a3350", "53661d", "4d5a86", "86531a")


@dataclass(frozen=True)
class Person:
    name: str
    real_name: str
    display_name: str = ""
    title: str = ""
    groups: tuple[str, ...] = ()
    is_guest: bool = False
    channels: tuple[str, ...] | None = None
    color: str = _COLORS[0]

    @property
    def id(self) -> str:
        return id_of("U", self.name)


@dataclass(frozen=True)
class ChannelSpec:
    name: str
    has_bot: bool = True
    is_private: bool = False
    is_archived: bool = False
    topic: str = ""
    members: tuple[str, ...] | None = None


@dataclass(frozen=True)
class People:
    """Everybody and every channel that a workspace starts with."""

    people: tuple[Person, ...]
    channels: tuple[ChannelSpec, ...]
    group_names: Mapping[str, str] = field(default_factory=dict)

    @property
    def groups(self) -> tuple[str, ...]:
        """The handles of all user groups, in the order in which they are first named."""
        return tuple(dict.fromkeys(handle for person in self.people for handle in person.groups))


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_NAME = r"^[a-z0-9][a-z0-9._-]{0,79}$"


class _PersonShape(_Shape):
    name: str = Field(pattern=_NAME)
    real_name: str = ""
    display_name: str = ""
    title: str = ""
    groups: tuple[str, ...] = ()
    guest: bool = False
    channels: tuple[str, ...] | None = None


class _ChannelShape(_Shape):
    name: str = Field(pattern=_NAME)
    bot: bool = True
    private: bool = False
    archived: bool = False
    topic: str = ""
    members: tuple[str, ...] | None = None


class _FileShape(_Shape):
    people: tuple[_PersonShape, ...] = Field(min_length=1)
    channels: tuple[_ChannelShape, ...] = Field(min_length=1)

    @field_validator("people", "channels", mode="before")
    @classmethod
    def _names_are_entries(cls, entries: object) -> object:
        """A bare word stands for an entry with that name."""
        if not isinstance(entries, list | tuple):
            return entries
        return [{"name": entry.lstrip("#@")} if isinstance(entry, str) else entry for entry in entries]

    @field_validator("people", "channels")
    @classmethod
    def _names_are_unique(
        cls, entries: tuple[_PersonShape | _ChannelShape, ...]
    ) -> tuple[_PersonShape | _ChannelShape, ...]:
        names = [entry.name for entry in entries]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"{twice} stands there twice")
        return entries


def people_from(data: object, *, where: str = "people") -> People:
    """The people and channels that `data` (a parsed file) describes.

    Raises:
        ConfigError: a key is unknown or a value is not what it should be.
    """
    try:
        shape = _FileShape.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(where=where, key=key, value=first["input"], remedy=first["msg"]) from error
    return People(
        people=tuple(_person(entry, number) for number, entry in enumerate(shape.people)),
        channels=tuple(_channel(entry) for entry in shape.channels),
    )


def _person(entry: _PersonShape, number: int) -> Person:
    return Person(
        name=entry.name,
        real_name=entry.real_name or entry.name.replace(".", " ").title(),
        display_name=entry.display_name,
        title=entry.title,
        groups=tuple(group.lstrip("@") for group in entry.groups),
        is_guest=entry.guest,
        channels=None if entry.channels is None else tuple(name.lstrip("#") for name in entry.channels),
        color=_COLORS[number % len(_COLORS)],
    )


def _channel(entry: _ChannelShape) -> ChannelSpec:
    members = None if entry.members is None else tuple(name.lstrip("@") for name in entry.members)
    return ChannelSpec(entry.name, entry.bot, entry.private, entry.archived, entry.topic, members)


def read_people(file: Path) -> People:
    """The people file `file`, YAML or JSON (which YAML includes).

    Raises:
        ConfigError: the file cannot be read, or does not describe people and channels.
    """
    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(
            where=str(file), key="file", value=None, remedy=f"cannot be read: {error}"
        ) from error
    return people_from(data, where=str(file))


DEFAULT_PEOPLE = people_from(
    {
        "people": [
            {"name": "ada", "title": "Developer", "groups": ["engineers"]},
            {"name": "bo", "title": "On-call engineer", "groups": ["engineers", "oncall"]},
            {"name": "cy", "title": "Site reliability engineer", "groups": ["oncall"]},
            {"name": "eve", "title": "Product owner"},
            {"name": "gus", "title": "Contractor", "guest": True},
        ],
        "channels": [
            {"name": "deploys", "topic": "What goes to production, and how it is doing"},
            {"name": "releases", "topic": "What changed, in plain words"},
            {"name": "general", "topic": "Everything else"},
        ],
    }
)
