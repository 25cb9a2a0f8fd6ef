"""Where a request goes: by `Host` through VirtualServices, HTTPRoutes and Ingresses to Services and pods.

The table is made anew when the store has changed. The generator of traffic and the HTTP router both ask it,
so that simulated users and real requests go the same way.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.sim.cluster.kinds import DESTINATION_RULE, HTTP_ROUTE, INGRESS, POD, SERVICE, VIRTUAL_SERVICE
from bot.sim.cluster.objects import Object, annotations_of, dig, labels_of, name_of, namespace_of, uid_of
from bot.sim.cluster.selectors import matches_map
from bot.sim.cluster.store import ObjectStore

_NGINX = "nginx.ingress.kubernetes.io/"


@dataclass(frozen=True)
class Call:
    """What of a request decides its way."""

    method: str
    path: str
    headers: Mapping[str, str]  # names in lower case


Takes = Callable[[Call], bool]


@dataclass(frozen=True)
class Backend:
    """A Service, perhaps a subset of its pods, and its part of a rule's requests."""

    namespace: str
    service: str
    weight: int
    subset: Mapping[str, str] | None = None
    exists: bool = True  # an unknown subset has no pods


@dataclass(frozen=True)
class Rule:
    """Requests that it takes are spread over its backends."""

    takes: Takes
    backends: tuple[Backend, ...]


@dataclass(frozen=True)
class Entry:
    """A host that simulated users call, in the namespace whose traffic it is part of."""

    namespace: str
    host: str


@dataclass
class Table:
    """All rules by host, in the order in which they are tried."""

    rules: dict[str, list[Rule]] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)

    def rule(self, host: str, call: Call) -> Rule | None:
        return next((rule for rule in self.rules.get(host, ()) if rule.takes(call)), None)


class Routing:
    """The table and the ready pods of each backend, kept as long as nothing changes."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._made_at = -1
        self._table = Table()
        self._pods: dict[tuple[str, str, tuple[tuple[str, str], ...]], list[str]] = {}

    @property
    def table(self) -> Table:
        if self._made_at != self._store.revision:
            self._table, self._made_at = _table_of(self._store), self._store.revision
            self._pods = {}
        return self._table

    def pods(self, backend: Backend) -> list[str]:
        """The uids of the ready pods of a backend."""
        _ = self.table
        key = (backend.namespace, backend.service, tuple(sorted((backend.subset or {}).items())))
        if key not in self._pods:
            self._pods[key] = self._ready(backend) if backend.exists else []
        return self._pods[key]

    def _ready(self, backend: Backend) -> list[str]:
        service = self._store.find(SERVICE, backend.namespace, backend.service)
        if service is None:
            return []
        wanted = {**(dig(service, "spec", "selector") or {}), **(backend.subset or {})}
        return [
            uid_of(pod)
            for pod in self._store.all_of(POD, backend.namespace)
            if matches_map(wanted, labels_of(pod)) and _takes_requests(pod)
        ]


def _takes_requests(pod: Object) -> bool:
    if "deletionTimestamp" in pod["metadata"]:
        return False
    return any(
        c["type"] == "Ready" and c["status"] == "True" for c in dig(pod, "status", "conditions", default=[])
    )


def _table_of(store: ObjectStore) -> Table:
    table = Table()
    _add_virtual_services(store, table)
    _add_http_routes(store, table)
    _add_ingresses(store, table)
    routed = {entry.namespace for entry in table.entries}
    for service in store.all_of(SERVICE):
        name, namespace = name_of(service), namespace_of(service)
        host = f"{name}.{namespace}"
        if host not in table.rules:
            table.rules[host] = [Rule(_always, (Backend(namespace, name, 1),))]
        # In a namespace without routes people call the Service that is named as the application.
        if namespace not in routed and labels_of(service).get("app") == name:
            table.entries.append(Entry(namespace, host))
    return table


def _always(_call: Call) -> bool:
    return True


def _add_virtual_services(store: ObjectStore, table: Table) -> None:
    subsets = {
        (_full(rule["spec"].get("host", ""), namespace_of(rule)), subset["name"]): subset.get("labels") or {}
        for rule in store.all_of(DESTINATION_RULE)
        for subset in dig(rule, "spec", "subsets", default=[])
    }
    for obj in store.all_of(VIRTUAL_SERVICE):
        namespace = namespace_of(obj)
        rules = [
            Rule(
                _any_of(http.get("match") or [], _istio_match), tuple(_destinations(http, namespace, subsets))
            )
            for http in dig(obj, "spec", "http", default=[])
        ]
        hosts = dig(obj, "spec", "hosts", default=[])
        _add_hosts(table, namespace, [_full(host, namespace) for host in hosts], rules)


def _add_hosts(table: Table, namespace: str, hosts: list[str], rules: list[Rule]) -> None:
    """Users call the host that looks like one of the outside; the others are aliases inside the cluster."""
    for host in hosts:
        table.rules.setdefault(host, []).extend(rules)
    outside = [host for host in hosts if "*" not in host and host.count(".") > 1] or hosts
    entry = Entry(namespace, outside[0]) if outside else None
    if entry and entry not in table.entries:
        table.entries.append(entry)


def _destinations(http: Object, namespace: str, subsets: dict[tuple[str, str], Any]) -> list[Backend]:
    routes = http.get("route") or []
    found = []
    for route in routes:
        target = route.get("destination") or {}
        host, subset = _full(target.get("host", ""), namespace), target.get("subset")
        name, _, inside = host.partition(".")
        labels = subsets.get((host, subset)) if subset else None
        weight = route.get("weight", 0) if len(routes) > 1 else 1
        found.append(
            Backend(inside or namespace, name, weight, labels, exists=not subset or labels is not None)
        )
    return found


def _full(host: str, namespace: str) -> str:
    """A short Service name is completed by the namespace; the cluster's own suffix is left out."""
    host = host.lower().removesuffix(".").removesuffix(".cluster.local").removesuffix(".svc")
    return host if "." in host or host == "*" else f"{host}.{namespace}"


