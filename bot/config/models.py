"""The whole configuration: `Settings`, and the parts that are not about one application."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, PrivateAttr, model_validator

from bot.config.application import Application
from bot.config.document import Document
from bot.config.policy import Shift, in_utc
from bot.config.problems import Keys, listed, nearest
from bot.config.section import Section, wrong
from bot.config.words import (
    Artifacts,
    ChannelName,
    DatabaseUrl,
    Line,
    Listen,
    ListenAddress,
    Name,
    Someone,
    Url,
    UrlPath,
    Zone,
    matching,
)
from bot.domain.errors import UnknownThing


class HTTPSettings(Section):
    listen: ListenAddress = Listen(host="127.0.0.1", port=3000)
    path: UrlPath = "/slack/events"


class Channels(Section):
    deploys: ChannelName  # where runs are posted
    stakeholders: tuple[ChannelName, ...] = ()  # start, first shift, end


class SlackSettings(Section):
    command: Annotated[str, matching(r"/[a-z0-9_-]{1,31}", "write a slash command such as /deploy")] = (
        "/deploy"
    )
    mode: Literal["socket", "http"] = "socket"
    http: HTTPSettings = HTTPSettings()
    channels: Channels


class Roles(Section):
    """Who may; an empty list is nobody."""

    viewer: tuple[Someone, ...] = ()
    deployer: tuple[Someone, ...] = ()
    approver: tuple[Someone, ...] = ()
    admin: tuple[Someone, ...] = ()


class StorageSettings(Section):
    url: DatabaseUrl = Field(default="sqlite:///slackwater.db", validate_default=True)
    artifacts: Artifacts = Field(default="./artifacts", validate_default=True)


class OnCall(Section):
    """Who is paged. The rota's times are meant in `timezone`, else in the applications' common one."""

    kind: Literal["rota", "pagerduty", "opsgenie"] = "rota"
    timezone: Zone | None = None
    rota: tuple[Shift, ...] = ()
    schedule: Line | None = None  # pagerduty, opsgenie: the schedule's id


class StatusPage(Section):
    kind: Literal["none", "statuspage"] = "none"
    url: Url | None = None
    page: Line | None = None
    component: Line | None = None

    @model_validator(mode="after")
    def _place_is_known(self) -> Self:
        if self.kind == "statuspage":
            for key in ("url", "page", "component"):
                if getattr(self, key) is None:
                    raise wrong("is needed for a statuspage", key)
        return self


class Settings(Section):
    """What the team's file says. Code below `wiring` receives its slice of it, never the whole."""

    version: Literal[1] = 1
    slack: SlackSettings
    roles: Roles = Roles()
    storage: StorageSettings = Field(default_factory=dict, validate_default=True)
    on_call: OnCall = OnCall()
    status_page: StatusPage = StatusPage()
    applications: Annotated[Mapping[Name, Application], Field(min_length=1)]

    _document: Document = PrivateAttr(default_factory=lambda: Document("(no file)"))

    @model_validator(mode="after")
    def _rota_in_utc(self) -> Self:
        zone = self.on_call.timezone or self._common_zone()
        rota = []
        for number, shift in enumerate(self.on_call.rota):
            if zone is None and not (shift.since.tzinfo and shift.until.tzinfo):
                remedy = "the applications' zones differ: set on_call.timezone, or write 2026-11-23T09:00Z"
                raise wrong(remedy, "on_call", "rota", number, "from")
            since, until = (
                in_utc(shift.since, zone or ZoneInfo("UTC")),
                in_utc(shift.until, zone or ZoneInfo("UTC")),
            )
            if until <= since:
                raise wrong(
                    "ends before it begins: `to` must be later than `from`", "on_call", "rota", number, "to"
                )
            rota.append(shift.with_(since=since, until=until))
        return self.filled(on_call=self.on_call.completed(rota=tuple(rota)))

    def _common_zone(self) -> ZoneInfo | None:
        zones = {
            application.policy.timezone.key: application.policy.timezone
            for application in self.applications.values()
        }
        return next(iter(zones.values())) if len(zones) == 1 else None

    def application(self, name: str) -> Application:
        """The application of that name.

        Raises:
            UnknownThing: there is none.
        """
        found = self.applications.get(name)
        if found is None:
            sentence = f"There is no application called {name}{nearest(name, self.applications)}"
            raise UnknownThing(sentence, f"Known: {listed(self.applications)}.")
        return found

    def where(self, path: str) -> str:
        """`file.yaml:LINE` of a dotted path, or of the nearest section around it: for errors found later."""
        return self._document.where(_keys(path))

    def standing_in(self, document: Document) -> Self:
        """The same settings, knowing the file they were read from."""
        self._document = document
        return self

    def states(self, path: str) -> bool:
        """Whether the file itself says something at this dotted path (a default does not count)."""
        return _keys(path) in self._document.lines


_KEY = re.compile(r'\["(?P<quoted>[^"]*)"\]|\[(?P<index>\d+)\]|\.?(?P<word>[^.\[]+)')


def _keys(path: str) -> Keys:
    return tuple(
        int(found["index"]) if found["index"] else found["quoted"] or found["word"]
        for found in _KEY.finditer(path)
    )
