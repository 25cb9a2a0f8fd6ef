"""The base of every settings model: strict, closed, and told by the file where it stands.

A section notices unknown keys itself and leaves them with the reading in progress (`Reading`, pydantic's
context), so that one misspelt key does not hide the other problems of its section. `wrong` is how a model's
own check says what does not fit, and at which key.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from pydantic import ConfigDict, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from bot.config.document import Entries
from bot.config.problems import Keys, listed, nearest
from bot.domain.record import Record

WRONG = "wrong"


@dataclass
class Reading:
    """One file being read: its folder, for relative paths, and what was noticed so far as (keys, remedy)."""

    folder: Path
    unknown: list[tuple[Keys, str]] = field(default_factory=list)


def wrong(remedy: str, *keys: str | int) -> PydanticCustomError:
    """An error to raise from a check: what to do instead, and at which key below the checked value."""
    return PydanticCustomError(WRONG, "{remedy}", {"remedy": remedy, "keys": keys})


class Section(Record):
    """A section of the file. Keys in the file are the fields' aliases where they have one."""

    model_config = ConfigDict(strict=True, populate_by_name=True)

    @classmethod
    def keys(cls) -> tuple[str, ...]:
        """The keys that may stand in this section."""
        return tuple(field.alias or name for name, field in cls.model_fields.items())

    @model_validator(mode="before")
    @classmethod
    def _known_keys_only(cls, data: Any, info: ValidationInfo) -> Any:
        if not isinstance(data, Entries) or not isinstance(info.context, Reading):
            if not isinstance(data, dict | Section):
                raise wrong(f"must be a section with some of the keys {listed(cls.keys())}")
            return data
        allowed = cls.keys()
        for key in data.keys() - set(allowed):
            remedy = f"is not a key of this section{nearest(key, allowed)} Allowed: {listed(allowed)}"
            info.context.unknown.append(((*data.keys_here, key), remedy))
        return {key: value for key, value in data.items() if key in allowed}

    def filled(self, **derived: object) -> Self:
        """Itself with derived defaults filled in: only for a model's own checks, before anyone else holds it.

        What is filled in does not count as set by the file. Pydantic wants checks to return the same object.
        """
        self.__dict__.update(derived)
        return self

    def completed(self, **derived: object) -> Self:
        """A copy with derived defaults filled in: for a section that others may hold as well."""
        copy = self.model_copy(update=derived)
        copy.model_fields_set.intersection_update(self.model_fields_set)
        return copy


def folder_of(info: ValidationInfo) -> Path:
    return info.context.folder if isinstance(info.context, Reading) else Path.cwd()
