"""`/user/*`: what a person does and sees, as JSON; the page and the tests are its callers.

People, channels and users are named by id. A POST answers `{"ok": bool, "error"?, "ephemeral"?, "view_id"?}`
with status 200; a malformed request is answered with 400 and `{"ok": false, "error": "…", "message": "…"}`.
Requests with a foreign `Origin` or `Host` are refused with 403.

**Doing**

    POST /user/command  {user, channel, command: "/deploy", text}   → {ok, ephemeral?: text, view_id?}
    POST /user/press    {user, channel, ts, action_id, value?, block_id?}          an element of a message
                        {user, view_id, action_id, value?, block_id?, values?}  an element of a form or Home
         `value`: a button's value (tells apart buttons with the same action_id), an option's value, a date, a
         time, a text; a list of option values for checkboxes and multi selects. A `confirm` dialog is the
         page's business: a press that arrives here is confirmed. `values`: the other fields' state, if known.
    POST /user/submit   {user, view_id, values}      → {ok, view_id?} or {ok: false, error: "invalid_values",
                        errors: {block_id: sentence}}. `view_id`: the form now on top; none: all closed.
    POST /user/close    {user, view_id, all?: true}  closes the form on top, or all of them
    POST /user/suggest  {user, view_id | channel+ts, action_id, block_id?, value} → {ok, options,
                        option_groups?}
    POST /user/shortcut {user, callback_id, channel?, ts?}   a global shortcut, or one on a message
    POST /user/message  {user, channel, text, thread_ts?}    → {ok, ts}. Typed `@ada`, `@oncall`, `#deploys`
                        become `<@U…>`, `<!subteam^S…>`, `<#C…>`, as Slack's composer does it.
    POST /user/home     {user}                       opens the App Home (the app may publish it anew)
    POST /user/dismiss  {user, channel, ts}          removes an ephemeral message from the person's view
    PUT  /user/faults   see `faults.py`; `{}` clears. GET shows what is in force.

When the app does not acknowledge within 3 s, `error` is "operation_timeout"; when none is connected,
"dispatch_failed". Both leave an ephemeral message, too, whose text is in `ephemeral`.

**Seeing**

    GET /user/messages?channel=&user=&thread_ts=&limit=   → {"messages": […], "has_more": bool}, oldest first
    GET /user/people     → {"people": [{id, name, real_name, title, groups: ["oncall"], is_restricted,
                           is_bot, color}]}; the app itself is the last, with is_bot: true
    GET /user/channels?user=  → {"channels": [{id, name, is_private, is_archived, is_im, is_member (of the
                           app), topic, members: ["U…"], user? (of a direct one)}]}; with user: only theirs
    GET /user/groups     → {"groups": [{id, handle, name, users: ["U…"]}]}
    GET /user/commands   → {"commands": [{command: "/deploy", usage_hint, description}]}
    GET /user/views?user=  → {"views": [the open forms, top last], "home": view or null}
    GET /user/log?limit=   → {"calls": [{at, method, status, ok, error, channel, ts, body}]}, oldest first
    GET /user/files/<id>   → the bytes (this is also a file's `url_private`)
    GET /user/stream       → see `stream.py`
    GET /user/workspace  → {"name", "team_id", "bot_user_id", "app_name", "connected", "connections", "mode"}

**A message** is Slack's own object: `type, ts, user, text, blocks?, attachments?, files?, thread_ts?,
bot_id?, app_id?, bot_profile?, subtype?, edited?: {user, ts}, reactions?: [{name, count, users}], metadata?`,
for a root with replies also `reply_count, reply_users, reply_users_count, latest_reply`; and always `channel`
and `ephemeral: bool`. Without `thread_ts` the list holds roots and broadcast replies (`subtype:
"thread_broadcast"`, with `root`, and without buttons, as in Slack); with it the root and its replies. `user`
adds that person's ephemeral messages in their place by `ts`; an ephemeral message in a thread is shown only
there. A deleted root with replies stays as `subtype: "tombstone"`. A file: `{id, name, title, mimetype,
filetype, size, url_private, permalink, alt_txt?, original_w?, original_h?}`. Every block has a `block_id`,
every element an `action_id`.

**A view** is Slack's own object: `id, type: "modal" | "home", title, submit, close, blocks, callback_id,
private_metadata, hash, state: {"values": …}, root_view_id, previous_view_id, clear_on_close,
notify_on_close`. `values` in requests has the form of `state.values`: `{block_id: {action_id: {"type":
"plain_text_input", "value": "…"}}}` or `selected_option: {text, value}`, `selected_options: […]`,
`selected_date`, `selected_time`, `selected_user`, `selected_channel`, `selected_conversation`, as Slack sends
them; `type` may be left out. Fields that are not named keep their initial value.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bot.sim.workspace.deliveries import Deliveries
from bot.sim.workspace.errors import JSON, APIError
from bot.sim.workspace.messages import Message, in_order
from bot.sim.workspace.persons_hand import PersonsHand
from bot.sim.workspace.socket_mode import SocketMode
from bot.sim.workspace.state import Workspace
from bot.sim.workspace.users import app_user_json

# What a page shows at first; older messages are asked for with a larger limit.
_MESSAGES = 200
_CALLS = 500

_Deed = Callable[[JSON], Awaitable[JSON]]


class UserAPI:
    def __init__(self, workspace: Workspace, deliveries: Deliveries) -> None:
        self._workspace = workspace
        self._deliveries = deliveries
        self._hand = PersonsHand(workspace, deliveries)

    def routes(self) -> list[web.RouteDef]:
        deeds: dict[str, _Deed] = {
            "command": self._command,
            "press": self._press,
            "submit": self._submit,
            "close": self._close,
            "suggest": self._suggest,
            "shortcut": self._shortcut,
            "message": self._message,
            "home": self._home,
            "dismiss": self._dismiss,
        }
        sights: dict[str, Callable[[web.Request], JSON]] = {
            "messages": self._messages,
            "people": self._people,
            "channels": self._channels,
            "groups": self._groups,
            "commands": self._commands,
            "views": self._views,
            "log": self._log,
            "faults": self._faults,
            "workspace": self._about,
        }
        return [
            *(web.post(f"/user/{name}", _doing(deed)) for name, deed in deeds.items()),
            *(web.get(f"/user/{name}", _seeing(sight)) for name, sight in sights.items()),
            web.put("/user/faults", _doing(self._put_faults)),
            web.get("/user/stream", self._stream),
            web.get("/user/files/{id}", self._file),
        ]

    async def _command(self, args: JSON) -> JSON:
        name = _word(args, "command")
        return await self._hand.command(
            _word(args, "user"), _word(args, "channel"), f"/{name.lstrip('/')}", _text(args, "text")
        )

    async def _press(self, args: JSON) -> JSON:
        _word(args, "action_id")
        return await self._hand.press(_word(args, "user"), args)

    async def _submit(self, args: JSON) -> JSON:
        return await self._hand.submit(_word(args, "user"), _word(args, "view_id"), args.get("values"))

    async def _close(self, args: JSON) -> JSON:
        return await self._hand.close_view(
            _word(args, "user"), _word(args, "view_id"), all_of_them=args.get("all") is True
        )

    async def _suggest(self, args: JSON) -> JSON:
        return await self._hand.suggest(_word(args, "user"), args)

    async def _shortcut(self, args: JSON) -> JSON:
        return await self._hand.shortcut(_word(args, "user"), _word(args, "callback_id"), args)

    async def _message(self, args: JSON) -> JSON:
        return self._hand.message(
            _word(args, "user"), _word(args, "channel"), _text(args, "text"), args.get("thread_ts")
        )

    async def _home(self, args: JSON) -> JSON:
        return self._hand.home(_word(args, "user"))

    async def _dismiss(self, args: JSON) -> JSON:
        return self._hand.dismiss(_word(args, "user"), _word(args, "ts"))

    async def _put_faults(self, args: JSON) -> JSON:
        put_faults(self._workspace, self._deliveries, args)
        return {"ok": True}

    def _messages(self, request: web.Request) -> JSON:
        channel, user = request.query.get("channel", ""), request.query.get("user")
        thread_ts = request.query.get("thread_ts")
        if user:
            self._workspace.roster.person(user)
            self._workspace.roster.channel_for_person(channel, user)
        elif channel not in self._workspace.roster.channels:
            raise APIError("channel_not_found")
        messages = self._workspace.messages
        found = messages.thread_view(channel, thread_ts) if thread_ts else messages.channel_view(channel)
        if user:
            found = in_order([*found, *self._ephemerals(user, channel, thread_ts)])
        limit = _number(request, "limit", _MESSAGES)
        shown = found[-limit:]
        return {
            "messages": [self._shown(message, in_channel=not thread_ts) for message in shown],
            "has_more": len(found) > len(shown),
        }

    def _ephemerals(self, user: str, channel: str, thread_ts: str | None) -> list[Message]:
        found = self._workspace.messages.ephemerals_of(user, channel)
        return [message for message in found if message.thread_ts == thread_ts]

    def _shown(self, message: Message, *, in_channel: bool) -> JSON:
        made = self._workspace.messages.as_json(message, with_metadata=True, in_channel=in_channel)
        return made | {"channel": message.channel, "ephemeral": message.is_ephemeral}

    def _people(self, _request: web.Request) -> JSON:
        roster = self._workspace.roster
        people = [
            {
                "id": user,
                "name": person.name,
                "real_name": person.real_name,
                "title": person.title,
                "groups": list(person.groups),
                "is_restricted": person.is_guest,
                "is_bot": False,
                "color": person.color,
            }
            for user, person in roster.people.items()
        ]
        app = app_user_json(roster.app)
        bot = {key: app[key] for key in ("id", "name", "real_name", "is_restricted", "is_bot", "color")}
        return {"people": [*people, bot | {"title": "", "groups": []}]}

    def _channels(self, request: web.Request) -> JSON:
        user = request.query.get("user")
        roster = self._workspace.roster
        if user:
            # Everybody has a direct line to the app.
            roster.direct(user)
        return {
            "channels": [
                {
                    "id": channel.id,
                    "name": channel.name,
                    "is_private": channel.is_private,
                    "is_archived": channel.is_archived,
                    "is_im": channel.is_im,
                    "is_member": roster.app.user_id in channel.members,
                    "topic": channel.topic,
                    "members": sorted(channel.members),
                    **({"user": channel.partner} if channel.is_im else {}),
                }
                for channel in roster.channels.values()
                if not user or user in channel.members
            ]
        }

    def _groups(self, _request: web.Request) -> JSON:
        return {
            "groups": [
                {"id": group.id, "handle": group.handle, "name": group.name, "users": list(group.users)}
                for group in self._workspace.roster.groups.values()
            ]
        }

    def _commands(self, _request: web.Request) -> JSON:
        return {"commands": [vars(command) for command in self._workspace.commands]}

    def _views(self, request: web.Request) -> JSON:
        user = request.query.get("user", "")
        self._workspace.roster.person(user)
        return {"views": self._workspace.views.stack(user), "home": self._workspace.views.home(user)}

    def _log(self, request: web.Request) -> JSON:
        limit = _number(request, "limit", _CALLS)
        return {"calls": self._workspace.calls.newest(limit, request.query.get("method"))}

    def _faults(self, _request: web.Request) -> JSON:
        return {"faults": self._workspace.faults.shown()}

    def _about(self, _request: web.Request) -> JSON:
        app, road = self._workspace.app, self._deliveries.road
        return {
            "name": app.team_name,
            "team_id": app.team_id,
            "bot_user_id": app.user_id,
            "app_name": app.real_name,
            "connected": road.connections > 0,
            "connections": road.connections,
            "mode": road.mode,
        }

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        count = self._deliveries.road.connections
        hello = {"type": "hello", "connected": count > 0, "connections": count}
        return await self._workspace.stream.serve(request, hello)

    async def _file(self, request: web.Request) -> web.Response:
        try:
            stored = self._workspace.files.get(request.match_info["id"])
        except APIError as error:
            raise web.HTTPNotFound from error
        if stored.content is None or not stored.is_complete:
            raise web.HTTPNotFound
        # Only pictures are shown in place: a file must never run as a page of this origin.
        is_inline = stored.is_drawn and "download" not in request.query
        name = "".join(letter for letter in stored.name if letter.isalnum() or letter in "._- ") or "file"
        return web.Response(
            body=stored.content,
            content_type=stored.mimetype if stored.is_drawn else "application/octet-stream",
            headers={
                "Content-Disposition": f'{"inline" if is_inline else "attachment"}; filename="{name}"',
                "Cache-Control": "private, max-age=3600, immutable",
            },
        )


def put_faults(workspace: Workspace, deliveries: Deliveries, data: object) -> None:
    """Put faults in force, the connections that are open included.

    Raises:
        APIError: `invalid_faults`.
    """
    socket_fault = workspace.faults.put(data)
    workspace.rates.are_lifted = workspace.faults.are_rates_lifted
    if socket_fault is not None and isinstance(deliveries.road, SocketMode):
        deliveries.road.suffer(socket_fault)
    workspace.stream.publish({"type": "faults"})


def _doing(deed: _Deed) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        try:
            args = await request.json()
        except ValueError:
            return _malformed("invalid_json", "The body is not JSON.")
        if not isinstance(args, dict):
            return _malformed("json_not_object", "The body is not a JSON object.")
        try:
            return web.json_response(await deed(args))
        except _Malformed as malformed:
            return _malformed("invalid_arguments", str(malformed))
        except APIError as error:
            status = 400 if error.error == "invalid_faults" else 200
            return web.json_response(error.body(), status=status)

    return answer


def _seeing(sight: Callable[[web.Request], JSON]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        try:
            return web.json_response({"ok": True, **sight(request)})
        except _Malformed as malformed:
            return _malformed("invalid_arguments", str(malformed))
        except APIError as error:
            return web.json_response(error.body(), status=404 if error.error.endswith("_not_found") else 400)

    return answer


class _Malformed(Exception):
    """The caller's mistake, in a sentence."""


def _malformed(error: str, message: str) -> web.Response:
    return web.json_response({"ok": False, "error": error, "message": message}, status=400)


def _word(args: JSON, name: str) -> str:
    value = args.get(name)
    if not isinstance(value, str) or not value:
        raise _Malformed(f"{name} is missing, or not a string.")
    return value


def _text(args: JSON, name: str) -> str:
    value: Any = args.get(name, "")
    if not isinstance(value, str):
        raise _Malformed(f"{name} is not a string.")
    return value


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isdigit() or int(text) < 1:
        raise _Malformed(f"{name} is not a positive number.")
    return int(text)
