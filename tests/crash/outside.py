"""What can be seen from the outside once a run is over: API server, workspace, journal, tables."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session
from sqlmodel import col

from bot.domain.events import Entry
from bot.domain.interrupts import InterruptKind
from bot.wiring.console import journal_of, recent_runs
from storage.tables import InterruptRow, TimerRow
from tests.crash.people import RUN, Thread
from tests.crash.world import World
from tests.support.person import Message
from tests.support.routing import NAMESPACE

JSON = dict[str, Any]

_DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"


@dataclass(frozen=True)
class Timer:
    """A timer's row, and how often it became an interrupt."""

    purpose: str
    due: datetime
    has_fired: bool
    interrupts: int


@dataclass(frozen=True)
class Seen:
    """Everything that is judged."""

    runs: tuple[str, ...]
    journal: tuple[Entry, ...]
    audit: Sequence[JSON]
    stable: JSON
    canary: JSON | None
    routes: JSON
    thread: Sequence[Message]
    releases: Sequence[Message]
    timers: tuple[Timer, ...]
    pressed: dict[str, str]
    logged: tuple[str, ...]
    endings: tuple[int, ...]


async def seen(world: World, thread: Thread) -> Seen:
    """As it stands now."""
    cluster = world.cluster.url
    audit = (await world.asks(f"{cluster}/audit"))["items"]
    routes = await world.asks(f"{cluster}{world.routing.path}")
    serving, beside = world.routing.workloads(routes)
    return Seen(
        runs=tuple(run.id for run in await recent_runs(world.config)),
        journal=await journal_of(world.config, RUN),
        audit=[entry for entry in audit if entry["user_agent"].startswith("slackwater/")],
        stable=await world.asks(f"{cluster}{_DEPLOYMENTS}/{serving}"),
        canary=await world.asks(f"{cluster}{_DEPLOYMENTS}/{beside}"),
        routes=routes,
        thread=await world.bo.reads(thread=thread.root),
        releases=await world.bo.reads("releases"),
        timers=_timers(world.database),
        pressed=dict(thread.pressed),
        logged=tuple(world.bot.log.read_text(errors="replace").splitlines()),
        endings=tuple(world.bot.endings),
    )


def _timers(database: str) -> tuple[Timer, ...]:
    engine = create_engine(database)
    fired = col(InterruptRow.kind) == InterruptKind.TIMER.value
    try:
        with Session(engine) as session:
            rows = session.scalars(select(TimerRow)).all()
            interrupts = Counter(session.scalars(select(col(InterruptRow.purpose)).where(fired)))
            return tuple(
                Timer(row.purpose, row.due, row.fired_at is not None, interrupts[row.purpose]) for row in rows
            )
    finally:
        engine.dispose()
