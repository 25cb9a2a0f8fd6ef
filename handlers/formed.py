"""The shape of what Slack delivers, as far as it is read here; its content is judged by the operations.

A signature says who sent a body, not that it is what it should be. What comes by HTTP and is not of this
shape reaches neither Bolt's own look-ups nor a handler.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError


class _Shape(BaseModel):
    """What else is there is of no interest."""

    model_config = ConfigDict(extra="ignore", strict=True)


class _Named(_Shape):
    id: str | None = None


class _Container(_Shape):
    channel_id: str | None = None
    thread_ts: str | None = None


class _Message(_Shape):
    thread_ts: str | None = None


class _Action(_Shape):
    type: str | None = None
    action_id: str
    block_id: str | None = None
    value: str | None = None


class _Press(_Shape):
    type: Literal["block_actions"]
    user: _Named
    channel: _Named | None = None
    container: _Container | None = None
    message: _Message | None = None
    actions: list[_Action] = Field(min_length=1)


class _Option(_Shape):
    value: str | None = None


class _Element(_Shape):
    value: str | None = None
    selected_option: _Option | None = None


class _State(_Shape):
    values: dict[str, dict[str, _Element]] | None = None


class _View(_Shape):
    type: str
    callback_id: str | None = None
    private_metadata: str | None = None
    state: _State | None = None


class _Submission(_Shape):
    type: Literal["view_submission", "view_closed"]
    user: _Named
    view: _View


class _Event(_Shape):
    type: str
    subtype: str | None = None
    user: str | _Named | None = None
    channel: str | _Named | None = None
    text: str | None = None
    tab: str | None = None
    thread_ts: str | None = None


class _Notice(_Shape):
    type: Literal["event_callback"]
    event: _Event


class _Command(_Shape):
    """A form's fields, all of them texts."""

    command: str
    text: str | None = None
    user_id: str
    channel_id: str | None = None
    trigger_id: str
    response_url: str | None = None


_SHAPES: dict[str, TypeAdapter[Any]] = {
    "block_actions": TypeAdapter(_Press),
    "view_submission": TypeAdapter(_Submission),
    "view_closed": TypeAdapter(_Submission),
    "event_callback": TypeAdapter(_Notice),
}
_COMMAND = TypeAdapter(_Command)


def is_formed(body: object) -> bool:
    """Whether all that is read of this delivery has the type that Slack promises.

    Kinds of deliveries that nobody here reads are left to Bolt, which acknowledges or refuses them.
    """
    if not isinstance(body, dict):
        return False
    kind = body.get("type")
    # Bolt looks into these two, whatever else is there.
    if not isinstance(kind, str | None) or not isinstance(body.get("event", {}), dict):
        return False
    shape = _COMMAND if "command" in body else _SHAPES.get(kind or "")
    try:
        if shape is not None:
            shape.validate_python(body)
    except (ValidationError, RecursionError):
        return False
    return True
