"""A workspace, Bolt with the real handlers, and operations over a journal in memory."""

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import UnknownThing
from bot.domain.events import Asked, Draft, Ended, Ending
from bot.domain.interrupts import Interrupt, answer_to
from bot.domain.outcome import Workload
from bot.domain.people import Role
from bot.domain.plan import ApprovalPolicy, DeployRequest, Plan
from bot.domain.reasons import Reason
from bot.domain.run import Run
from bot.operations import Deployable, Desk
from bot.ports import Claim, Consumed
from bot.sim.workspace import Command, WorkspaceServer, people_from, serve
from bot.sim.workspace.ids import id_of
from bot.slack import Directory, SlackCalls, SlackRoles
from bot.slack.roles import Grantee
from bot.views.items import Setting
from bot.wiring.assembly import _Workspace
from handlers import http
from handlers.app import register
from handlers.office import Office
from tests.support.builders import a_plan, a_target
from tests.support.clocks import HandClock
from tests.support.memory_journal import MemoryJournal

JSON = dict[str, Any]
_LONG = timedelta(hours=1)
DIGEST = "sha256:" + "9f" * 32

PEOPLE = {
    "people": [
        {"name": "ada", "groups": ["engineers"]},
        {"name": "bo", "groups": ["engineers", "oncall"]},
        {"name": "cy", "groups": ["oncall"]},
        {"name": "eve"},
        {"name": "gus", "guest": True, "groups": ["oncall", "engineers"]},
        {"name": "lea", "groups": ["leads"]},
        *({"name": f"dev{number}", "groups": ["builders"]} for number in range(50)),
    ],
    "channels": ["deploys", "releases"],
}


class Tags:
    """The versions of an application: three tags, newest first."""

    known = ("v2.5.1", "v2.5.0", "v2.4.1")

    def __init__(self, town: "Town") -> None:
        self._town = town

    async def commit(self, version: str) -> str:
        await asyncio.sleep(self._town.slowness)
        if self._town.outside is not None:
            raise self._town.outside
        if version not in self.known:
            raise UnknownThing(f"There is no tag {version}.", f"Nearest: {self.known[1]}.")
        return "c0ffee1"

    async def changes(self, old: str, new: str) -> tuple[str, ...]:
        return ("Round totals half to even",)

    async def newest(self) -> tuple[str, ...]:
        return self.known


class Platform:
    """What runs: v2.4.1, and a canary with the digest that questions show."""

    def __init__(self) -> None:
        self.digest: str | None = DIGEST
        self.image = "registry.example/checkout:v2.4.1"

    async def stable(self) -> Workload:
        return Workload(name="checkout", image=self.image)

    async def canary(self) -> Workload | None:
        return Workload(name="checkout-canary", image="registry.example/checkout:v2.5.0", digest=self.digest)


