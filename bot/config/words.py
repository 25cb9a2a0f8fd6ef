"""Words with a form of their own: commands, templates, names, addresses, people, places.

Each is checked where it is read, so that nothing below has to wonder what a string may hold. No shell ever
sees a command: it is split into words once, here, and a version is put into a word as it is.
"""

import os
import re
import shlex
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, PlainValidator, ValidationInfo

from bot.config.problems import nearest
from bot.config.quantities import written
from bot.config.section import folder_of, wrong
from bot.domain.record import Record

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|([A-Za-z_]\w*))")
_QUOTED = re.compile(r"'[^']*'|\"(?:\\.|[^\"\\])*\"|\\.", re.DOTALL)
_SHELL = re.compile(r"&&|\|\||[|;&<>`]|\$\(")

# Control characters and line breaks, and what turns a text's direction; for the inside of a [class].
_UNSEEN = r"\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff"

COMMAND_VARIABLES = ("version", "image")


class Command(Record):
    """A program and its arguments; `$version` and `$image` are filled in at the last moment."""

    words: tuple[str, ...]

    def filled(self, *, version: str, image: str) -> tuple[str, ...]:
        """The words to execute. What is filled in never becomes two words, and is not looked at again."""
        values = {"version": version, "image": image}
        return tuple(_VARIABLE.sub(lambda found: values[found[1] or found[2]], word) for word in self.words)


class WhoKind(StrEnum):
    HANDLE = "handle"  # "@oncall": a user group's handle, or in a rota a person's
    USER = "user"  # "U…" or "W…": a person's id
    GROUP = "group"  # "S…": a user group's id


class Who(Record):
    """A person or a user group of the Slack workspace, by id or by handle (without the @)."""

    kind: WhoKind
    name: str

    def __str__(self) -> str:
        return f"@{self.name}" if self.kind is WhoKind.HANDLE else self.name


class Channel(Record):
    """A channel by name (without the #) or by id."""

    name: str
    is_id: bool = False

    def __str__(self) -> str:
        return self.name if self.is_id else f"#{self.name}"


class Listen(Record):
    """Where a server listens."""

    host: str
    port: int


class S3Place(Record):
    """A place in object storage."""

    bucket: str
    prefix: str = ""


def parse_command(text: str) -> Command:
    bare = _QUOTED.sub("", text)
    if found := _SHELL.search(bare):
        raise ValueError(
            f"no shell runs this, so {found[0]} would be a plain word: put it into a script and run that"
        )
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ValueError(f"cannot be split into words ({error}): close every quote") from error
    if not words or not words[0]:
        raise ValueError("is empty: name the program to run")
    if _VARIABLE.search(words[0]):
        raise ValueError(f"{words[0]} would let whoever deploys choose the program: name it")
    _refuse_unknown_variables(text, COMMAND_VARIABLES)
    return Command(words=tuple(words))


def _refuse_unknown_variables(text: str, allowed: Iterable[str]) -> None:
    names = tuple(allowed)
    for found in _VARIABLE.finditer(text):
        name = found[1] or found[2]
        if name not in names:
            known = ", ".join(f"${word}" for word in names)
            raise ValueError(f"${name} is not filled in{nearest(name, names)} Allowed: {known}")


def template(*allowed: str) -> AfterValidator:
    """Text in which only these `$names` may stand."""

    def check(text: str) -> str:
        try:
            _refuse_unknown_variables(text, allowed)
        except ValueError as error:
            raise wrong(str(error)) from error
        return text

    return AfterValidator(check)


def matching(pattern: str, remedy: str) -> AfterValidator:
    """Text that fits a pattern as a whole."""
    form = re.compile(pattern)

    def check(text: str) -> str:
        if not form.fullmatch(text):
            raise wrong(remedy)
        return text

    return AfterValidator(check)


_WHO_FORMS = 'write "@handle" in quotes, or an id such as U0123ABCD (a person) or S0123ABCD (a user group)'


def parse_who(text: str) -> Who:
    if re.fullmatch(r"@[\w.-]{1,80}", text):
        return Who(kind=WhoKind.HANDLE, name=text[1:])
    if re.fullmatch(r"[UWS][A-Z0-9]{2,20}", text):
        return Who(kind=WhoKind.GROUP if text[0] == "S" else WhoKind.USER, name=text)
    raise ValueError(_WHO_FORMS)


_CHANNEL_FORMS = (
    'write "#name" in quotes (without them # begins a comment), or a channel\'s id such as C0123ABCD'
)


def parse_channel(text: str) -> Channel:
    if re.fullmatch(r"[CG][A-Z0-9]{2,20}", text):
        return Channel(name=text, is_id=True)
    if re.fullmatch(r"#[^\s#@<>,A-Z]{1,80}", text):
        return Channel(name=text[1:])
    raise ValueError(_CHANNEL_FORMS)


_LISTEN_FORMS = 'write "host:port", for example "127.0.0.1:3000"'


