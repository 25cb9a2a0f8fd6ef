"""What each of the panel's controls does to the world, and that the panel says so."""

import asyncio
from typing import Any

import aiohttp
import pytest

from bot.platforms.kubernetes.marks import OWNER
from bot.sim.cluster import kinds
from bot.sim.cluster.objects import copy_of
from tests.sim.demo.conftest import Demo, until

ROUTE = "/apis/networking.istio.io/v1/namespaces/production/virtualservices/checkout"


def faults(demo: Demo) -> dict[str, Any]:
    return demo.world.cluster.simulation.faults.told


def bring_up_a_canary(demo: Demo, version: str) -> None:
    simulation = demo.world.cluster.simulation
    stable = simulation.store.get(kinds.of("Deployment"), "production", "checkout")
    canary = {key: copy_of(stable)[key] for key in ("apiVersion", "kind", "spec")}
    canary["metadata"] = {"name": "checkout-canary", "labels": {"app": "checkout", "track": "canary"}}
    labels = {"app": "checkout", "track": "canary"}
    canary["spec"]["selector"] = {"matchLabels": labels}
    canary["spec"]["template"]["metadata"]["labels"] = labels
    canary["spec"]["template"]["spec"]["containers"][0]["image"] = f"registry.example.com/checkout:{version}"
    simulation.apply([canary])


def roll_out(demo: Demo, version: str) -> None:
    simulation = demo.world.cluster.simulation
    found = simulation.store.get(kinds.of("Deployment"), "production", "checkout")
    rolled = {key: copy_of(found)[key] for key in ("apiVersion", "kind", "spec")}
    rolled["metadata"] = {"name": "checkout", "annotations": {OWNER: "checkout-1"}}
    rolled["spec"]["template"]["spec"]["containers"][0]["image"] = f"registry.example.com/checkout:{version}"
    simulation.apply([rolled])


async def test_at_rest_the_panel_shows_a_whole_world(demo: Demo):
    state = await demo.state()

    assert state["clock"]["speed"] == 60
    assert state["bot"]["running"] is True
    assert state["bot"]["pid"] == demo.world.bot.pid
    assert state["traffic"] == {"stable": 100, "canary": 0, "rps": 50}
    assert state["versions"] == [{"version": "v2.4.0", "faults": {}}]
    assert {control["group"] for control in state["controls"]} == {
        *("New version", "Metrics", "Slack", "Cluster", "Bot", "World")
    }
    assert not any(control["value"] for control in state["controls"] if control["kind"] == "toggle")


@pytest.mark.parametrize(
    ("control", "value"),
    [
        ("error_rate", 0.05),
        ("latency_ms", 300),
        ("memory_leak_mb_per_min", 20),
        ("never_ready", True),
        ("crash", True),
        ("dependencies_down", True),
    ],
)
async def test_a_fault_of_the_new_version_waits_for_whichever_version_comes(demo: Demo, control, value):
    answer = await demo.use(control, True)

    assert answer == {"status": 200, "ok": True}
    assert faults(demo) == {v: {control: value} for v in ("v2.3.0", "v2.5.0", "v2.5.1", "v2.6.0")}
    assert await demo.standing(control) is True


async def test_once_a_canary_runs_only_its_version_is_broken(demo: Demo):
    await demo.use("error_rate", True)
    await demo.use("crash", True)

    bring_up_a_canary(demo, "v2.5.1")

    await until(lambda: faults(demo) == {"v2.5.1": {"error_rate": 0.05, "crash": True}})
    assert {"version": "v2.5.1", "faults": {"error_rate": 0.05, "crash": True}} in (await demo.state())[
        "versions"
    ]


async def test_a_fault_that_is_switched_off_is_mended(demo: Demo):
    await demo.use("latency_ms", True)
    await demo.use("metrics_down", True)

    await demo.use("latency_ms", False)

    assert faults(demo) == {"*": {"metrics_down": True}}
    assert await demo.standing("latency_ms") is False


async def test_metrics_that_are_down_answer_503(demo: Demo):
    await demo.use("metrics_down", True)

    url = f"{demo.world.cluster.prometheus_url}/api/v1/query?query=1"
    async with demo.session.get(url) as response:
        assert response.status == 503


