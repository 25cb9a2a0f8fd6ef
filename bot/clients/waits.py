"""How long an outside system asks to be left alone: the Retry-After header, read with suspicion."""

from datetime import timedelta


def retry_after(value: str | None, longest: timedelta) -> timedelta | None:
    """The seconds that it names, at most `longest`; None for what is no number of seconds (a date, junk)."""
    if value is None or not (value.isascii() and value.isdigit()):
        return None
    # Six digits are days; of a number with thousands of them Python would make an error.
    return min(timedelta(seconds=int(value[:6])), longest)
