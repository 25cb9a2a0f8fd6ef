"""The application in every simulated pod: what it answers, how long that takes, what it logs."""

import json
import math
import random
from dataclasses import dataclass
from datetime import datetime

from bot.sim.cluster.faults import Fault
from bot.sim.cluster.processes import BUCKETS, Durations, Process

# Seconds: half of the answers within 95 ms, 95 % within 210 ms.
_MEDIAN, _SPREAD = 0.095, 0.48
CONVERSION = 0.05

# Where users go, and how often.
PATHS = (("GET", "/", 0.5), ("GET", "/api/users", 0.35), ("POST", "/api/orders", 0.15))
MEASURED = {path for _, path, _ in PATHS}

_METHODS = {path: method for method, path, _ in PATHS if path != "/"}

ERRORS = (
    "KeyError: 'pref_theme'",
    "TypeError: 'NoneType' object is not subscriptable",
    "TimeoutError: payments did not answer within 2.0 s",
)


@dataclass(frozen=True)
class Answer:
    """What a pod answers to one request."""

    status: int
    body: str
    content_type: str = "application/json"


def answer(process: Process, fault: Fault, method: str, path: str, chance: random.Random) -> Answer:
    """The answer to `method path`; nothing is counted here."""
    match path:
        case "/health":
            word = "unhealthy" if fault.unhealthy else "healthy"
            return _json(503 if fault.unhealthy else 200, {"status": word, "version": process.version})
        case "/health/database":
            word = "disconnected" if fault.dependencies_down else "connected"
            return _json(503 if fault.dependencies_down else 200, {"status": word, "latencyMs": 1})
        case "/health/dependencies":
            database = "down" if fault.dependencies_down else "up"
            body = {"dependencies": {"database": database, "payments": "up", "mail": "up"}}
            return _json(503 if fault.dependencies_down else 200, body)
        case _:
            return _user_answer(process, fault, method, path, chance)


def _user_answer(process: Process, fault: Fault, method: str, path: str, chance: random.Random) -> Answer:
    if method != _METHODS.get(path, method):
        return _json(405, {"error": "method not allowed"})
    if fault.dependencies_down and path != "/":
        return _json(503, {"error": "database connection refused"})
    if chance.random() < fault.error_rate:
        return _json(500, {"error": "internal error"})
    if path == "/api/users":
        return _json(200, [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Grace"}])
    if path == "/api/orders":
        return _json(200, {"order": chance.randrange(1_000_000)})
    page = f"<!doctype html><title>shop</title><p>version {process.version} on {process.pod}</p>\n"
    return Answer(200, page, "text/html")


def _json(status: int, body: object) -> Answer:
    return Answer(status, json.dumps(body) + "\n")


def failing_share(fault: Fault, path: str) -> tuple[int, float]:
    """The status and share of the failing answers to users on `path`."""
    if fault.dependencies_down and path != "/":
        return 503, 1.0
    return 500, fault.error_rate


def duration(fault: Fault, chance: random.Random) -> float:
    """How long one answer takes, in simulated seconds."""
    return chance.lognormvariate(math.log(_MEDIAN), _SPREAD) + fault.latency_ms / 1000


def bucket_shares(added: float) -> tuple[list[float], float]:
    """The share of answers up to each bucket's bound, and the mean, with `added` seconds of latency."""
    found = _SHARES.get(added)
    if found is None:
        shares = [_share_within(bound - added) for bound in BUCKETS]
        mean = _MEDIAN * math.exp(_SPREAD**2 / 2) + added
        found = _SHARES[added] = ([*shares, 1.0], mean)
    return found


_SHARES: dict[float, tuple[list[float], float]] = {}


def _share_within(seconds: float) -> float:
    """The share of answers that take at most `seconds`: the lognormal distribution function."""
    if seconds <= 0:
        return 0.0
    return 0.5 * (1 + math.erf((math.log(seconds / _MEDIAN)) / (_SPREAD * math.sqrt(2))))


def durations(process: Process, method: str, path: str, status: int) -> Durations:
    return process.counters.requests.setdefault((method, path, status), Durations())


def business(process: Process, good: int, orders: int, revenue: float) -> None:
    process.counters.sessions += good
    process.counters.orders += orders
    process.counters.revenue += revenue


def log_failure(
    process: Process, at: datetime, method: str, path: str, status: int, chance: random.Random
) -> None:
    if status == 503:
        process.say(at, f"ERROR {method} {path}: database connection refused")
        return
    # Mostly one and the same: a new version's bug has one cause.
    text = ERRORS[0] if chance.random() < 0.9 else chance.choice(ERRORS[1:])
    process.say(
        at, f"ERROR {method} {path}: unhandled exception in request handler: {text} (src/prefs.py:88)"
    )
