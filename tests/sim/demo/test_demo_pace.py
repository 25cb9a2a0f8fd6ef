"""Time runs as chosen, and as in reality while somebody is asked."""

from bot.clients.clock import clock_from
from tests.sim.demo.conftest import Demo, until


def question(*, is_open: bool, action: str = "approve") -> list[dict]:
    said = [{"type": "section", "text": {"type": "mrkdwn", "text": "5 % of the users?"}}]
    button = {"type": "button", "action_id": action, "text": {"type": "plain_text", "text": "Yes"}}
    return [*said, {"type": "actions", "elements": [button]}] if is_open else said


async def ask(demo: Demo, **place: str) -> dict:
    answer = await demo.slack(
        "chat.postMessage", channel="#deploys", text="5 %?", blocks=question(is_open=True), **place
    )
    assert answer["ok"], answer
    return answer


async def test_time_slows_while_a_question_waits_and_runs_on_when_it_is_answered(demo: Demo):
    root = await demo.slack("chat.postMessage", channel="#deploys", text="checkout v2.5.0")

    asked = await ask(demo, thread_ts=root["ts"])
    await until(lambda: demo.world.clock.speed == 1)
    assert (await demo.state())["clock"]["speed"] == 1
    assert await demo.standing("speed") == 60

    closed = question(is_open=False)
    await demo.slack("chat.update", channel=asked["channel"], ts=asked["ts"], text="Approved", blocks=closed)
    await until(lambda: demo.world.clock.speed == 60)


async def test_time_slows_as_soon_as_the_card_says_that_its_run_waits(demo: Demo):
    def card(state: str) -> list[dict]:
        words = f"*checkout*  `v2.4.0` → `v2.5.0`   canary · production   ◆ *{state}*"
        return [{"type": "section", "text": {"type": "mrkdwn", "text": words}}]

    posted = await demo.slack(
        "chat.postMessage", channel="#deploys", text="checkout", blocks=card("waiting for approval")
    )
    await until(lambda: demo.world.clock.speed == 1)

    where = {"channel": posted["channel"], "ts": posted["ts"]}
    await demo.slack("chat.update", **where, text="checkout", blocks=card("running"))
    await until(lambda: demo.world.clock.speed == 60)


async def test_time_slows_while_a_run_is_held(demo: Demo):
    blocks = question(is_open=True, action="resume")

    await demo.slack("chat.postMessage", channel="#deploys", text="Holding at 10 %", blocks=blocks)

    await until(lambda: demo.world.clock.speed == 1)


async def test_buttons_that_ask_nobody_leave_time_as_it_is(demo: Demo):
    blocks = question(is_open=True, action="hold")
    await demo.slack("chat.postMessage", channel="#deploys", text="checkout v2.5.0", blocks=blocks)

    demo.world.metronome.beat()

    assert demo.world.clock.speed == 60


async def test_a_question_outside_the_channel_of_the_runs_changes_nothing(demo: Demo):
    blocks = question(is_open=True)
    await demo.slack("chat.postMessage", channel="#releases", text="5 %?", blocks=blocks)

    demo.world.metronome.beat()

    assert demo.world.clock.speed == 60


async def test_a_speed_chosen_while_a_question_waits_holds_afterwards(demo: Demo):
    asked = await ask(demo)
    await until(lambda: demo.world.clock.speed == 1)

    await demo.use("speed", 300)

    assert demo.world.clock.speed == 1
    assert await demo.standing("speed") == 300
    await demo.slack("chat.delete", channel=asked["channel"], ts=asked["ts"])
    await until(lambda: demo.world.clock.speed == 300)


async def test_the_bots_clock_tells_the_same_time_whatever_the_speed(demo: Demo):
    await until(lambda: demo.world.folder.log.exists() and b"clock" in demo.world.folder.log.read_bytes())
    bots = clock_from(demo.world.folder.log.read_text().split("clock ", 1)[1].strip())

    await demo.use("speed", 300)

    assert bots.speed == 300
    assert abs((bots.now() - demo.world.clock.now()).total_seconds()) < 5
