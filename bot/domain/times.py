"""Moments and spans that come from outside, such as a journal's row, within what a calendar adds up.

Python's `datetime` ends with the year 9999 and raises `OverflowError` beyond, wherever a sum is made. So what
is stored is bounded where it is read, far above whatever a run needs.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime, Field

_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
# A configured one is a year at most.
_LONGEST = timedelta(days=3_660)

Moment = Annotated[AwareDatetime, Field(ge=_FIRST, lt=_LAST)]
# What is planned, and added up.
Span = Annotated[timedelta, Field(ge=timedelta(0), le=_LONGEST)]
# What passed between two moments, by clocks that may have been set meanwhile.
Lapse = Annotated[timedelta, Field(ge=_FIRST - _LAST, le=_LAST - _FIRST)]