class Town:
    """Everything around the handlers."""

    def __init__(self, server: WorkspaceServer, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.session = session
        self.clock = HandClock()
        self.journal = MemoryJournal(self.clock)
        self.platform = Platform()
        self.slowness = 0.0
        self.outside: Exception | None = None
        self.nudged: list[str] = []
        self.client = AsyncWebClient(token="xoxb-local", base_url=server.api_url, timeout=5)
        self.calls = SlackCalls(self.client)
        self.directory = Directory(self.calls)
        self.granted: dict[Role, tuple[Grantee, ...]] = {
            Role.VIEWER: (),
            Role.DEPLOYER: (Grantee(handle="engineers"), Grantee(handle="builders")),
            Role.APPROVER: (Grantee(handle="oncall"),),
            Role.ADMIN: (Grantee(handle="leads"),),
        }
        self.roles = SlackRoles(self.directory, self.granted)
        self.approvals = ApprovalPolicy()
        self.desk = Desk(
            deployables=(self.deployable("checkout"),),
            strategies={"canary": self.plan},
            versions=lambda _application: Tags(self),
            platform=lambda _target: cast("Any", self.platform),
            runs=self.journal,
            journal=self.journal,
            roles=self.roles,
            clock=self.clock,
            nudge=self.nudged.append,
        )
        self.app = AsyncApp(client=self.client, signing_secret="local-secret")
        register(self.app, self.office(), self.directory.forget_members)
        self._claims: dict[str, Claim] = {}

    def office(self) -> Office:
        async def setting() -> Setting:
            return Setting(approvers=await self.roles.mentions(Role.APPROVER))

        slack = _Workspace(self.calls, self.directory, dict)
        return Office(desk=self.desk, slack=slack, setting=setting, command="/deploy")

    def configure(
        self, applications: tuple[str, ...] = ("checkout",), approvals: ApprovalPolicy | None = None
    ) -> None:
        """As if the bot had been started with other settings."""
        self.approvals = approvals or ApprovalPolicy()
        deployables = tuple(self.deployable(name) for name in applications)
        object.__setattr__(self.desk, "deployables", deployables)

    def deployable(self, application: str) -> Deployable:
        return Deployable(
            application=application,
            environment="production",
            image=f"registry.example/{application}",
            strategies=("canary",),
            is_default=True,
            target=a_target(application),
            approvals=self.approvals,
            gates=(),
        )

    def plan(self, request: DeployRequest, deployable: Deployable) -> Plan:
        made = a_plan(application=request.application, version=request.version, approvals=self.approvals)
        return made.with_(request=request)

    async def types(self, user: str, text: str, channel: str = "deploys") -> JSON:
        """`/deploy …`; the answer with what only that person sees."""
        return await self._do("command", user=user, channel=channel, command="/deploy", text=text)

    async def presses(
        self, user: str, action: str, ts: str, channel: str = "deploys", value: str | None = None
    ) -> JSON:
        more = {} if value is None else {"value": value}
        return await self._do("press", user=user, channel=channel, ts=ts, action_id=action, **more)

    async def submits(self, user: str, view_id: str, values: JSON) -> JSON:
        return await self._do("submit", user=user, view_id=view_id, values=values)

    async def _do(self, deed: str, **args: Any) -> JSON:
        args["user"] = id_of("U", args["user"])
        if "channel" in args:
            args["channel"] = id_of("C", args["channel"])
        async with self.session.post(f"{self.server.url}/user/{deed}", json=args) as response:
            answer: JSON = await response.json()
            return answer

    async def does(self, deed: str, **args: Any) -> JSON:
        return await self._do(deed, **args)

    async def sees(self, user: str, channel: str = "deploys", thread: str | None = None) -> list[JSON]:
        """The ephemeral messages of a person."""
        query = {"channel": id_of("C", channel), "user": id_of("U", user)}
        if thread is not None:
            query["thread_ts"] = thread
        async with self.session.get(f"{self.server.url}/user/messages", params=query) as response:
            found = (await response.json())["messages"]
        return [message for message in found if message["ephemeral"]]

    async def view(self, user: str) -> JSON:
        query = {"user": id_of("U", user)}
        async with self.session.get(f"{self.server.url}/user/views", params=query) as response:
            answer: JSON = await response.json()
            return answer

    async def shows(
        self, action: str, value: str, channel: str = "deploys", thread: str | None = None
    ) -> str:
        """Post a message with one button, as the publisher would; its timestamp."""
        button = {
            "type": "button",
            "action_id": action,
            "text": {"type": "plain_text", "text": action},
            "value": value,
        }
        posted = await self.client.chat_postMessage(
            channel=id_of("C", channel),
            text="?",
            blocks=[{"type": "actions", "elements": [button]}],
            thread_ts=thread,
        )
        return str(posted["ts"])

    async def started(self, user: str = "ada", version: str = "v2.5.0") -> Run:
        """A run that was started from Slack."""
        answer = await self.types(user, f"{version} canary")
        assert answer["ok"], answer
        assert self.runs(), answer
        return self.runs()[-1]

    async def asks(self, run: Run, question: str = "q1", digest: str | None = DIGEST) -> Run:
        """The run's driver asks people about its next shift."""
        now, policy = self.clock.now(), self.approvals
        asked = Asked(
            question=question,
            digest=digest,
            remind_at=now + policy.remind,
            escalate_at=now + policy.escalate,
            expires_at=now + policy.expire,
        )
        claim = await self._claim(run.id)
        current = await self.journal.load(run.id)
        await self.journal.append(claim, current.seq, [Draft(event=asked, step="canary/25/weight")])
        return await self.journal.load(run.id)

    async def settles(self, run: Run) -> Run:
        """The run's driver takes what people decided."""
        claim = await self._claim(run.id)

        def decide(waiting: tuple[Interrupt, ...]) -> Consumed:
            drafts: tuple[Draft, ...] = ()
            for interrupt in waiting:
                drafts = drafts or answer_to(current, interrupt)
            return Consumed(drafts=drafts)

        current = await self.journal.load(run.id)
        await self.journal.consume(claim, current.seq, decide)
        return await self.journal.load(run.id)

    async def finishes(self, run: Run) -> None:
        """Its version serves everything."""
        claim = await self._claim(run.id)
        ended = Ended(ending=Ending.FINISHED, reason=Reason.FINISHED, sentence="It serves everything.")
        await self.journal.append(claim, run.seq, [Draft(event=ended)])
        self.platform.image = run.plan.request.image

    async def interrupts(self, run: Run) -> list[str]:
        """What people's presses have committed and no driver has taken yet."""
        return [waiting.kind.value for waiting in self.journal._of(run.id).waiting]

    def runs(self) -> list[Run]:
        return [kept.run for kept in self.journal._kept.values()]

    @property
    def audit(self) -> list[tuple[str, str, str | None, str]]:
        """Who tried what on which run, and what became of it."""
        return [(person.name, what, run, result) for person, what, run, result in self.journal.audited]

    async def _claim(self, run: str) -> Claim:
        for claim in await self.journal.claim("tests", ttl=_LONG):
            self._claims[claim.run] = claim
        return self._claims[run]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def town(session: aiohttp.ClientSession) -> AsyncIterator[Town]:
    """The handlers behind Socket Mode."""
    server = await serve(people=people_from(PEOPLE), commands=[Command("/deploy")])
    server.workspace.rates.are_lifted = True
    town = Town(server, session)
    handler = AsyncSocketModeHandler(town.app, "xapp-local")
    await handler.connect_async()
    await until(lambda: server.connections)
    yield town
    await handler.close_async()
    await server.close()


@pytest.fixture
async def web_town(session: aiohttp.ClientSession, unused_port: int) -> AsyncIterator[Town]:
    """The handlers behind signed HTTP."""
    url = f"http://127.0.0.1:{unused_port}/slack/events"
    towns: list[Town] = []

    async def ready() -> tuple[bool, str]:
        return True, "ready"

    async def deliver(request: web.Request) -> web.StreamResponse:
        return await http.deliver(towns[0].app, request)

    runner = await http.listen(http.build(ready, ("/slack/events", deliver)), "127.0.0.1", unused_port)
    server = await serve(people=people_from(PEOPLE), commands=[Command("/deploy")], request_url=url)
    server.workspace.rates.are_lifted = True
    town = Town(server, session)

    towns.append(town)
    await until(lambda: server.connections)
    yield town
    await runner.cleanup()
    await server.close()


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def until(is_so: Any, seconds: float = 5.0) -> Any:
    """Wait for what another task brings about."""
    async with asyncio.timeout(seconds):
        while not (found := is_so()):  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.005)
    return found
