"""A workspace that stands in for Slack: on loopback, in memory, strict where Slack is.

Bolt and Slack's SDKs work against it unchanged, by base URL only. `serve` starts it in this process and gives
a `WorkspaceServer` (`url`, `api_url`, `put_faults`, `close`). Behind it, from the ground up: `ids`, `people`
and `roster` say who is here; `limits`, `findings`, `elements`, `blocks` and `form_state` what Slack accepts;
`messages`, `views`, `file_store`, `permits`, `rates`, `faults` and `calls` keep what happens, and `state`
holds them together; `web_api` is the app's way in; `socket_mode`, `request_url` and `deliveries` are the ways
out to it, with `payloads` on them; `persons_hand` is what a person does, `user_api` and `stream` how the page
does and sees it; `site` serves the page; `server` opens the doors.

Real time rules here (acknowledgements, rates, expiry), whatever the simulated clock says.
"""

from bot.sim.workspace.deliveries import EVENT_RETRIES
from bot.sim.workspace.errors import APIError
from bot.sim.workspace.people import DEFAULT_PEOPLE, ChannelSpec, People, Person, people_from, read_people
from bot.sim.workspace.roster import App
from bot.sim.workspace.server import EVENTS, WorkspaceServer, serve
from bot.sim.workspace.state import Command, Tokens

__all__ = [
    "DEFAULT_PEOPLE",
    "EVENTS",
    "EVENT_RETRIES",
    "APIError",
    "App",
    "ChannelSpec",
    "Command",
    "People",
    "Person",
    "Tokens",
    "WorkspaceServer",
    "people_from",
    "read_people",
    "serve",
]
