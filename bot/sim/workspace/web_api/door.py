"""The way in to the Web API: token, rates, faults, the method, the log; in this order."""

import asyncio
from collections.abc import Callable

from aiohttp import web

from bot.sim.workspace.errors import JSON, APIError, RateLimited
from bot.sim.workspace.faults import MethodFault
from bot.sim.workspace.state import Workspace
from bot.sim.workspace.web_api import chat, conversations, directory, files, views
from bot.sim.workspace.web_api.arguments import arguments_of

_Method = Callable[[Workspace, JSON], JSON]

_METHODS: dict[str, _Method] = {
    "api.test": directory.api_test,
    "auth.test": directory.auth_test,
    "blocks.validate": chat.validate_blocks,
    "chat.delete": chat.delete,
    "chat.getPermalink": chat.get_permalink,
    "chat.postEphemeral": chat.post_ephemeral,
    "chat.postMessage": chat.post_message,
    "chat.update": chat.update,
    "conversations.history": conversations.history,
    "conversations.info": conversations.info,
    "conversations.join": conversations.join,
    "conversations.list": conversations.list_all,
    "conversations.members": conversations.members,
    "conversations.open": conversations.open_direct,
    "conversations.replies": conversations.replies,
    "files.completeUploadExternal": files.complete_upload,
    "files.delete": files.delete,
    "files.getUploadURLExternal": files.get_upload_url,
    "files.info": files.info,
    "reactions.add": conversations.add_reaction,
    "reactions.remove": conversations.remove_reaction,
    "usergroups.list": directory.list_groups,
    "usergroups.users.list": directory.list_group_users,
    "users.info": directory.user_info,
    "users.list": directory.list_users,
    "users.lookupByEmail": directory.look_up_by_email,
    "views.open": views.open_view,
    "views.publish": views.publish,
    "views.push": views.push,
    "views.update": views.update,
}

_CONNECT = "apps.connections.open"


class WebAPI:
    """Answers `/api/<method>`; `connect` opens a Socket Mode address and is the socket's business."""

    def __init__(self, workspace: Workspace, connect: Callable[[], JSON]) -> None:
        self._workspace = workspace
        self._connect = connect

    async def answer(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        args: JSON = {}
        try:
            args = await arguments_of(request)
            token = _token_of(request, args)
            fault = await self._suffer(method)
            body = self._carry_out(method, args, token, fault)
        except APIError as error:
            return self._answered(method, args, 200, error.body())
        except RateLimited as limit:
            return self._limited(method, args, limit.retry_after)
        except _Broken as broken:
            return self._broken(method, args, broken.fault)
        if fault is not None and fault.lost:
            self._workspace.calls.add(method, 0, args, body | {"error": "answer_lost"})
            _hang_up(request)
        return self._answered(method, args, 200, body)

    async def _suffer(self, method: str) -> MethodFault | None:
        """Play the fault of this call, as far as that comes before it is carried out."""
        fault = self._workspace.faults.take(method)
        if fault is None:
            return None
        await asyncio.sleep(fault.delay)
        if fault.refuses:
            raise _Broken(fault)
        return fault

    def _carry_out(self, method: str, args: JSON, token: str | None, _fault: MethodFault | None) -> JSON:
        work = _METHODS.get(method)
        if work is None and method != _CONNECT:
            raise APIError("unknown_method", req_method=method)
        if method != "api.test":
            self._check_token(token, self._workspace.tokens.app if method == _CONNECT else None)
        self._workspace.rates.admit(method)
        body = self._connect() if work is None else work(self._workspace, args)
        return {"ok": True, **body}

    def _check_token(self, token: str | None, wanted: str | None) -> None:
        tokens = self._workspace.tokens
        if not token:
            raise APIError("not_authed")
        if token not in (tokens.bot, tokens.app):
            raise APIError("invalid_auth")
        if token != (wanted or tokens.bot):
            raise APIError("not_allowed_token_type")

    def _answered(self, method: str, args: JSON, status: int, body: JSON) -> web.Response:
        self._workspace.calls.add(method, status, args, body)
        return web.json_response(body, status=status)

    def _limited(self, method: str, args: JSON, retry_after: int, error: str = "ratelimited") -> web.Response:
        response = self._answered(method, args, 429, {"ok": False, "error": error})
        response.headers["Retry-After"] = str(retry_after)
        return response

    def _broken(self, method: str, args: JSON, fault: MethodFault) -> web.Response:
        status = fault.status or 200
        if status == 429:
            return self._limited(method, args, fault.retry_after or 1, fault.error or "ratelimited")
        body = {"ok": False, "error": fault.error or "internal_error"}
        return self._answered(method, args, status, body)


class _Broken(Exception):
    def __init__(self, fault: MethodFault) -> None:
        super().__init__()
        self.fault = fault


def _token_of(request: web.Request, args: JSON) -> str | None:
    header = request.headers.get("Authorization", "")
    named = args.pop("token", None)
    if header:
        word, _, token = header.partition(" ")
        return token.strip() if word.lower() == "bearer" else None
    return str(named) if named else None


def _hang_up(request: web.Request) -> None:
    """Cut the connection: the client cannot know whether its call had an effect."""
    if request.transport is not None:
        request.transport.abort()