def parse_listen(text: str) -> Listen:
    found = re.fullmatch(r"([\w.-]+|\[[0-9a-fA-F:.]+\]):([0-9]{1,5})", text)
    if found is None or not int(found[2]) < 65536:
        raise ValueError(_LISTEN_FORMS)
    return Listen(host=found[1].strip("[]"), port=int(found[2]))


_URL_FORMS = "write an address such as https://checkout.example.com"


def parse_url(text: str) -> str:
    """An http address without its trailing slash; credentials in it are refused."""
    try:
        parts = urlsplit(text)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise ValueError(_URL_FORMS) from error
    if not is_address or re.search(r"\s", text):
        raise ValueError(_URL_FORMS)
    if parts.username is not None or parts.password is not None:
        raise ValueError("a name or password in an address is a secret: take it out")
    return text.rstrip("/")


def parse_zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("is not a time zone: write an IANA name such as Europe/Berlin or UTC") from error


_MOMENT_FORMS = "write a date and time: 2026-12-18T12:00 (in the configured zone) or 2026-12-18T12:00+01:00"


def parse_moment(text: str) -> datetime:
    """A moment, naive where the text names no zone: whoever holds it knows which zone is meant."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:?\d\d)?", text):
        raise ValueError(_MOMENT_FORMS)
    try:
        moment = datetime.fromisoformat(text)
        moment.astimezone()  # the calendar's ends, where a zone cannot be reckoned
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(_MOMENT_FORMS) from error
    return moment


def _parse_path(value: Any, info: ValidationInfo) -> Path:
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value:
        raise wrong("write a path, relative to this file's folder")
    path = Path(value)
    return Path(os.path.normpath(folder_of(info).absolute() / path))


def _parse_artifacts(value: Any, info: ValidationInfo) -> Path | S3Place:
    if isinstance(value, S3Place):
        return value
    if isinstance(value, str) and "://" in value:
        found = re.fullmatch(r"s3://([a-z0-9][a-z0-9.-]{1,62})(?:/(.*))?", value)
        if found is None:
            raise wrong("write a folder or s3://bucket/prefix")
        return S3Place(bucket=found[1], prefix=(found[2] or "").strip("/"))
    return _parse_path(value, info)


def _parse_database(value: Any, info: ValidationInfo) -> str:
    forms = "write sqlite:///slackwater.db (relative to this file) or postgresql+psycopg://user@host/database"
    if not isinstance(value, str):
        raise wrong(forms)
    if value.startswith("sqlite:///"):
        file = value.removeprefix("sqlite:///")
        if not file or file == ":memory:" or re.search(r"[?#]", file):
            raise wrong(forms)
        return f"sqlite:///{_parse_path(file, info)}"
    try:
        parts = urlsplit(value)
    except ValueError as error:
        raise wrong(forms) from error
    if parts.scheme not in {"postgresql", "postgresql+psycopg"}:
        raise wrong(forms)
    if parts.password is not None or "password=" in parts.query:
        raise wrong("a password in an address is a secret: take it out, and set PGPASSWORD or PGPASSFILE")
    return value.replace("postgresql://", "postgresql+psycopg://", 1)


Run = Annotated[Command, written(parse_command, "write the command as one line of text", Command)]
Someone = Annotated[Who, written(parse_who, _WHO_FORMS, Who)]
ChannelName = Annotated[Channel, written(parse_channel, _CHANNEL_FORMS, Channel)]
ListenAddress = Annotated[Listen, written(parse_listen, _LISTEN_FORMS, Listen)]
Url = Annotated[str, written(parse_url, _URL_FORMS)]
Zone = Annotated[ZoneInfo, written(parse_zone, "write an IANA name such as Europe/Berlin", ZoneInfo)]
Moment = Annotated[datetime, written(parse_moment, _MOMENT_FORMS, datetime)]
FilePath = Annotated[Path, PlainValidator(_parse_path)]
Artifacts = Annotated[Path | S3Place, PlainValidator(_parse_artifacts)]
DatabaseUrl = Annotated[str, PlainValidator(_parse_database)]

Name = Annotated[
    str, matching(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", "write a name of letters, digits, - and _")
]
KubernetesName = Annotated[
    str,
    matching(
        r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?",
        "is not a Kubernetes name: lower-case letters, digits and - (at most 63, no - at the ends)",
    ),
]
UrlPath = Annotated[
    str, matching(rf"/[^\s#{_UNSEEN}]*", "write a path that begins with a slash, such as /health")
]
HostName = Annotated[
    str, matching(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?", "write a host name such as checkout.example.com")
]
HeaderName = Annotated[
    str, matching(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", "write an HTTP header's name, such as canary")
]
Line = Annotated[str, matching(rf"[^{_UNSEEN}]*[^\s{_UNSEEN}][^{_UNSEEN}]*", "write one line of text")]
Image = Annotated[
    str,
    matching(
        r"[a-z0-9][a-z0-9._-]*(:[0-9]+)?(/[a-z0-9][a-z0-9._-]*)+|[a-z0-9][a-z0-9._-]*",
        "write the image without its tag, such as registry.example.com/checkout: the version is the tag",
    ),
]
