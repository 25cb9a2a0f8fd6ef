"""How a process says what it does: one JSON object a line on stderr, without secrets.

All roads lead through one formatter: our own events (structlog), those of the libraries (logging), and what
nobody caught. A library may log whole requests at DEBUG, and a traceback repeats its exception's text; so
nothing is written that has not been through `redact`, and no text can begin a line of its own.
"""

import logging
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import structlog

from bot.clients.redaction import HIDDEN, conceal, names_secret, redact
from bot.domain.errors import ConfigError
from bot.views.terminal import as_json

LEVEL = "SLACKWATER_LOG"

Event = Mapping[str, Any]


def configure(environ: Mapping[str, str]) -> None:
    """For the whole process; the values of variables that hold secrets are known as such from now on.

    Raises:
        ConfigError: the environment names a level that there is not.
    """
    conceal(*(value for name, value in environ.items() if names_secret(name)))
    level = environ.get(LEVEL, "").upper() or "WARNING"
    if level not in logging.getLevelNamesMapping():
        remedy = "write DEBUG, INFO, WARNING or ERROR"
        raise ConfigError(where="environment", key=LEVEL, value=environ[LEVEL], remedy=remedy)
    handler = _OnStderr()
    handler.setFormatter(_OneLine())
    root = logging.getLogger()
    root.setLevel(level)
    root.addHandler(handler)
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            lambda _logger, _name, event: written(event),
        ],
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    sys.excepthook = _uncaught
    threading.excepthook = lambda told: _uncaught(told.exc_type, told.exc_value, told.exc_traceback)
    sys.unraisablehook = lambda told: _uncaught(told.exc_type, told.exc_value, told.exc_traceback)


def written(event: Event) -> str:
    """An event as its line."""
    return as_json({key: _clean(value, key) for key, value in event.items()})


def _clean(value: Any, key: str = "") -> Any:
    """A field's value as it may be written, whatever its type."""
    if isinstance(value, str):
        return HIDDEN if names_secret(key) else redact(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(name): _clean(one, str(name)) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(one, key) for one in value]
    return _clean(str(value), key)


class _OnStderr(logging.StreamHandler[Any]):
    """Wherever stderr leads at the moment."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        return sys.stderr

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the base's own name
        # The base would print the record's arguments as they are.
        sys.stderr.write(written({"event": "not-logged", "logger": record.name, "level": "error"}) + "\n")


class _OneLine(logging.Formatter):
    """A library's record, in the form of our own events."""

    def format(self, record: logging.LogRecord) -> str:
        event = {
            "event": record.getMessage(),
            "logger": record.name,
            "level": record.levelname.lower(),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
        }
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            event["stack"] = record.stack_info
        return written(event)


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    """A traceback too is a line of the log, and its exception's text may hold anything."""
    if issubclass(kind, KeyboardInterrupt):
        return
    found = (kind, error or kind(), trace)
    logging.getLogger("slackwater").critical("uncaught", exc_info=found)
