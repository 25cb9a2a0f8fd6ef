"""Reads the arguments of a call, however its client sends them.

Python's SDK posts JSON or forms, JavaScript's forms with `blocks` as a JSON string, Go's forms with the token
in them and no header, and `curl` whatever comes to mind. Slack takes them all.
"""

import json
from typing import Any

from aiohttp import web

from bot.sim.workspace.errors import JSON, APIError

_STRUCTURED = ("attachments", "blocks", "files", "metadata", "view")
_WRITTEN_AS_JSON = {"true": True, "false": False}


async def arguments_of(request: web.Request) -> JSON:
    """Query and body of a call as one object.

    Raises:
        APIError: `invalid_json`, `json_not_object` or `invalid_form_data`.
    """
    args: JSON = dict(request.query)
    kind = request.content_type
    if kind == "application/json":
        args |= _parsed_body(await request.read())
    elif kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        try:
            form = await request.post()
        except ValueError as error:
            raise APIError("invalid_form_data") from error
        args |= {key: value for key, value in form.items() if isinstance(value, str)}
    return {key: _plain(key, value) for key, value in args.items() if value is not None}


def _parsed_body(raw: bytes) -> JSON:
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise APIError("invalid_json") from error
    if not isinstance(body, dict):
        raise APIError("json_not_object")
    return body


def _plain(key: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if key in _STRUCTURED and value:
        try:
            return json.loads(value)
        except ValueError as error:
            raise APIError(f"invalid_{key}" if key != "view" else "invalid_arguments") from error
    # A text may well say "true"; a switch says nothing else.
    if key not in ("text", "initial_comment", "title", "filename", "value"):
        return {**_WRITTEN_AS_JSON, "True": True, "False": False}.get(value, value)
    return value
