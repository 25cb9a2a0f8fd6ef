"""What a person can do: command, press, fill in, write. Each deed tells the app and shows its answer."""

import re
from dataclasses import dataclass
from typing import Any

from bot.sim.workspace import payloads
from bot.sim.workspace.answers import show_answer
from bot.sim.workspace.deliveries import Deliveries
from bot.sim.workspace.errors import JSON, APIError
from bot.sim.workspace.form_state import acted, elements_of, filled_in, missing_values
from bot.sim.workspace.messages import Message
from bot.sim.workspace.roads import Answer, NotAcked
from bot.sim.workspace.roster import Channel
from bot.sim.workspace.state import Workspace
from bot.sim.workspace.views import checked_view

_WRITTEN = re.compile(
    r"(<[@#!][^<>]*>|<https?://[^<>]*>)|(?<![\w@#])([@#])([a-z0-9][\w.-]*\w|[a-z0-9])|[&<>]"
)
_ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# As in Slack's composer.
_LONGEST = 12_000


@dataclass(frozen=True)
class PersonsHand:
    workspace: Workspace
    deliveries: Deliveries

    async def command(self, user: str, channel: str, name: str, text: str) -> JSON:
        place = self._channel(channel, user)
        before = _tops(self.workspace, user)
        payload = payloads.command(self.workspace, user, place, name, text)
        answer = await self.deliveries.send("slash_commands", payload)
        if isinstance(answer, NotAcked):
            return self._failed(
                answer, user, place.id, None, f"{name} failed with the error “{answer.error}”."
            )
        said = None
        if answer.body:
            try:
                said = show_answer(self.workspace, user, place.id, answer.body)
            except APIError as error:
                text = f"{name} answered with something that Slack cannot show ({error.error})."
                return self._refused(error, user, place.id, text)
        return {"ok": True, **_shown(said), **self._opened(user, before)}

    async def press(self, user: str, args: JSON) -> JSON:
        """Press, choose or pick something in a message, a form or the App Home."""
        self.workspace.roster.person(user)
        if args.get("view_id"):
            return await self._press_in_view(user, args)
        message = self._message(user, args)
        block, element = _element(list(message.blocks), args)
        action, values = _action(self.workspace, block, element, args.get("value"))
        before = _tops(self.workspace, user)
        payload = payloads.press_on_message(self.workspace, user, message, action, values)
        answer = await self.deliveries.send("interactive", payload)
        return self._answered(answer, user, message.channel, message.thread_ts, before)

    async def _press_in_view(self, user: str, args: JSON) -> JSON:
        view = self.workspace.views.shown_to(user, args["view_id"])
        block, element = _element(view["blocks"], args)
        action, new = _action(self.workspace, block, element, args.get("value"))
        values, _ = filled_in(view["blocks"], view["state"]["values"], args.get("values"))
        for block_id, slots in new.items():
            values.setdefault(block_id, {}).update(slots)
        view = self.workspace.views.keep_values(user, view["id"], values)
        before = _tops(self.workspace, user)
        payload = payloads.press_on_view(self.workspace, user, view, action)
        answer = await self.deliveries.send("interactive", payload)
        if isinstance(answer, NotAcked):
            return {"ok": False, "error": answer.error, "ephemeral": "The app did not respond. Try again."}
        return {"ok": True, **self._opened(user, before)}

    async def submit(self, user: str, view_id: str, given: Any) -> JSON:
        view = self.workspace.views.shown_to(user, view_id)
        if view["type"] != "modal":
            raise APIError("view_not_found")
        values, wrong = filled_in(view["blocks"], view["state"]["values"], given)
        wrong |= {} if wrong else missing_values(view["blocks"], values)
        if wrong:
            return {"ok": False, "error": "invalid_values", "errors": wrong}
        view = self.workspace.views.keep_values(user, view_id, values)
        answer = await self.deliveries.send("interactive", payloads.submission(self.workspace, user, view))
        if isinstance(answer, NotAcked):
            sentence = "We had some trouble connecting. Try again?"
            return {"ok": False, "error": answer.error, "ephemeral": sentence}
        return self._follow(user, view, answer.body or {})

    def _follow(self, user: str, view: JSON, body: JSON) -> JSON:
        """Do what the app answered to a submission."""
        views = self.workspace.views
        match body.get("response_action"):
            case "errors":
                return {"ok": False, "error": "invalid_values", "errors": body.get("errors") or {}}
            case "update":
                new = checked_view(body.get("view"), expected="modal")
                views.update(new, view_id=view["id"], external_id=None, hash_=None)
            case "push":
                views.push(user, checked_view(body.get("view"), expected="modal"))
            case "clear":
                views.close(user, view["id"], all_of_them=True)
            case _:
                views.close(user, view["id"])
        stack = views.stack(user)
        return {"ok": True, "view_id": stack[-1]["id"]} if stack else {"ok": True}

    async def close_view(self, user: str, view_id: str, *, all_of_them: bool) -> JSON:
        view = self.workspace.views.shown_to(user, view_id)
        is_cleared = all_of_them or view["clear_on_close"]
        for closed in self.workspace.views.close(user, view_id, all_of_them=is_cleared):
            if closed["notify_on_close"]:
                payload = payloads.closing(self.workspace, user, closed, is_cleared=is_cleared)
                await self.deliveries.send("interactive", payload)
        return {"ok": True}

    async def suggest(self, user: str, args: JSON) -> JSON:
        """The options of an external menu for what was typed so far."""
        self.workspace.roster.person(user)
        where: Message | JSON
        if args.get("view_id"):
            where = self.workspace.views.shown_to(user, args["view_id"])
            block, element = _element(where["blocks"], args)
        else:
            where = self._message(user, args)
            block, element = _element(list(where.blocks), args)
        payload = payloads.suggestion(
            self.workspace, user, block, element, str(args.get("value") or ""), where
        )
        answer = await self.deliveries.send("interactive", payload)
        if isinstance(answer, NotAcked):
            return {"ok": False, "error": answer.error}
        body = answer.body or {}
        return {"ok": True, "options": body.get("options") or []} | (
            {"option_groups": body["option_groups"]} if body.get("option_groups") else {}
        )

    async def shortcut(self, user: str, callback_id: str, args: JSON) -> JSON:
        self.workspace.roster.person(user)
        message = self._message(user, args) if args.get("ts") else None
        before = _tops(self.workspace, user)
        payload = payloads.shortcut(self.workspace, user, callback_id, message)
        answer = await self.deliveries.send("interactive", payload)
        if message is None:
            return (
                {"ok": False, "error": answer.error}
                if isinstance(answer, NotAcked)
                else {"ok": True, **self._opened(user, before)}
            )
        return self._answered(answer, user, message.channel, message.thread_ts, before)

    def message(self, user: str, channel: str, text: str, thread_ts: str | None) -> JSON:
        place = self._channel(channel, user)
        if not text.strip():
            raise APIError("no_text")
        if len(text) > _LONGEST:
            raise APIError("msg_too_long")
        if place.is_archived:
            raise APIError("is_archived")
        if thread_ts:
            self.workspace.messages.root(place.id, thread_ts)
        message = Message(
            channel=place.id,
            ts=self.workspace.messages.timestamps.next(),
            user=user,
            text=self._composed(text),
            thread_ts=thread_ts or None,
        )
        self.workspace.post(message)
        self._announce(place, message)
        return {"ok": True, "ts": message.ts}

    def _announce(self, place: Channel, message: Message) -> None:
        app = self.workspace.app.user_id
        if app not in place.members:
            return
        kind = "im" if place.is_im else "groups" if place.is_private else "channels"
        event = payloads.message_event(self.workspace, place, message)
        self.deliveries.announce(event, f"message.{kind}")
        # Slack sends no mention for what is said to the app directly.
        if f"<@{app}>" in message.text and not place.is_im:
            mention = payloads.message_event(self.workspace, place, message, "app_mention")
            self.deliveries.announce(mention, "app_mention")

    def home(self, user: str) -> JSON:
        channel = self.workspace.roster.direct(user)
        event = payloads.home_opened(self.workspace, user, channel.id)
        self.deliveries.announce(event, "app_home_opened")
        return {"ok": True, "channel": channel.id}

    def dismiss(self, user: str, ts: str) -> JSON:
        message = self.workspace.messages.ephemeral(user, ts)
        if message is None:
            raise APIError("message_not_found")
        self.workspace.messages.dismiss(message)
        return {"ok": True}

    def _channel(self, channel: str, user: str) -> Channel:
        self.workspace.roster.person(user)
        return self.workspace.roster.channel_for_person(channel, user)

    def _message(self, user: str, args: JSON) -> Message:
        place = self._channel(str(args.get("channel")), user)
        messages = self.workspace.messages
        found = messages.get(place.id, args.get("ts")) or messages.ephemeral(user, args.get("ts"))
        if found is None:
            raise APIError("message_not_found")
        return found

    def _composed(self, text: str) -> str:
        """What Slack's composer makes of typed text: mentions become ids, the rest is escaped."""
        roster = self.workspace.roster
        names = {person.name: f"<@{user}>" for user, person in roster.people.items()}
        names |= {group.handle: f"<!subteam^{group.id}>" for group in roster.groups.values()}
        names |= {self.workspace.app.name: f"<@{self.workspace.app.user_id}>"}
        names |= {word: f"<!{word}>" for word in ("here", "channel", "everyone")}
        channels = {c.name: f"<#{c.id}|{c.name}>" for c in roster.channels.values() if not c.is_im}

        def written(found: re.Match[str]) -> str:
            whole, markup, sign, name = found[0], found[1], found[2], found[3]
            if markup:
                return markup
            if sign:
                return (names if sign == "@" else channels).get(name, whole)
            return _ESCAPED[whole]

        return _WRITTEN.sub(written, text)

    def _answered(
        self, answer: Answer, user: str, channel: str, thread_ts: str | None, before: set[str]
    ) -> JSON:
        if isinstance(answer, NotAcked):
            sentence = f"The app did not respond (“{answer.error}”). Try again."
            return self._failed(answer, user, channel, thread_ts, sentence)
        return {"ok": True, **self._opened(user, before)}

    def _failed(self, answer: NotAcked, user: str, channel: str, thread_ts: str | None, text: str) -> JSON:
        self.workspace.tell(user, channel, text, thread_ts)
        return {"ok": False, "error": answer.error, "ephemeral": text}

    def _refused(self, error: APIError, user: str, channel: str, text: str) -> JSON:
        self.workspace.tell(user, channel, text)
        return {"ok": False, "error": error.error, "ephemeral": text}

    def _opened(self, user: str, before: set[str]) -> JSON:
        """The form that opened while the app was busy with this deed, if any."""
        new = [view["id"] for view in self.workspace.views.stack(user) if view["id"] not in before]
        return {"view_id": new[-1]} if new else {}


