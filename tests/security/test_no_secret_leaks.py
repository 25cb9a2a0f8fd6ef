"""A real bot, given secrets and meeting secrets, through runs that meet every kind of trouble.

Afterwards each place that a person, a tool or another program could read is searched for them.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from aiohttp import web

from bot.domain.run import Run
from bot.sim.workspace import Tokens
from tests.security.canaries import Canaries
from tests.support.eventually import eventually
from tests.support.person import Person
from tests.support.presses import ended
from tests.support.stand_ins import StandIns, stand_ins

LEAKY = "v2.7.0"  # everything about it holds secrets, and its gates fail
GOOD = "v2.5.0"

_JUNIT = """<testsuites><testsuite><testcase classname="tests.test_prices" name="test_login[{name}]">
<failure message="assert {message!r} in answer">{message}</failure></testcase>
<testcase name="test_other"/></testsuite></testsuites>"""


@pytest.fixture
def canaries() -> Canaries:
    return Canaries()


@pytest.fixture
def handed_out(monkeypatch: pytest.MonkeyPatch, canaries: Canaries) -> None:
    """What the workspace hands out for a short time (triggers, response URLs), and the cluster's token."""
    monkeypatch.setattr("bot.sim.cluster.server.TOKEN", canaries.hexadecimal("kubeconfig"))
    from bot.sim.workspace import ids

    plain, numbers = ids.secret, count(1)

    def secret() -> str:
        return canaries.plant(f"handed out {next(numbers)}", plain())

    for room in ("permits", "socket_mode", "file_store"):
        monkeypatch.setattr(f"bot.sim.workspace.{room}.secret", secret)


def variables(canaries: Canaries) -> dict[str, str]:
    return {
        "SLACKWATER_LOG": "DEBUG",
        "SLACKWATER_CLOCK": f"20@{datetime.now(UTC).isoformat()}",
        "SLACK_BOT_TOKEN": canaries.slack_token("SLACK_BOT_TOKEN"),
        "SLACK_APP_TOKEN": canaries.slack_token("SLACK_APP_TOKEN", "xapp"),
        "SLACK_SIGNING_SECRET": canaries.hexadecimal("SLACK_SIGNING_SECRET"),
        "GITHUB_TOKEN": canaries.github_token("GITHUB_TOKEN"),
        "PGPASSWORD": canaries.password("PGPASSWORD"),
        "AWS_SECRET_ACCESS_KEY": canaries.password("AWS_SECRET_ACCESS_KEY"),
    }


def tokens(given: dict[str, str]) -> Tokens:
    return Tokens(given["SLACK_BOT_TOKEN"], given["SLACK_APP_TOKEN"], given["SLACK_SIGNING_SECRET"])


def leaky_tool(folder: Path, given: dict[str, str], canaries: Canaries) -> Path:
    """A gate's command that says too much, and fails where the release is the leaky one."""
    junit = _JUNIT.format(
        name=canaries.github_token("name of a test"),
        message=canaries.slack_token("message of a test"),
    )
    lines = [
        f"connecting to postgres://shop:{canaries.hexadecimal('database URL of a tool')}@db/shop",
        f"DEPLOY_TOKEN={canaries.hexadecimal('variable of a tool')}",
        f"Authorization: Bearer {canaries.hexadecimal('header of a tool')}",
        *(value for name, value in given.items() if not name.startswith("SLACKWATER_")),
    ]
    tool = folder / "tool.py"
    tool.write_text(
        "import pathlib, sys\n"
        f"for line in {lines!r}:\n    print(line)\n    print(line, file=sys.stderr)\n"
        "is_leaky = pathlib.Path('leaky.py').exists()\n"
        f"good = '<testsuites><testsuite><testcase name=\"test_one\"/></testsuite></testsuites>'\n"
        f"pathlib.Path('junit.xml').write_text({junit!r} if is_leaky else good)\n"
        "print('warning: ' + sys.argv[-1])\n"
        f"sys.exit(is_leaky and {lines[0]!r})\n"
    )
    return tool


def leaky_release(repository: Path, canaries: Canaries) -> None:
    """A tag whose code, file name and history hold secrets."""
    work = repository.parent / "work"
    token = canaries.slack_token("code", "xoxp")
    named = canaries.hexadecimal("named in the code")

    def git(*words: str, cwd: Path = work) -> None:
        who = ("-c", "user.name=ada", "-c", "user.email=ada@example.com")
        subprocess.run(["git", *who, *words], cwd=cwd, check=True, capture_output=True)

    git("clone", "-q", str(repository), str(work), cwd=repository.parent)
    git("checkout", "-q", GOOD)
    code = (
        f'import os\n\n\ndef login():\n    token = "{token}"\n    api_token = "{named}"\n    print(token)\n'
    )
    (work / "leaky.py").write_text(code)
    git("add", ".")
    git("commit", "-q", "-m", f"Use the token {canaries.github_token('subject of a commit')}")
    git("tag", LEAKY)
    git("push", "-q", "origin", LEAKY)


