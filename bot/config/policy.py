"""Rules before the start, and the zone in which their hours are meant."""

from datetime import UTC, datetime
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from bot.config.section import Section, wrong
from bot.config.words import Line, Moment, Someone, Zone

Rule = Literal[
    "freeze",
    "friday-afternoon",
    "skipped-staging",
    "quarantined",
    "no-staging",
    "peak-hours",
    "several-changes",
    "no-rollback-plan",
    "on-call-absent",
]


def in_utc(moment: datetime, zone: ZoneInfo) -> datetime:
    """The moment in UTC; where it names no zone, `zone` is meant."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


class Freeze(Section):
    """A window without changes, from `since` until just before `until`."""

    since: Moment = Field(alias="from")
    until: Moment = Field(alias="to")
    why: Line = "no reason given"


class PolicySettings(Section):
    """Each rule blocks, warns, or (in neither list) is not looked at."""

    timezone: Zone = ZoneInfo("UTC")
    block: tuple[Rule, ...] = ("freeze", "friday-afternoon", "skipped-staging", "quarantined")
    warn: tuple[Rule, ...] = (
        "no-staging",
        "peak-hours",
        "several-changes",
        "no-rollback-plan",
        "on-call-absent",
    )
    freezes: tuple[Freeze, ...] = ()

    @model_validator(mode="after")
    def _each_rule_once(self) -> Self:
        if "warn" not in self.model_fields_set:
            return self.filled(warn=tuple(rule for rule in self.warn if rule not in self.block))
        if "block" not in self.model_fields_set:
            return self.filled(block=tuple(rule for rule in self.block if rule not in self.warn))
        for number, rule in enumerate(self.warn):
            if rule in self.block:
                raise wrong("stands in block too: keep one of them", "warn", number)
        return self

    @model_validator(mode="after")
    def _freezes_in_utc(self) -> Self:
        freezes = []
        for number, freeze in enumerate(self.freezes):
            since, until = in_utc(freeze.since, self.timezone), in_utc(freeze.until, self.timezone)
            if until <= since:
                raise wrong("ends before it begins: `to` must be later than `from`", "freezes", number, "to")
            freezes.append(freeze.with_(since=since, until=until))
        return self.filled(freezes=tuple(freezes))


class Shift(Section):
    """Who is on call, from `since` until just before `until`."""

    since: Moment = Field(alias="from")
    until: Moment = Field(alias="to")
    user: Someone
