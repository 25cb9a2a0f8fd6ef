"""Commands, presses and events that come twice or late, and sockets that break, reach the real handlers."""

import time

from tests.faults.conftest import Observed
from tests.faults.registry import Edge, fault
from tests.handlers.conftest import Town, until
from tests.handlers.test_http import command, deliver, signed

Log = list[dict[str, object]]


@fault(Edge.SLACK, "a command is delivered twice")
async def test_a_command_that_comes_twice_starts_one_run(town: Town, observed: Observed) -> None:
    town.server.put_faults({"rates": "lifted", "deliver": {"twice": True}})

    await town.types("ada", "v2.5.0 canary")
    await until(lambda: len(town.audit) == 2)

    assert len(town.runs()) == 1
    observed(f"heard twice, started once (audit: {', '.join(result for *_, result in town.audit)})")


@fault(Edge.SLACK, "a press is delivered twice")
async def test_a_press_that_comes_twice_counts_once(town: Town, observed: Observed) -> None:
    run = await town.asks(await town.started())
    ts = await town.shows("approve", "q:q1")
    town.server.put_faults({"rates": "lifted", "deliver": {"twice": True}})

    await town.presses("cy", "approve", ts)
    await until(lambda: len([what for _, what, *_ in town.audit if what.startswith("approve")]) == 2)

    assert await town.interrupts(run) == ["approve"]
    observed("pressed twice, one approval committed")


@fault(Edge.SLACK, "a press arrives late, after the question was answered")
async def test_a_press_that_comes_late_is_refused_with_what_was_decided(
    town: Town, observed: Observed
) -> None:
    run = await town.asks(await town.started())
    ts = await town.shows("approve", "q:q1")
    await town.presses("bo", "hold", await town.shows("hold", "q:q1"))
    await town.settles(run)

    await town.presses("cy", "approve", ts)
    (told,) = await town.sees("cy")

    assert await town.interrupts(run) == []
    observed(f"nothing committed; told to the one who pressed: “{_first(told['text'])}”")


def _first(text: str) -> str:
    return text.partition(". ")[0].rstrip(".")


@fault(Edge.SLACK, "an event is delivered twice")
async def test_an_event_that_comes_twice_is_answered_and_starts_nothing(
    town: Town, observed: Observed
) -> None:
    town.server.put_faults({"rates": "lifted", "deliver": {"twice": True}})

    await town.does("home", user="ada")
    await until(lambda: _calls(town, "views.publish") == 2)

    assert town.runs() == []
    observed("the Home tab was drawn twice, the same; nothing was started")


def _calls(town: Town, method: str) -> int:
    return len(town.server.workspace.calls.newest(1_000, method))


@fault(Edge.SLACK, "the socket is dropped")
async def test_a_dropped_socket_is_opened_anew_and_commands_are_heard(
    restless_town: Town, observed: Observed
) -> None:
    town = restless_town
    town.server.put_faults({"rates": "lifted", "socket": {"drop": True}})
    await until(lambda: town.server.connections == 0)
    await until(lambda: town.server.connections, seconds=30)

    answer = await town.types("ada", "v2.5.0 canary")

    assert answer["ok"]
    assert len(town.runs()) == 1
    observed("connected again by itself; the next command was heard, once")


@fault(Edge.SLACK, "the socket flaps: dropped again and again, and refused in between")
async def test_a_flapping_socket_is_outlasted_and_commands_are_heard(
    restless_town: Town, observed: Observed
) -> None:
    town = restless_town
    drops = 4
    for _ in range(drops):
        await until(lambda: town.server.connections, seconds=30)
        town.server.put_faults({"rates": "lifted", "socket": {"drop": True, "refuse_for": 0.3}})
        await until(lambda: town.server.connections == 0)
    town.server.put_faults({"rates": "lifted"})
    await until(lambda: town.server.connections, seconds=30)

    answer = await town.types("ada", "v2.5.0 canary")

    assert answer["ok"]
    assert len(town.runs()) == 1
    observed(f"dropped {drops} times; connected again by itself, the next command was heard once")


@fault(Edge.CLOCK, "the wall clock is off by an hour, with Slack over HTTP")
async def test_requests_that_seem_to_be_old_are_refused_and_start_nothing(
    web_town: Town, unused_port: int, observed: Observed
) -> None:
    web_town.url = f"http://127.0.0.1:{unused_port}/slack/events"  # type: ignore[attr-defined]
    body = command()

    statuses = []
    for off in (-3600, 3600):
        status, _ = await deliver(web_town, body, signed(body, at=time.time() + off))
        statuses.append(status)

    assert statuses == [401, 401]
    assert web_town.runs() == []
    observed("refused with 401 until the clock is right, as replays are; Socket Mode is not affected")