def _tops(workspace: Workspace, user: str) -> set[str]:
    return {view["id"] for view in workspace.views.stack(user)}


def _shown(message: Message | None) -> JSON:
    return {"ephemeral": message.text} if message is not None and message.is_ephemeral else {}


def _element(blocks: list[JSON], args: JSON) -> tuple[JSON, JSON]:
    """The element that a person names by action id, and where that is not enough by block id or value."""
    found = [
        (block, element)
        for block, element in elements_of(blocks)
        if element["action_id"] == args.get("action_id") and args.get("block_id") in (None, block["block_id"])
    ]
    if not found:
        raise APIError("action_not_found")
    same_value = [pair for pair in found if pair[1].get("value") == args.get("value")]
    is_button = found[0][1]["type"] == "button"
    if is_button and args.get("value") is not None and not same_value:
        # The button that the person saw is gone; another one now bears its action.
        raise APIError("action_not_found")
    return (same_value or found)[0]


def _action(workspace: Workspace, block: JSON, element: JSON, value: Any) -> tuple[JSON, JSON]:
    """The entry of `actions`, and the new state by block and action."""
    try:
        said, slot = acted(element, value)
    except ValueError as error:
        raise APIError("invalid_value", messages=(str(error),)) from error
    action: JSON = {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        "action_ts": workspace.messages.timestamps.next(),
        **{key: element[key] for key in ("text", "confirm", "placeholder") if key in element},
        **said,
    }
    if slot is None:
        return action, {}
    return action, {block["block_id"]: {element["action_id"]: slot}}
