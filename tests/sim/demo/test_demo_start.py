"""The demo as a user starts and ends it, and the bot's life in it."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from bot.config import load, not_built_yet
from bot.domain.errors import ConfigError
from bot.sim.demo import started
from bot.sim.demo.world import NoBot
from tests.sim.demo.conftest import STAND_IN, Demo, until

PROGRAM = """
import asyncio, sys
from pathlib import Path
from bot.sim.demo import session, world

# The world as it is, with a stand-in for the bot.
whole = world.started
session.started = lambda data, **options: whole(data, bot_command=sys.argv[2:], **options)
data = Path(sys.argv[1]) if sys.argv[1] != "-" else None
asyncio.run(session.run(session.DemoOptions(port=0, data=data, browser=False)))
"""


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_bot_that_is_killed_is_started_again_and_both_panel_and_console_say_so(demo: Demo):
    first = demo.world.bot.pid

    await demo.use("bot_kill")

    await until(lambda: demo.world.bot.pid not in {None, first} and demo.world.workspace.connections)
    state = await demo.state()
    assert state["bot"]["deaths"] == 1
    assert "SIGKILL" in state["bot"]["note"]
    assert "The bot was ended by SIGKILL." in demo.said[0]


async def test_a_bot_that_is_stopped_stays_so_until_it_is_started(demo: Demo):
    pid = demo.world.bot.pid

    await demo.use("bot_stopped", True)
    stopped = await demo.state()
    killed = await demo.use("bot_kill")
    await demo.use("bot_stopped", False)

    assert (stopped["bot"]["running"], stopped["bot"]["deaths"]) == (False, 0)
    assert not is_alive(pid)
    assert killed["status"] == 400
    await until(lambda: demo.world.workspace.connections)


async def test_when_the_demo_ends_so_does_the_bot(tmp_path):
    async with started(tmp_path / "data", bot_command=STAND_IN) as world:
        pid = world.bot.pid
        assert is_alive(pid)

    assert not is_alive(pid)


async def test_the_bot_is_given_a_clean_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-of-a-real-workspace")
    monkeypatch.setenv("GITHUB_TOKEN", "a-real-one")
    monkeypatch.setenv("SLACK_SIGNING_SECRET_FILE", "/run/secrets/slack")
    told = "import os; print(sorted(os.environ.items()), flush=True)"
    command = (
        sys.executable,
        "-c",
        f"{told}; import runpy; runpy.run_path({STAND_IN[1]!r}, run_name='__main__')",
    )

    async with started(tmp_path / "data", bot_command=command) as world:
        environment = world.folder.log.read_text()

        assert "real" not in environment
        assert "SLACK_SIGNING_SECRET_FILE" not in environment
        for given in (world.workspace.api_url, str(world.folder.kubeconfig), "xoxb-local", "xapp-local"):
            assert given in environment


async def test_the_settings_are_sound_and_lead_to_this_world(demo: Demo):
    settings = load(demo.world.folder.settings)

    checkout = settings.application("checkout")
    assert checkout.metrics.url == demo.world.cluster.prometheus_url
    assert checkout.environments["production"].url == demo.world.cluster.url
    assert checkout.repository.path == demo.world.folder.path / "checkout"
    assert checkout.gates.configured == ("code-review", "tests", "build")
    assert [stage.weight for stage in checkout.canary.stages] == [5, 10, 25, 50, 100]
    assert not_built_yet(settings) == ()


async def test_a_bot_that_cannot_start_ends_the_demo_with_the_bots_own_words(tmp_path):
    with pytest.raises(NoBot, match="the settings are broken"):
        async with started(tmp_path / "data", bot_command=(*STAND_IN, "FAILS")):
            pass


async def test_a_port_that_is_taken_is_said_with_what_to_do(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(ConfigError, match=f"another program listens there.*--port {port + 1}"):
            async with started(tmp_path / "data", port=port, bot_command=STAND_IN):
                pass

    assert not (tmp_path / "data").exists()


async def test_a_second_start_is_a_new_world_and_sets_the_old_journal_aside(tmp_path):
    data = tmp_path / "data"
    async with started(data, bot_command=STAND_IN) as world:
        (data / "slackwater.db").write_text("of the first world")
        (world.folder.artifacts / "report.md").write_text("kept")

    async with started(data, bot_command=STAND_IN) as world:
        assert world.has_set_aside
        assert not (data / "slackwater.db").exists()
        assert (data / "earlier" / "slackwater.db").read_text() == "of the first world"
        assert (world.folder.artifacts / "report.md").exists()


@pytest.mark.parametrize("name", ["slackwater.yaml", "slackwater.db", "kubeconfig"])
async def test_a_teams_own_folder_is_not_touched(tmp_path, name):
    (tmp_path / name).write_text("a team's own")

    with pytest.raises(ConfigError, match="no demo wrote"):
        async with started(tmp_path, bot_command=STAND_IN):
            pass

    assert [file.name for file in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "a team's own"


async def launched(data: str, tmp_path: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, data, *STAND_IN),
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_the_demo_in_good_order_and_leaves_nothing(tmp_path, number):
    program = await launched("-", tmp_path)
    async with asyncio.timeout(30):
        ready = (await program.stdout.readline()).decode()
        (folder,) = tmp_path.iterdir()

        program.send_signal(number)
        _, errors = await program.communicate()

    assert ready.startswith("Ready: http://127.0.0.1:")
    assert (program.returncode, errors.decode()) == (0, "")
    assert list(tmp_path.iterdir()) == []
    assert not folder.exists()


async def test_a_demo_that_is_killed_takes_the_bot_with_it(tmp_path):
    program = await launched(str(tmp_path / "data"), tmp_path)
    async with asyncio.timeout(30):
        await program.stdout.readline()
        log = tmp_path / "data" / "bot.log"
        await until(lambda: "clock" in log.read_text())
        bot = int(log.read_text().split()[1])
        assert is_alive(bot)

        program.kill()
        await program.communicate()

        await until(lambda: not is_alive(bot))


async def test_a_signal_while_the_demo_starts_ends_it_as_well(tmp_path):
    data = tmp_path / "data"
    program = await launched(str(data), tmp_path)
    async with asyncio.timeout(30):
        await until(data.exists)
        program.send_signal(signal.SIGTERM)
        _, errors = await program.communicate()

    assert (program.returncode, errors.decode()) == (0, "")
