"""Judge of what people read at last: each message of each run once, and as its last state wants it."""

from collections.abc import Iterator
from typing import Any

from bot.domain.run import Run
from bot.sim.workspace.ids import id_of
from bot.sim.workspace.messages import Message
from bot.slack.changes import ROOT
from bot.views.items import Item, Place, Setting
from bot.views.messages import messages
from tests.simulation.bot import COMMAND
from tests.simulation.people import DEPLOYS, RELEASES
from tests.simulation.simulation import Simulation

# Said while something was wrong, and true then; no run's last state asks for it.
_PASSING = ("trouble/engine",)
_APPROVERS = (f"<!subteam^{id_of('S', 'oncall')}>",)


def workspace(simulation: Simulation) -> Iterator[str]:
    """All that should stand in the workspace, and nothing else."""
    yield from unsaid(simulation)
    wanted = {key for run in _runs(simulation) for key in _wanted(simulation, run)}
    for channel in (DEPLOYS, RELEASES):
        for message in _posted(simulation, channel):
            key = _key(message)
            if message.is_from_app and key not in wanted and not key.endswith(_PASSING):
                yield f"{key or message.text[:60]!r} stands there, and no state asks for it"


def unsaid(simulation: Simulation) -> Iterator[str]:
    """What is missing, old or twice."""
    for run in _runs(simulation):
        for key, item in _wanted(simulation, run).items():
            channel = RELEASES if item.place is Place.STAKEHOLDERS else DEPLOYS
            found = [message for message in _posted(simulation, channel) if _key(message) == key]
            if len(found) != 1:
                yield f"{key} stands there {len(found)} times"
                continue
            yield from _told(simulation, run, key, item, found[0])


def _told(simulation: Simulation, run: Run, key: str, item: Item, message: Message) -> Iterator[str]:
    if item.place is Place.THREAD and message.thread_ts != _root(simulation, run):
        yield f"{key} stands outside the thread"
    if message.files:
        return
    if message.text != item.text:
        yield f"{key} says {message.text[:90]!r} instead of {item.text[:90]!r}"
    elif _plain(message.blocks) != _plain(item.blocks):
        yield f"{key} shows other blocks than its last state wants"


def _runs(simulation: Simulation) -> list[Run]:
    return [simulation.witness.folded(name) for name in simulation.witness.runs()]


def _wanted(simulation: Simulation, run: Run) -> dict[str, Item]:
    root = _root(simulation, run)
    link = f"{simulation.slack.workspace.url}/archives/{DEPLOYS}/p{root.replace('.', '')}" if root else None
    setting = Setting(command=COMMAND, approvers=_APPROVERS, thread=link)
    found = {}
    for item in messages(run, setting):
        key = f"{item.key}@{RELEASES}" if item.place is Place.STAKEHOLDERS else item.key
        found[f"{run.id}/{key}"] = item
    return found


def _root(simulation: Simulation, run: Run) -> str | None:
    name = f"{run.id}/{ROOT}"
    return next((one.ts for one in _posted(simulation, DEPLOYS) if _key(one) == name), None)


def _posted(simulation: Simulation, channel: str) -> Iterator[Message]:
    store = simulation.slack.workspace.messages
    for message in store.channel_view(channel):
        if message.is_reply:
            continue  # a broadcast, which stands in its thread too
        yield from store.thread_view(channel, message.ts)


def _key(message: Message) -> str:
    payload = (message.metadata or {}).get("event_payload") or {}
    if message.files:
        return _of_file(str(message.files[0].get("name")))
    return str(payload.get("key") or "")


def _of_file(name: str) -> str:
    """A picture bears no metadata: its file is named after run and picture."""
    run, _, picture = name.partition("-canary-")
    return f"{run}/picture/{picture.removesuffix('.png')}"


def _plain(blocks: Any) -> Any:
    """Blocks without the ids that Slack gives them."""
    return [{key: value for key, value in block.items() if key != "block_id"} for block in blocks]
