"""What the panel offers, as data: each control knows how it stands and what happens when it is used."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from bot.domain.errors import Refused
from bot.sim.cluster import ClusterServer
from bot.sim.demo.bot_process import BotProcess
from bot.sim.demo.breakage import ClusterBreakage, SlackBreakage, Weights
from bot.sim.demo.pace import Metronome
from bot.sim.workspace.errors import JSON

_SPEEDS = (1, 10, 60, 120, 300)
_RATES = (10, 50, 200)

Use = Callable[[Any], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Control:
    """A switch (`toggle`), a button (`action`) or a choice (`select`)."""

    id: str
    label: str
    hint: str
    group: str
    kind: Literal["toggle", "action", "select"]
    stands: Callable[[], object]
    use: Use
    options: tuple[float, ...] = ()
    option_label: str = "{:g}"

    def shown(self) -> JSON:
        shown: JSON = {
            "id": self.id,
            "label": self.label,
            "hint": self.hint,
            "kind": self.kind,
            "value": self.stands(),
            "group": self.group,
        }
        if self.kind == "select":
            # A speed that was given on the command line may be none of the usual ones.
            values = sorted({*self.options, float(str(self.stands()))})
            shown["options"] = [{"value": v, "label": self.option_label.format(v)} for v in values]
        return shown

    async def used(self, value: object) -> None:
        """Use it.

        Raises:
            Refused: the value is none for this control, or it cannot be used now.
        """
        if self.kind == "toggle" and not isinstance(value, bool):
            raise Refused(f"{self.id} is a switch.", "Send value true or false.")
        if self.kind == "select" and (isinstance(value, bool) or value not in self.options):
            allowed = ", ".join(f"{option:g}" for option in self.options)
            raise Refused(f"{self.id} cannot be {value!r}.", f"Send one of {allowed}.")
        await self.use(value)


@dataclass(frozen=True)
class Hands:
    """Everything that the controls take hold of."""

    cluster: ClusterServer
    breakage: ClusterBreakage
    weights: Weights
    slack: SlackBreakage
    bot: BotProcess
    metronome: Metronome


def controls(hands: Hands) -> tuple[Control, ...]:
    """All of the panel, in the order in which it is shown."""
    return (
        *_of_new_version(hands.breakage),
        _cluster_fault(hands, "metrics_down", True, "Metrics", "Metrics down", "Prometheus answers 503."),
        *_of_slack(hands.slack),
        _cluster_fault(
            hands, "api_errors", 0.3, "Cluster", "API errors", "Three of ten calls to the API end in 500."
        ),
        _cluster_fault(
            hands, "api_delay_ms", 1500, "Cluster", "API slow", "Each call to the API takes 1.5 s longer."
        ),
        _action(
            "weight_by_hand",
            "80 % by hand",
            "Somebody gives the new version 80 % of the traffic with kubectl.",
            "Cluster",
            partial(hands.weights.shift_by_hand, 80),
        ),
        *_of_bot(hands.bot),
        *_of_the_world(hands),
    )


def _of_new_version(breakage: ClusterBreakage) -> tuple[Control, ...]:
    faults: tuple[tuple[str, object, str, str], ...] = (
        ("error_rate", 0.05, "5 % errors", "One request in twenty ends in 500."),
        ("latency_ms", 300, "+300 ms", "Every request takes 300 ms longer."),
        ("memory_leak_mb_per_min", 20, "Memory leak", "Each pod grows by 20 MB a minute."),
        ("never_ready", True, "Never ready", "The readiness probe fails."),
        ("crash", True, "Crash at start", "The process ends with status 1 as soon as it starts."),
        ("dependencies_down", True, "No database", "The database does not answer the health check."),
    )
    return tuple(
        _toggle(
            key,
            label,
            hint,
            "New version",
            partial(breakage.is_set, key),
            partial(_set, breakage.set_of_version, key, value),
        )
        for key, value, label, hint in faults
    )


def _cluster_fault(hands: Hands, key: str, value: object, group: str, label: str, hint: str) -> Control:
    breakage = hands.breakage
    switch = partial(_set, breakage.set_of_cluster, key, value)
    return _toggle(key, label, hint, group, partial(breakage.is_set, key), switch)


def _of_slack(slack: SlackBreakage) -> tuple[Control, ...]:
    async def limit(value: object) -> None:
        slack.limit(on=value is True)

    return (
        _toggle(
            "slack_429",
            "429 answers",
            "Every message of the bot is answered with 429.",
            "Slack",
            lambda: slack.is_limited,
            limit,
        ),
        _action(
            "slack_silence",
            "Silent for 30 s",
            "Slack is gone for half a minute: on a fast clock, for hours.",
            "Slack",
            slack.fall_silent,
        ),
        _action(
            "slack_drop",
            "Drop the socket",
            "Cut the bot's socket; it connects again.",
            "Slack",
            slack.drop_sockets,
        ),
    )


def _of_bot(bot: BotProcess) -> tuple[Control, ...]:
    def kill() -> None:
        if not bot.kill():
            raise Refused("The bot is not running.", "Wait until it is, or start it.")

    async def stop(value: object) -> None:
        if value:
            await bot.stop()
        else:
            bot.start()

    return (
        _action("bot_kill", "kill -9", "End the bot as a crash would; it is started again.", "Bot", kill),
        _toggle(
            "bot_stopped",
            "Stopped",
            "Ask the bot to end, and leave it so.",
            "Bot",
            lambda: not bot.is_wanted,
            stop,
        ),
    )


def _of_the_world(hands: Hands) -> tuple[Control, ...]:
    traffic, metronome = hands.cluster.simulation.traffic, hands.metronome

    async def serve(value: float) -> None:
        traffic.rps = float(value)

    async def speed(value: float) -> None:
        metronome.choose(float(value))

    return (
        Control(
            "speed",
            "Speed",
            "How fast time runs; at 1× while a question waits.",
            "World",
            "select",
            lambda: metronome.chosen,
            speed,
            _SPEEDS,
            "{:g}×",
        ),
        Control(
            "rps",
            "Users",
            "Requests a second from simulated users.",
            "World",
            "select",
            lambda: traffic.rps,
            serve,
            _RATES,
            "{:g} requests/s",
        ),
    )


def _toggle(name: str, label: str, hint: str, group: str, stands: Callable[[], bool], use: Use) -> Control:
    return Control(name, label, hint, group, "toggle", stands, use)


def _action(name: str, label: str, hint: str, group: str, do: Callable[[], None]) -> Control:
    async def use(_value: object) -> None:
        do()

    return Control(name, label, hint, group, "action", lambda: None, use)


async def _set(switch: Callable[..., None], key: str, fault: object, value: object) -> None:
    switch(key, fault, on=value is True)
