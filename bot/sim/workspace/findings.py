"""What is wrong with blocks, and where: gathered while a checker walks through them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from bot.sim.workspace.errors import JSON


@dataclass(frozen=True)
class Finding:
    pointer: str
    code: str
    message: str

    def sentence(self) -> str:
        """As Slack writes it into `errors` and `response_metadata.messages`."""
        return f"{self.message} [json-pointer:{self.pointer}]"

    def as_json(self) -> JSON:
        return {"pointer": self.pointer, "code": self.code, "message": self.message}


@dataclass(frozen=True)
class Place:
    """A spot in the JSON that is checked: what stands there, where that is, and where findings go."""

    value: Any
    pointer: str
    surface: str
    findings: list[Finding] = field(default_factory=list)

    def at(self, key: str | int) -> "Place":
        value = self.value.get(key) if isinstance(key, str) else self.value[key]
        return replace(self, value=value, pointer=f"{self.pointer}/{key}")

    def has(self, key: str) -> bool:
        return self.value.get(key) is not None

    def items(self) -> Iterator["Place"]:
        return (self.at(index) for index in range(len(self.value)))

    def found(self, code: str, message: str) -> None:
        self.findings.append(Finding(self.pointer, code, message))

    def is_object(self) -> bool:
        if isinstance(self.value, dict):
            return True
        self.found("invalid_type", "must be an object")
        return False

    def needs(self, key: str) -> bool:
        """Is `key` there? A finding says so if not."""
        if self.has(key):
            return True
        self.found("missing_field", f"missing required field: {key}")
        return False

    def string(self, key: str, most: int, *, least: int = 0, needed: bool = False) -> None:
        """Check the string at `key`: its kind and its length."""
        if not self.has(key):
            if needed:
                self.needs(key)
            return
        here = self.at(key)
        if not isinstance(here.value, str):
            here.found("invalid_type", "must be a string")
        elif len(here.value) > most:
            here.found("too_long", f"must be less than {most + 1} characters")
        elif len(here.value) < least:
            here.found("too_short", "must be more than 0 characters")

    def array(self, key: str, most: int, *, least: int = 1, needed: bool = True) -> Iterator["Place"]:
        """The items of the list at `key`; nothing, and a finding, where it is none or its length is wrong."""
        if not self.has(key):
            if needed:
                self.needs(key)
            return
        here = self.at(key)
        if not isinstance(here.value, list):
            here.found("invalid_type", "must be an array")
        elif len(here.value) > most:
            here.found("too_many", f"no more than {most} items allowed")
        elif len(here.value) < least:
            here.found("too_few", f"must have at least {least} items")
        else:
            yield from here.items()

    def one_of(self, key: str, allowed: tuple[str, ...]) -> None:
        if self.has(key) and self.value[key] not in allowed:
            self.at(key).found("invalid_value", f"must be one of: {', '.join(allowed)}")
