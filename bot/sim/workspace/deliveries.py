"""Brings commands, presses and events to the app; events again if need be, and all with the day's faults."""

import asyncio
import copy
from collections.abc import Coroutine, Sequence
from typing import Any

from bot.sim.workspace.errors import JSON
from bot.sim.workspace.faults import Faults
from bot.sim.workspace.ids import fresh_id
from bot.sim.workspace.roads import Acked, Answer, Envelope, Kind, Road
from bot.sim.workspace.roster import App

# Slack tries an event again at once, after a minute, and after five.
EVENT_RETRIES = (0.5, 60.0, 300.0)
# A flood of events to an app that takes none must not grow without end.
_MOST_PENDING = 1_000


class Deliveries:
    def __init__(
        self, road: Road, app: App, faults: Faults, *, events: frozenset[str], retries: Sequence[float]
    ) -> None:
        self.road = road
        self._app = app
        self._faults = faults
        self._events = events
        self._retries = tuple(retries)
        self._pending: set[asyncio.Task[Any]] = set()

    async def send(self, kind: Kind, payload: JSON) -> Answer:
        """Deliver what a person waits for: once, with 3 s to acknowledge."""
        return await self._carry(Envelope(kind, payload))

    def announce(self, event: JSON, subscription: str) -> None:
        """Deliver an event in the background, if the app subscribed to it."""
        if subscription not in self._events or len(self._pending) >= _MOST_PENDING:
            return
        payload = {
            "token": "local",
            "team_id": self._app.team_id,
            "api_app_id": self._app.id,
            "event": event,
            "type": "event_callback",
            "event_id": fresh_id("Ev"),
            "event_time": int(event["event_ts"].split(".")[0]),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": self._app.team_id,
                    "user_id": self._app.user_id,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": False,
        }
        self._start(self._bring(Envelope("events_api", payload)))

    async def close(self) -> None:
        for task in list(self._pending):
            task.cancel()
        await asyncio.gather(*self._pending, return_exceptions=True)
        await self.road.close()

    async def _bring(self, envelope: Envelope) -> None:
        for pause in (*self._retries, None):
            answer = await self._carry(envelope)
            if isinstance(answer, Acked) or pause is None:
                return
            await asyncio.sleep(pause)
            is_late = answer.error == "operation_timeout"
            envelope = envelope.again("timeout" if is_late else "connection_failed")

    async def _carry(self, envelope: Envelope) -> Answer:
        fault = self._faults.delivery
        await asyncio.sleep(fault.delay)
        if fault.twice:
            # The same again, as after a lost acknowledgement; only the first one's answer counts.
            self._start(self.road.carry(Envelope(envelope.kind, copy.deepcopy(envelope.payload))))
        return await self.road.carry(envelope)

    def _start(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(work)
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)
