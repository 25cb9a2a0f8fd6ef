"""What is broken at the moment, and for whom: `PUT /faults`.

A fault belongs to a version (the image's tag) or to `*`: every version, and the cluster itself. It holds from
`after` the start of a container's process, or from when it was set if that is later; with `for`, it ends that
long after.
"""

import re
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from bot.sim.cluster.refusals import bad_request

_DURATION = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|m|h)$")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

EVERYTHING = "*"


@dataclass(frozen=True)
class Fault:
    """What goes wrong with the pods of one version."""

    error_rate: float = 0.0  # share of requests answered with 500
    latency_ms: float = 0.0  # added to every request
    never_ready: bool = False  # readiness fails, whatever the probe says
    memory_leak_mb_per_min: float = 0.0
    crash: bool = False  # the process exits with 1
    dependencies_down: bool = False  # /health/database and /health/dependencies answer 503
    unhealthy: bool = False  # /health answers 503
    conversion_rate: float | None = None  # share of sessions that order
    log_line: str = ""  # written to the log every second


@dataclass(frozen=True)
class ClusterFault:
    """What goes wrong with the cluster itself."""

    metrics_down: bool = False  # Prometheus answers 503, nothing is scraped
    api_errors: float = 0.0  # share of the API's requests answered with 500
    api_delay_ms: float = 0.0  # before each answer of the API, in real time


@dataclass(frozen=True)
class _Rule:
    fault: Fault
    set_at: datetime
    after: timedelta
    lasts: timedelta | None

    def begins(self, started: datetime) -> datetime:
        return max(self.set_at, started + self.after)

    def has_ended(self, now: datetime) -> bool:
        # Counted from when it was set: a process that starts again does not prolong it.
        return self.lasts is not None and now >= self.set_at + self.after + self.lasts


NONE = Fault()
_FAULT_KEYS = {one.name: one for one in fields(Fault)}
_CLUSTER_KEYS = {one.name: one for one in fields(ClusterFault)}
_TIME_KEYS = ("after", "for")


@dataclass
class Faults:
    """The faults that hold now; replaced as a whole by each PUT."""

    told: dict[str, dict[str, Any]] = field(default_factory=dict)
    cluster: ClusterFault = ClusterFault()
    _rules: dict[str, _Rule] = field(default_factory=dict)

    def replace(self, told: Any, at: datetime) -> None:
        """Let exactly these faults hold.

        Raises:
            Refusal: 400, with the keys that are allowed. What held before still holds then.
        """
        if not isinstance(told, dict):
            raise bad_request(
                'faults are a map: {"v2.5.0": {"error_rate": 0.05}, "*": {"metrics_down": true}}'
            )
        rules: dict[str, _Rule] = {}
        cluster = ClusterFault()
        for target, keys in told.items():
            if not isinstance(keys, dict):
                raise bad_request(f"{target}: expected a map of faults, got {keys!r}")
            mine = {
                key: value for key, value in keys.items() if key not in _CLUSTER_KEYS or target != EVERYTHING
            }
            rule = _rule(target, mine, at)
            # A fault that stays as it was keeps the time it was set at.
            same = self.told.get(target) == keys and target in self._rules
            rules[target] = self._rules[target] if same else rule
            if target == EVERYTHING:
                whole = {
                    key: _checked(target, key, keys[key], _CLUSTER_KEYS)
                    for key in keys
                    if key in _CLUSTER_KEYS
                }
                cluster = ClusterFault(**whole)
        self.told, self.cluster, self._rules = told, cluster, rules

    def of(self, version: str, started: datetime, now: datetime) -> Fault:
        """What is wrong now with a process of `version` that began at `started`."""
        for target in (version, EVERYTHING):
            rule = self._rules.get(target)
            if rule is None:
                continue
            if rule.begins(started) <= now and not rule.has_ended(now):
                return rule.fault
        return NONE


def _rule(target: str, keys: dict[str, Any], at: datetime) -> _Rule:
    values = {
        key: _checked(target, key, value, _FAULT_KEYS) for key, value in keys.items() if key not in _TIME_KEYS
    }
    after = _duration(target, "after", keys.get("after", "0s"))
    lasts = _duration(target, "for", keys["for"]) if "for" in keys else None
    return _Rule(Fault(**values), at, after, lasts)


def _checked(target: str, key: str, value: Any, allowed: dict[str, Any]) -> Any:
    if key not in allowed:
        names = [*_FAULT_KEYS, *_TIME_KEYS, *(_CLUSTER_KEYS if target == EVERYTHING else ())]
        raise bad_request(f"{target}: unknown fault {key!r}; allowed: {', '.join(names)}")
    kind = allowed[key].type
    if kind is bool and not isinstance(value, bool):
        raise bad_request(f"{target}.{key}: expected true or false, got {value!r}")
    if kind is str and not isinstance(value, str):
        raise bad_request(f"{target}.{key}: expected a text, got {value!r}")
    if kind not in {bool, str}:
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise bad_request(f"{target}.{key}: expected a number of at least 0, got {value!r}")
        if key in {"error_rate", "conversion_rate", "api_errors"} and value > 1:
            raise bad_request(f"{target}.{key}: a share lies between 0 and 1, got {value!r}")
    return value


def _duration(target: str, key: str, value: Any) -> timedelta:
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return timedelta(seconds=value)
    found = _DURATION.match(value) if isinstance(value, str) else None
    if found is None:
        raise bad_request(f"{target}.{key}: expected a duration such as 60s or 2m, got {value!r}")
    return timedelta(seconds=float(found[1]) * _UNITS[found[2]])