@asynccontextmanager
async def talkative_metrics(canaries: Canaries) -> AsyncIterator[str]:
    """A Prometheus that refuses everything, with too many words."""
    said = (
        f"cannot reach postgres://metrics:{canaries.hexadecimal('database URL in an error')}@db, "
        f"password={canaries.hexadecimal('password in an error')}"
    )

    async def refuse(_request: web.Request) -> web.Response:
        told = {"status": "error", "errorType": "bad_data", "error": said}
        return web.json_response(told, status=400)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", refuse)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.timeout(600)  # a busy machine; alone it takes half a minute
async def test_no_secret_is_found_anywhere(tmp_path: Path, canaries: Canaries, handed_out: None):
    given = variables(canaries)
    tool = leaky_tool(tmp_path, given, canaries)
    gates = {
        "code-review": {"reviews": "optional"},
        "tests": {"unit": {"run": f"python {tool}", "junit": "junit.xml"}},
        "build": {"run": f"python {tool} $version"},
    }
    async with (
        talkative_metrics(canaries) as metrics,
        stand_ins(
            tmp_path,
            tokens=tokens(given),
            variables=given,
            gates=gates,
            metrics={"kind": "prometheus", "url": metrics},
        ) as world,
    ):
        leaky_release(tmp_path / "checkout", canaries)
        world.workspace.put_faults({"rates": "lifted"})
        await world.bot.start()

        told = await through_trouble(world, canaries)

        pages = [await text_of(world, page) for page in ("healthz", "readyz", "metrics")]
        for command in ("runs", "audit", "check", "plan v2.5.1", "doctor", "journal checkout-2"):
            told.append(await command_line(world, *command.split(" ", 1)))
        await world.bot.stop()
        said = await messages(world)

    found = {
        "what the bot wrote in Slack": canaries.found_in(said),
        "answers to people": canaries.found_in("\n".join(told).encode()),
        "pages": canaries.found_in("\n".join(pages).encode()),
        "log": canaries.found_in(world.bot.log.read_bytes()),
        "database": in_files(canaries, tmp_path, "slackwater.db*"),
        "artifacts": in_files(canaries, tmp_path / "artifacts", "**/*"),
    }
    assert {place: secrets for place, secrets in found.items() if secrets} == {}


async def through_trouble(world: StandIns, canaries: Canaries) -> list[str]:
    """Two runs with all that can go wrong beside them; what people were answered."""
    ada, bo = await world.person("ada"), await world.person("bo")
    told = []

    async def types(person: Person, words: str) -> None:
        answer = await person.types(words)
        assert answer["ok"], answer
        told.append(json.dumps(answer))

    await types(ada, f"{canaries.slack_token('typed as a version')} canary")
    await types(ada, "")
    await types(ada, f'{LEAKY} canary reason="use {canaries.github_token("typed as a reason")}"')
    await ada.root(LEAKY, within=120)
    await ended(world.bot)

    await types(ada, f'{GOOD} canary reason="password={canaries.hexadecimal("typed with its name")}"')
    root = await ada.root(GOOD, within=120)
    broken = {"status": 500, "times": 3}
    world.workspace.put_faults({"rates": "lifted", "chat.update": broken, "users.info": broken})
    now = world.cluster.simulation.clock.now()
    world.cluster.simulation.faults.replace({"*": {"api_errors": 0.2}}, now)
    await ada.presses("approve", await ada.asked(root["ts"], within=120))
    await world.bot.restart_after_a_crash()
    world.cluster.simulation.faults.replace({}, world.cluster.simulation.clock.now())
    refused = {"error": "invalid_blocks", "times": 1}
    world.workspace.put_faults({"rates": "lifted", "chat.postMessage": refused})
    await bo.presses("approve", await bo.asked(root["ts"], within=120))
    await eventually(lambda: world.bot.run("checkout-2"), has_seen_no_figures, within=120)
    await types(bo, f'rollback checkout-2 reason="saw {canaries.slack_token("typed at a rollback")}"')
    await ended(world.bot)
    return told


def has_seen_no_figures(run: Run) -> bool:
    return run.question is not None and run.question.verdict is not None


async def text_of(world: StandIns, page: str) -> str:
    async with world.session.get(f"{world.bot.health}/{page}") as answer:
        return await answer.text()


async def messages(world: StandIns) -> bytes:
    """Everything that stands in the workspace, what single people see included."""
    found = []
    for name in ("ada", "bo"):
        person = await world.person(name)
        for channel in ("deploys", "releases"):
            for message in await person.reads(channel):
                found.append(message)
                if not message["ephemeral"] and message.get("thread_ts", message["ts"]) == message["ts"]:
                    found += await person.reads(channel, thread=message["ts"])
    files = [file.content or b"" for file in world.workspace.workspace.files._files.values()]
    return json.dumps(found, ensure_ascii=False).encode() + b"".join(files)


async def command_line(world: StandIns, *words: str) -> str:
    """What `slackwater …` says beside the bot, at the same log level."""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "bot", *words, "--config", str(world.bot.config)],
        env=world.bot.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def in_files(canaries: Canaries, folder: Path, pattern: str) -> list[str]:
    files = [file for file in folder.glob(pattern) if file.is_file()]
    assert files, f"nothing was written to {folder}/{pattern}"
    return [place for file in files for place in canaries.found_in(file.read_bytes())]
