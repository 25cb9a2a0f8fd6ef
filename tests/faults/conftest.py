"""What a fault's test may use: `observed`, by which it says what it saw, and Slack's two sides."""

from collections.abc import AsyncIterator, Callable, Iterator

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from structlog.testing import capture_logs

from bot.sim.workspace import Command, people_from, serve
from tests.faults.recorder import OBSERVED
from tests.handlers.conftest import PEOPLE, Town, session, town, until, unused_port, web_town
from tests.slack.conftest import server, stage

__all__ = ["server", "session", "stage", "town", "unused_port", "web_town"]

Observed = Callable[[str], None]


@pytest.fixture
def observed(request: pytest.FixtureRequest) -> Observed:
    """Note what was seen, for the table."""

    def note(sentence: str) -> None:
        request.node.user_properties.append((OBSERVED, sentence))

    return note


@pytest.fixture(autouse=True)
def log() -> Iterator[list[dict[str, object]]]:
    """What the bot logs while everything goes wrong; drawing tracebacks would take longer than the tests."""
    with capture_logs() as lines:
        yield lines  # type: ignore[misc]


@pytest.fixture
async def restless_town(session: aiohttp.ClientSession) -> AsyncIterator[Town]:
    """As `town`, with a client that looks after its socket more often than it would."""
    workspace = await serve(people=people_from(PEOPLE), commands=[Command("/deploy")])
    workspace.workspace.rates.are_lifted = True
    made = Town(workspace, session)
    handler = AsyncSocketModeHandler(made.app, "xapp-local", ping_interval=0.5)
    await handler.connect_async()
    await until(lambda: workspace.connections)
    yield made
    await handler.close_async()
    await workspace.close()
