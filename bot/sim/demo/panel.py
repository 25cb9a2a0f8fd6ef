"""The panel's two routes beside the workspace's own: how everything stands, and using a control.

The page draws what it is told, so a new control needs nothing there. Until the world is complete, both routes
answer 503.
"""

from aiohttp import web

from bot.domain.errors import Refused
from bot.sim.cluster.refusals import Refusal
from bot.sim.demo.controls import Control, Hands, controls
from bot.sim.workspace.errors import JSON


class Panel:
    """Serves the panel; `open` gives it the world."""

    def __init__(self) -> None:
        self._hands: Hands | None = None
        self._controls: dict[str, Control] = {}

    def open(self, hands: Hands) -> None:
        self._hands = hands
        self._controls = {control.id: control for control in controls(hands)}

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/demo/state", self._state), web.post("/demo/control", self._control)]

    async def _state(self, _request: web.Request) -> web.Response:
        if self._hands is None:
            return _refusal("starting", "The demo is still starting.", status=503)
        return web.json_response(self._shown(self._hands), headers={"Cache-Control": "no-store"})

    def _shown(self, hands: Hands) -> JSON:
        simulation = hands.cluster.simulation
        stable, canary = hands.weights.shown()
        return {
            "clock": {"now": simulation.clock.now().isoformat(), "speed": simulation.clock.speed},
            "bot": {
                "running": hands.bot.pid is not None,
                "pid": hands.bot.pid,
                "deaths": hands.bot.deaths,
                "note": hands.bot.note,
            },
            "versions": hands.breakage.shown(),
            "controls": [control.shown() for control in self._controls.values()],
            "traffic": {"stable": stable, "canary": canary, "rps": simulation.traffic.rps},
        }

    async def _control(self, request: web.Request) -> web.Response:
        if self._hands is None:
            return _refusal("starting", "The demo is still starting.", status=503)
        try:
            asked = await request.json()
        except ValueError:
            return _refusal("invalid_json", "The body is not JSON.")
        name = asked.get("id") if isinstance(asked, dict) else None
        control = self._controls.get(name) if isinstance(name, str) else None
        if control is None:
            return _refusal(
                "unknown_control", f"There is no such control. Known: {', '.join(self._controls)}."
            )
        try:
            await control.used(asked.get("value"))
        except Refused as refused:
            return _refusal("refused", str(refused))
        except Refusal as refusal:
            return _refusal("refused", f"The cluster refused: {refusal.message}")
        return web.json_response({"ok": True})


def _refusal(error: str, message: str, status: int = 400) -> web.Response:
    return web.json_response({"ok": False, "error": error, "message": message}, status=status)
