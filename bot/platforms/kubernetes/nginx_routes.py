"""The canary Ingress of ingress-nginx, read and changed as JSON patches. Pure.

The team keeps two Ingresses: its own, which leads to stable, and beside it one with the same rules that leads
to the canary and bears `canary: "true"`. Slackwater changes three annotations of the second one and nothing
else. At rest its weight is 0 and it has no header, so nobody gets there. ingress-nginx asks the header before
the weight (kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations, "Canary").

A canary path without its like in the team's own Ingress serves nobody, and sticky sessions pass the weight
by. So both are compared before anything goes forward; to go back takes only the one that is changed.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from bot.domain.actions import Side
from bot.domain.errors import NotFound, Unreadable
from bot.domain.outcome import TrafficSplit
from bot.domain.plan import Target
from bot.domain.traffic import ByIngress

Object = dict[str, Any]

_PREFIX = "nginx.ingress.kubernetes.io/"
_CANARY = f"{_PREFIX}canary"
_WEIGHT = f"{_PREFIX}canary-weight"
_TOTAL = f"{_PREFIX}canary-weight-total"
_CHOICES = f"{_PREFIX}canary-by-"  # by a header, its value or pattern, a cookie: asked before the weight
_HEADER = f"{_CHOICES}header"
_VALUE = f"{_CHOICES}header-value"
_AFFINITY = f"{_PREFIX}affinity"
_STICKY = f"{_PREFIX}affinity-canary-behavior"


class CanaryIngress:
    """One canary Ingress as it was read.

    Raises:
        NotFound: it is no canary Ingress.
        Unreadable: users reach it in a way that the configuration does not declare.
    """

    def __init__(self, ingress: Object, target: Target, traffic: ByIngress) -> None:
        self._target = target
        self._name = traffic.object_name
        self._notes = _notes(ingress)
        self._services = {path.service for path in _paths(ingress)}
        self._has_default = bool((ingress.get("spec") or {}).get("defaultBackend"))
        if self._notes.get(_CANARY) != "true":
            raise NotFound("Kubernetes", f'the {self._name} does not bear {_CANARY}: "true"')

    def split(self) -> TrafficSplit:
        choices = [note for note in self._notes if note.startswith(_CHOICES)]
        if self._notes.get(_WEIGHT, "0") == "0" and not choices:
            return TrafficSplit(canary=0, header_to=None)  # nobody gets there, wherever it leads
        self._check()
        return TrafficSplit(canary=self._weight, header_to="canary" if choices else None)

    def weight_operations(self, weight: int) -> list[Object]:
        """What gives the canary this weight and the team's own Ingress the rest."""
        if weight:
            self._check()
        return self._noted(_WEIGHT, str(weight))

    def header_operations(self, to: Side) -> list[Object]:
        """What leads the canary header to the canary; to stable, nothing but the weight may choose."""
        if to is Side.STABLE:
            choices = [note for note in self._notes if note.startswith(_CHOICES)]
            return [{"op": "remove", "path": _path(note)} for note in choices]
        self._check()
        name, value = self._target.header_name, self._target.header_value
        return [*self._noted(_HEADER, name), *self._noted(_VALUE, value)]

    @property
    def _weight(self) -> int:
        text = self._notes.get(_WEIGHT, "0")
        if not (text.isascii() and text.isdecimal() and len(text) <= 3 and int(text) <= 100):
            raise self._unreadable(f"has a weight of {text[:20]!r}, which is no whole per cent")
        return int(text)

    def _check(self) -> None:
        """That whoever gets there gets to the canary, and by the declared header and the weight alone."""
        canary = self._target.canary_service
        if self._has_default or self._services != {canary}:
            raise self._unreadable(f"does not lead to {canary} alone")
        if self._notes.get(_TOTAL, "100") != "100":
            raise self._unreadable("has a canary-weight-total other than 100")
        others = {note for note in self._notes if note.startswith(_CHOICES)} - {_HEADER, _VALUE}
        if others:
            raise self._unreadable(f"chooses by {min(others).removeprefix(_PREFIX)} too; take that away")
        wanted = (self._target.header_name.lower(), self._target.header_value)
        found = (self._notes.get(_HEADER, "").lower(), self._notes.get(_VALUE))
        if found not in {wanted, ("", None)}:
            raise self._unreadable(f"chooses by another header than {': '.join(wanted)}; take that away")

    def _noted(self, key: str, value: str) -> list[Object]:
        if self._notes.get(key) == value:
            return []
        return [{"op": "add", "path": _path(key), "value": value}]

    def _unreadable(self, what: str) -> Unreadable:
        return Unreadable("Kubernetes", f"the {self._name} {what}")


def check_beside(own: Object, canary: Object, target: Target, traffic: ByIngress) -> None:
    """Whether the canary Ingress takes its share from what the team's own one gives to stable.

    Raises:
        NotFound: a path of the canary Ingress has no like that leads to stable.
        Unreadable: the weights would not decide who gets where.
    """
    name, notes = f"the Ingress {traffic.ingress}", _notes(own)
    if notes.get(_CANARY) == "true":
        raise Unreadable("Kubernetes", f"{name} is a canary Ingress itself")
    if own["spec"].get("ingressClassName") != canary["spec"].get("ingressClassName"):
        raise Unreadable("Kubernetes", f"{name} is of another class than {traffic.canary_ingress}")
    if _AFFINITY in notes and notes.get(_STICKY) != "legacy":
        why = f"{name} keeps users where they were, whatever the weight; {_STICKY}: legacy mends that"
        raise Unreadable("Kubernetes", why)
    served = {path for path in _paths(own) if path.service == target.stable_service}
    for path in _paths(canary):
        if path._replace(service=target.stable_service) not in served:
            where = f"{path.host}{path.path}"[:200]
            raise NotFound("Kubernetes", f"{name} does not lead {where} to {target.stable_service}")


class _Path(NamedTuple):
    host: str
    path: str
    kind: str
    service: str


def _paths(ingress: Object) -> Iterator[_Path]:
    for rule in (ingress.get("spec") or {}).get("rules") or []:
        for path in (rule.get("http") or {}).get("paths") or []:
            service = (path["backend"].get("service") or {}).get("name", "")
            yield _Path(rule.get("host") or "*", path.get("path") or "/", path.get("pathType") or "", service)


def _notes(ingress: Object) -> dict[str, str]:
    return ingress["metadata"].get("annotations") or {}


def _path(note: str) -> str:
    return f"/metadata/annotations/{note.replace('~', '~0').replace('/', '~1')}"
