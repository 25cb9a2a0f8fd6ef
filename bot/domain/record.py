"""The base of every record: frozen, closed, and the same after a trip through JSON."""

from typing import Self

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A value. A change makes a new one (`with_`); an unknown field is an error, never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_timedelta="float", allow_inf_nan=False)

    def with_(self, **changes: object) -> Self:
        """The same record with some fields replaced."""
        return self.model_copy(update=changes)
