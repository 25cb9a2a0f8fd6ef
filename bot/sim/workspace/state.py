"""Everything a workspace holds, and what several of its doors need: posting, telling a person."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.sim.workspace import limits
from bot.sim.workspace.blocks import check_blocks, is_too_long, named
from bot.sim.workspace.calls import CallLog
from bot.sim.workspace.errors import JSON, APIError
from bot.sim.workspace.faults import Faults
from bot.sim.workspace.file_store import FileStore
from bot.sim.workspace.messages import Message, MessageStore
from bot.sim.workspace.people import People
from bot.sim.workspace.permits import Permits
from bot.sim.workspace.rates import Rates
from bot.sim.workspace.roster import App, Roster
from bot.sim.workspace.stream import Stream
from bot.sim.workspace.views import ViewStore


@dataclass(frozen=True)
class Tokens:
    """What the app has to show, and what requests to it are signed with."""

    bot: str = "xoxb-local"
    app: str = "xapp-local"
    signing_secret: str = "local-secret"  # noqa: S105 -- the documented default of a workspace on loopback


@dataclass(frozen=True)
class Command:
    """A slash command that the app offers, for the composer."""

    command: str
    usage_hint: str = ""
    description: str = ""


class Workspace:
    """The state behind every door; nothing in it knows of HTTP."""

    def __init__(self, people: People, app: App, tokens: Tokens, commands: Sequence[Command] = ()) -> None:
        self.app = app
        self.tokens = tokens
        self.commands = tuple(commands)
        self.stream = Stream()
        self.roster = Roster(people, app)
        self.messages = MessageStore(app, self.stream)
        self.views = ViewStore(app, self.stream)
        self.files = FileStore()
        self.permits = Permits()
        self.rates = Rates()
        self.faults = Faults()
        self.calls = CallLog()
        # Set by the server once its port is known.
        self.url = ""

    def tell(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> Message:
        """Show one person what only they may see, in Slack's own name."""
        message = Message(
            channel=channel,
            ts=self.messages.timestamps.next(),
            user="USLACKBOT",
            text=text,
            thread_ts=thread_ts,
            only_for=user,
        )
        self.messages.show(message)
        return message

    def post(self, message: Message) -> Message:
        self.messages.add(message)
        return message

    def from_app(
        self, channel: str, content: "Content", *, thread_ts: str | None = None, only_for: str | None = None
    ) -> Message:
        """A message of the app, not yet posted."""
        return Message(
            channel=channel,
            ts=self.messages.timestamps.next(),
            user=self.app.user_id,
            text=content.text,
            blocks=content.blocks or (),
            attachments=content.attachments or (),
            thread_ts=thread_ts,
            is_from_app=True,
            only_for=only_for,
        )


@dataclass(frozen=True)
class Content:
    """What a message says, checked: `None` for what was not named."""

    text: str
    blocks: tuple[JSON, ...] | None
    attachments: tuple[JSON, ...] | None
    is_text_named: bool
    is_truncated: bool

    @property
    def is_empty(self) -> bool:
        return not self.text and not self.blocks and not self.attachments


def content_of(args: JSON) -> Content:
    """The text, blocks and attachments of a call, as Slack would take them.

    Raises:
        APIError: `invalid_blocks` (with JSON pointers), `msg_blocks_too_long`, `too_many_attachments`,
            `invalid_attachments`.
    """
    text, blocks, attachments = args.get("text"), args.get("blocks"), args.get("attachments")
    if blocks is not None:
        blocks = _checked_blocks(blocks)
    if attachments is not None:
        attachments = _checked_attachments(attachments)
    words = "" if text is None else str(text)
    return Content(
        text=words[: limits.TEXT_OF_MESSAGE],
        blocks=None if blocks is None else tuple(named(blocks)),
        attachments=None if attachments is None else tuple(attachments),
        is_text_named=text is not None,
        is_truncated=len(words) > limits.TEXT_OF_MESSAGE,
    )


def _checked_blocks(blocks: object) -> list[JSON]:
    findings = check_blocks(blocks, surface="message")
    if findings:
        sentences = tuple(finding.sentence() for finding in findings)
        raise APIError("invalid_blocks", messages=sentences, errors=list(sentences))
    assert isinstance(blocks, list)
    if is_too_long(blocks):
        raise APIError("msg_blocks_too_long")
    return blocks


def _checked_attachments(attachments: object) -> list[JSON]:
    if not isinstance(attachments, list) or not all(isinstance(one, dict) for one in attachments):
        raise APIError("invalid_attachments")
    if len(attachments) > limits.ATTACHMENTS:
        raise APIError("too_many_attachments")
    for one in attachments:
        if "blocks" in one:
            _checked_blocks(one["blocks"])
    return attachments
