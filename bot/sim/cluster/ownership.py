"""Who owns which field: server-side apply and `metadata.managedFields`.

A field is a path of steps: `f:spec`, `k:{"name":"app"}` for an item of a list merged by key, `v:"x"` for an
item of a set; `.` stands for the item itself. A set of such paths is what a manager owns, written to
`managedFields` in Kubernetes' own form, so that kubectl and other clients can read it.

An apply sets what it names, takes back what the same manager named before and names no more (unless another
owns it too), and is refused where it would change what another manager owns, unless it is forced.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from bot.sim.cluster.kinds import Kind
from bot.sim.cluster.objects import Object, copy_of, stamp
from bot.sim.cluster.patches import KEY_DEFAULTS, is_set, item_key, list_keys
from bot.sim.cluster.refusals import Refusal, bad_request, conflict

Path = tuple[str, ...]

# Identity and what the server writes belong to nobody.
_NOBODYS = frozenset(
    [
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "managedFields",
        "selfLink",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generateName",
    ]
)


def fields_of(obj: Object, kind: Kind) -> set[Path]:
    """The paths of all that `obj` states."""
    stated = {key: value for key, value in obj.items() if key not in {"apiVersion", "kind"}}
    meta = {key: value for key, value in (obj.get("metadata") or {}).items() if key not in _NOBODYS}
    stated["metadata"] = meta
    return {path for path in _walk(stated, (), (), kind) if path != ("f:metadata",)}


def _walk(value: Any, path: Path, names: tuple[str, ...], kind: Kind) -> Iterator[Path]:
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from _walk(part, (*path, f"f:{key}"), (*names, key), kind)
    elif isinstance(value, list) and names and (keys := _keys(names, kind)):
        for item in value:
            step = _key_step(item, keys)
            yield (*path, step, ".")
            yield from _walk(item, (*path, step), names, kind)
    elif isinstance(value, list) and names and is_set(names):
        for item in value:
            yield (*path, "v:" + json.dumps(item))
    elif path:
        yield path


def _keys(names: tuple[str, ...], kind: Kind) -> tuple[str, ...] | None:
    if kind.is_custom and names[0] != "metadata":
        return None
    return list_keys(names)


def _key_step(item: Any, keys: tuple[str, ...]) -> str:
    named = dict(zip(keys, item_key(item, keys), strict=True))
    return "k:" + json.dumps(
        {key: value for key, value in named.items() if value is not None},
        sort_keys=True,
        separators=(",", ":"),
    )


def value_at(obj: Any, path: Path) -> Any:
    """What stands at `path`; `_ABSENT` where nothing does."""
    for step in path:
        if step == ".":
            return True
        if step.startswith("f:"):
            if not isinstance(obj, dict) or step[2:] not in obj:
                return _ABSENT
            obj = obj[step[2:]]
        elif step.startswith("v:"):
            return True if isinstance(obj, list) and json.loads(step[2:]) in obj else _ABSENT
        else:
            obj = _item(obj, step)
            if obj is None:
                return _ABSENT
    return obj


_ABSENT = object()


def _item(items: Any, step: str) -> Any:
    wanted = json.loads(step[2:])
    for item in items if isinstance(items, list) else []:
        if all(item.get(key, KEY_DEFAULTS.get(key)) == value for key, value in wanted.items()):
            return item
    return None


def apply(
    live: Object | None, config: Object, kind: Kind, *, manager: str, force: bool, now: datetime
) -> Object:
    """The object after `manager` applied `config` to `live`.

    Raises:
        Refusal: 409 with one cause for each field that someone else owns and that would change.
    """
    if config.get("metadata", {}).get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    wanted = fields_of(config, kind)
    if live is None:
        made: Object = copy_of(config)
        made["metadata"]["managedFields"] = [_entry(manager, "Apply", made, wanted, now)]
        return made
    owners = _owners(live)
    mine = owners.get((manager, "Apply", ""), set())
    taken = _conflicts(live, config, wanted, owners, manager)
    if taken and not force:
        raise _refused(taken, kind, config["metadata"]["name"])
    merged: Object = _merge(live, config, (), kind)
    others: set[Path] = set().union(*(held for key, held in owners.items() if key != (manager, "Apply", "")))
    for path in sorted(mine - wanted - others, key=len, reverse=True):
        _drop(merged, path, others | wanted)
    for key, held in owners.items():
        if key != (manager, "Apply", ""):
            held -= {path for path, _ in taken}
    owners[manager, "Apply", ""] = wanted
    _write(merged, live, owners, now)
    return merged


def track(
    before: Object | None, after: Object, kind: Kind, *, manager: str, subresource: str, now: datetime
) -> Object:
    """`after`, with every field that this write changed now owned by `manager`."""
    new = fields_of(after, kind)
    if before is None:
        after["metadata"]["managedFields"] = [_entry(manager, "Update", after, new, now, subresource)]
        return after
    old = fields_of(before, kind)
    changed = {path for path in new if path not in old or value_at(before, path) != value_at(after, path)}
    if not changed and new == old:
        after["metadata"]["managedFields"] = before["metadata"].get("managedFields", [])
        return after
    owners = {key: (held & new) - changed for key, held in _owners(before).items()}
    owners.setdefault((manager, "Update", subresource), set()).update(changed)
    _write(after, before, owners, now)
    return after


def _conflicts(
    live: Object,
    config: Object,
    wanted: set[Path],
    owners: dict[tuple[str, str, str], set[Path]],
    manager: str,
) -> list[tuple[Path, str]]:
    found = []
    for path in sorted(wanted):
        if value_at(live, path) == value_at(config, path):
            continue
        for (name, operation, _), held in owners.items():
            if path in held and (name, operation) != (manager, "Apply"):
                found.append((path, name))
    return found


def _refused(taken: list[tuple[Path, str]], kind: Kind, name: str) -> Refusal:
    causes = [
        {"reason": "FieldManagerConflict", "message": f'conflict with "{owner}"', "field": _readable(path)}
        for path, owner in taken
    ]
    count = f"{len(causes)} conflict" + ("s" if len(causes) > 1 else "")
    told = "; ".join(f"{cause['message']}: {cause['field']}" for cause in causes)
    return conflict(kind.plural, name, f"Apply failed with {count}: {told}", causes)


def _readable(path: Path) -> str:
    text = ""
    for step in path:
        text += "." + step[2:] if step.startswith("f:") else f"[{step[2:]}]" if step != "." else ""
    return text


def _merge(live: Any, config: Any, names: tuple[str, ...], kind: Kind) -> Any:
    if isinstance(config, dict) and isinstance(live, dict):
        merged = copy_of(live)
        for key, value in config.items():
            merged[key] = _merge(live.get(key), value, (*names, key), kind)
        return merged
    if isinstance(config, list) and isinstance(live, list) and names:
        if keys := _keys(names, kind):
            return _merge_items(live, config, keys, names, kind)
        if is_set(names):
            return [*live, *(item for item in config if item not in live)]
    return copy_of(config)


def _merge_items(
    live: list[Any], config: list[Any], keys: tuple[str, ...], names: tuple[str, ...], kind: Kind
) -> list[Any]:
    merged = copy_of(live)
    for item in config:
        at = next((i for i, one in enumerate(merged) if item_key(one, keys) == item_key(item, keys)), None)
        if at is None:
            merged.append(copy_of(item))
        else:
            merged[at] = _merge(merged[at], item, names, kind)
    return list(merged)


def _drop(obj: Object, path: Path, kept: set[Path]) -> None:
    """Take the value at `path` out, and every map that this leaves empty."""
    if path[-1] == ".":
        path = path[:-1]
        if any(other[: len(path)] == path for other in kept):
            return
    parents: list[tuple[Any, str]] = []
    at: Any = obj
    for step in path[:-1]:
        parents.append((at, step))
        at = at.get(step[2:]) if step.startswith("f:") and isinstance(at, dict) else _item(at, step)
        if at is None:
            return
    _take(at, path[-1])
    while parents and at in ({}, []):
        at, step = parents.pop()
        if step in {"f:metadata", "f:spec"}:
            return
        _take(at, step)


def _take(container: Any, step: str) -> None:
    if step.startswith("f:") and isinstance(container, dict):
        container.pop(step[2:], None)
    elif step.startswith("v:") and isinstance(container, list):
        value = json.loads(step[2:])
        if value in container:
            container.remove(value)
    elif isinstance(container, list) and (item := _item(container, step)) is not None:
        container.remove(item)


def _owners(obj: Object) -> dict[tuple[str, str, str], set[Path]]:
    return {
        (entry["manager"], entry["operation"], entry.get("subresource", "")): set(
            _read(entry.get("fieldsV1") or {}, ())
        )
        for entry in obj["metadata"].get("managedFields") or []
    }


def _read(tree: Object, path: Path) -> Iterator[Path]:
    for step, part in tree.items():
        if step == "." or not part:
            yield (*path, step)
        else:
            yield from _read(part, (*path, step))


def _entry(
    manager: str, operation: str, obj: Object, held: set[Path], now: datetime, subresource: str = ""
) -> Object:
    tree: Object = {}
    for path in sorted(held):
        at = tree
        for step in path:
            at = at.setdefault(step, {})
    entry = {
        "manager": manager,
        "operation": operation,
        "apiVersion": obj["apiVersion"],
        "time": stamp(now),
        "fieldsType": "FieldsV1",
        "fieldsV1": tree,
    }
    return {**entry, "subresource": subresource} if subresource else entry


def _write(obj: Object, before: Object, owners: dict[tuple[str, str, str], set[Path]], now: datetime) -> None:
    """Note the owners; an entry whose fields are what they were keeps its time."""
    previous = {
        (entry["manager"], entry["operation"], entry.get("subresource", "")): entry
        for entry in before["metadata"].get("managedFields") or []
    }
    entries = []
    for (manager, operation, subresource), held in owners.items():
        if not held:
            continue
        entry = _entry(manager, operation, obj, held, now, subresource)
        old = previous.get((manager, operation, subresource))
        entries.append(old if old and old.get("fieldsV1") == entry["fieldsV1"] else entry)
    obj["metadata"]["managedFields"] = entries