async def test_the_clusters_api_fails_and_is_slow_as_told(demo: Demo):
    await demo.use("api_errors", True)
    await demo.use("api_delay_ms", True)

    assert faults(demo) == {"*": {"api_errors": 0.3, "api_delay_ms": 1500}}


async def test_a_limited_slack_answers_messages_with_429_and_nothing_else(demo: Demo):
    await demo.use("slack_429", True)

    post = await demo.slack("chat.postMessage", channel="#deploys", text="hello")
    test = await demo.slack("auth.test")
    await demo.use("slack_429", False)
    again = await demo.slack("chat.postMessage", channel="#deploys", text="hello")

    assert (post["status"], post["error"]) == (429, "ratelimited")
    assert test["ok"] is True
    assert again["ok"] is True


async def test_a_silent_slack_drops_the_connection_and_takes_no_other(demo: Demo):
    await demo.use("slack_silence")

    await until(lambda: demo.world.workspace.connections == 0)
    shown = demo.world.workspace.workspace.faults.shown()
    assert shown["*"]["delay"] == 30
    assert shown["socket"]["refuse_for"] == pytest.approx(30, abs=1)


async def test_a_dropped_connection_may_come_back_at_once(demo: Demo):
    await demo.use("slack_drop")

    await until(lambda: demo.world.workspace.connections == 0)
    assert demo.world.workspace.workspace.faults.refuses_sockets is False


async def test_a_weight_changed_by_hand_is_seen_in_the_route_and_in_the_panel(demo: Demo):
    bring_up_a_canary(demo, "v2.5.0")

    answer = await demo.use("weight_by_hand")

    assert answer["ok"] is True
    async with demo.session.get(demo.world.cluster.url + ROUTE) as response:
        route = await response.json()
    assert [part["weight"] for part in route["spec"]["http"][1]["route"]] == [20, 80]
    assert "kubectl-edit" in {entry["manager"] for entry in route["metadata"]["managedFields"]}
    assert (await demo.state())["traffic"] == {"stable": 20, "canary": 80, "rps": 50}


async def test_the_panel_follows_a_rollout_pod_by_pod_and_breaks_what_it_brings(demo: Demo):
    roll_out(demo, "v2.5.0")
    await demo.use("error_rate", True)

    shares: set[int] = set()
    async with asyncio.timeout(10):
        while 100 not in shares:
            shares.add((await demo.state())["traffic"]["canary"])
            await asyncio.sleep(0.01)

    assert shares <= {0, 25, 33, 50, 67, 75, 100}, "shares of three or four ready pods"
    assert faults(demo) == {"v2.5.0": {"error_rate": 0.05}}


async def test_without_a_canary_there_is_nothing_to_shift_to_by_hand(demo: Demo):
    answer = await demo.use("weight_by_hand")

    assert (answer["status"], answer["ok"]) == (400, False)
    assert "No canary runs" in answer["message"]
    assert (await demo.state())["traffic"]["canary"] == 0


async def test_users_become_more_and_fewer(demo: Demo):
    await demo.use("rps", 200)

    assert demo.world.cluster.simulation.traffic.rps == 200
    assert (await demo.state())["traffic"]["rps"] == 200


@pytest.mark.parametrize(
    ("control", "value", "word"),
    [
        ("no_such_thing", True, "no such control"),
        ("error_rate", "yes", "true or false"),
        ("error_rate", None, "true or false"),
        ("speed", 7, "1, 10, 60, 120, 300"),
        ("rps", True, "10, 50, 200"),
    ],
)
async def test_what_makes_no_sense_is_refused_in_words_and_changes_nothing(demo: Demo, control, value, word):
    answer = await demo.use(control, value)

    assert (answer["status"], answer["ok"]) == (400, False)
    assert word in answer["message"]
    assert faults(demo) == {}
    assert demo.world.metronome.chosen == 60


async def test_another_sites_page_cannot_use_the_panel(demo: Demo):
    url = f"{demo.world.url}/demo/control"
    headers = {"Origin": "https://evil.example.com"}

    async with demo.session.post(url, json={"id": "bot_kill"}, headers=headers) as response:
        assert response.status == 403

    assert demo.world.bot.deaths == 0


async def test_a_body_that_is_no_json_is_refused(demo: Demo):
    url = f"{demo.world.url}/demo/control"

    async with aiohttp.ClientSession() as session, session.post(url, data=b"{") as response:
        assert response.status == 400
        assert (await response.json())["error"] == "invalid_json"