def _any_of(matches: list[Object], test: Callable[[Object, Call], bool]) -> Takes:
    if not matches:
        return _always
    return lambda call: any(test(match, call) for match in matches)


def _istio_match(match: Object, call: Call) -> bool:
    for name, wanted in (match.get("headers") or {}).items():
        value = call.headers.get(name.lower())
        if value is None or not _string_match(wanted, value):
            return False
    return _string_match(match.get("uri"), call.path) and _string_match(match.get("method"), call.method)


def _string_match(wanted: Object | None, value: str) -> bool:
    if not wanted:
        return True
    if "exact" in wanted:
        return bool(value == wanted["exact"])
    if "prefix" in wanted:
        return value.startswith(wanted["prefix"])
    return re.fullmatch(wanted.get("regex", ".*"), value) is not None


def _add_http_routes(store: ObjectStore, table: Table) -> None:
    for obj in store.all_of(HTTP_ROUTE):
        namespace = namespace_of(obj)
        rules = []
        for rule in dig(obj, "spec", "rules", default=[]):
            backends = tuple(
                Backend(ref.get("namespace", namespace), ref["name"], ref.get("weight", 1))
                for ref in rule.get("backendRefs") or []
            )
            rules.append(Rule(_any_of(rule.get("matches") or [], _gateway_match), backends))
        # Gateway API prefers the more specific match, wherever it stands.
        rules.sort(key=lambda one: one.takes is _always)
        _add_hosts(table, namespace, dig(obj, "spec", "hostnames", default=[]), rules)


def _gateway_match(match: Object, call: Call) -> bool:
    for header in match.get("headers") or []:
        if call.headers.get(header["name"].lower()) != header["value"]:
            return False
    path = match.get("path") or {}
    value = path.get("value", "/")
    if path.get("type", "PathPrefix") == "Exact":
        return bool(call.path == value) and match.get("method", call.method) == call.method
    return call.path.startswith(value) and match.get("method", call.method) == call.method


def _add_ingresses(store: ObjectStore, table: Table) -> None:
    canaries = {}
    mains = []
    for obj in store.all_of(INGRESS):
        is_canary = annotations_of(obj).get(_NGINX + "canary") == "true"
        for host, path, backend in _ingress_paths(obj):
            if is_canary:
                canaries[namespace_of(obj), host, path] = (obj, backend)
            else:
                mains.append((obj, host, path, backend))
    for obj, host, path, backend in sorted(mains, key=lambda one: -len(one[2])):
        namespace = namespace_of(obj)
        rules = _with_canary(path, backend, canaries.get((namespace, host, path)), namespace)
        _add_hosts(table, namespace, [host], rules)


def _ingress_paths(obj: Object) -> list[tuple[str, str, str]]:
    return [
        (rule.get("host", "*"), path.get("path", "/"), dig(path, "backend", "service", "name", default=""))
        for rule in dig(obj, "spec", "rules", default=[])
        for path in dig(rule, "http", "paths", default=[])
    ]


def _with_canary(path: str, main: str, canary: tuple[Object, str] | None, namespace: str) -> list[Rule]:
    def takes(call: Call) -> bool:
        return call.path.startswith(path)

    stable = Backend(namespace, main, 100)
    if canary is None:
        return [Rule(takes, (stable,))]
    notes, trial = annotations_of(canary[0]), canary[1]
    told = notes.get(_NGINX + "canary-weight", "0")
    weight = int(told) if told.isascii() and told.isdecimal() and len(told) <= 3 else 0
    weight = min(weight, 100)
    header = notes.get(_NGINX + "canary-by-header", "").lower()
    value = notes.get(_NGINX + "canary-by-header-value", "always")
    rules = []
    if header:
        rules.append(
            Rule(
                lambda call: takes(call) and call.headers.get(header) == value,
                (Backend(namespace, trial, 100),),
            )
        )
    shared = (Backend(namespace, main, 100 - weight), Backend(namespace, trial, weight))
    return [*rules, Rule(takes, shared)]
