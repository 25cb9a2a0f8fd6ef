"""The three patch types: JSON patch, merge patch and strategic merge patch.

Each takes an object and a patch and returns a new object. A strategic merge patch knows which lists are
merged by a key (containers by name); `LIST_KEYS` says so, and server-side apply reads the same table.
"""

from typing import Any

from bot.sim.cluster.objects import Object, copy_of
from bot.sim.cluster.refusals import Refusal, bad_request

# Lists whose items have an identity: field name → the keys that name an item. Everything else is one value.
_BY_FIELD: dict[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "imagePullSecrets": ("name",),
    "secrets": ("name",),
    "conditions": ("type",),
    "ownerReferences": ("uid",),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey",),
}
_SETS = frozenset({"finalizers"})  # lists of plain values that are joined


def list_keys(path: tuple[str, ...]) -> tuple[str, ...] | None:
    """What names an item of the list at `path` (field names from the root), if anything does."""
    if path[-1] == "ports":
        return ("containerPort", "protocol") if "containers" in path else ("port", "protocol")
    return _BY_FIELD.get(path[-1])


def is_set(path: tuple[str, ...]) -> bool:
    return path[-1] in _SETS


# What the API server fills in where an item leaves its key out.
KEY_DEFAULTS = {"protocol": "TCP"}


def item_key(item: Any, keys: tuple[str, ...]) -> tuple[Any, ...]:
    if not isinstance(item, dict):
        raise bad_request(f"an item of a list merged by {', '.join(keys)} must be a map")
    return tuple(item.get(key, KEY_DEFAULTS.get(key)) for key in keys)


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7386: maps are merged, null removes, everything else replaces."""
    if not isinstance(patch, dict):
        return copy_of(patch)
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def json_patch(target: Object, operations: Any) -> Object:
    """RFC 6902.

    Raises:
        Refusal: 400 for a patch that is none, 422 for a path that is not there or a failed test.
    """
    if not isinstance(operations, list):
        raise bad_request("a JSON patch is a list of operations")
    document: Any = {"": copy_of(target)}
    for operation in operations:
        try:
            _operate(document, operation)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            message = f"the server rejected our request due to an error in our request: {operation}: {error}"
            raise Refusal(422, "Invalid", message) from error
    changed = document[""]
    if not isinstance(changed, dict):
        raise bad_request("a JSON patch may not replace the object by something else")
    return changed


def _operate(document: Any, operation: Object) -> None:
    path, kind = operation["path"], operation["op"]
    if kind in {"move", "copy"}:
        value = copy_of(_at(document, operation["from"]))
        if kind == "move":
            _take(document, operation["from"])
        _add(document, path, value)
    elif kind == "add":
        _add(document, path, copy_of(operation["value"]))
    elif kind == "replace":
        _at(document, path)
        parent, last = _parent(document, path)
        parent[_index(parent, last)] = copy_of(operation["value"])
    elif kind == "remove":
        _take(document, path)
    elif kind == "test":
        if _at(document, path) != operation["value"]:
            raise ValueError(f"testing value {path} failed")
    else:
        raise ValueError(f"unknown operation {kind!r}")


def _parts(path: str) -> list[str]:
    if path and not path.startswith("/"):
        raise ValueError(f"{path!r} is no JSON pointer")
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")]


def _index(parent: Any, key: str) -> Any:
    if not isinstance(parent, list):
        return key
    if not key.isdigit():
        raise ValueError(f"{key!r} is no index")
    return int(key)


def _at(document: Any, path: str) -> Any:
    for part in _parts(path):
        document = document[_index(document, part)]
    return document


def _parent(document: Any, path: str) -> tuple[Any, str]:
    head, _, _ = path.rpartition("/")
    parts = _parts(path)
    return (_at(document, head) if len(parts) > 1 else document), parts[-1]


def _take(document: Any, path: str) -> None:
    parent, last = _parent(document, path)
    del parent[_index(parent, last)]


def _add(document: Any, path: str, value: Any) -> None:
    parent, last = _parent(document, path)
    if isinstance(parent, list):
        at = len(parent) if last == "-" else _index(parent, last)
        if at > len(parent):
            raise IndexError(f"{path} is beyond the end of the list")
        parent.insert(at, value)
    elif isinstance(parent, dict):
        parent[last] = value
    else:
        raise TypeError(f"{path} leads into a plain value")


_RETAIN, _DIRECTIVE = "$retainKeys", "$patch"
_ORDER, _DELETE_FROM = "$setElementOrder/", "$deleteFromPrimitiveList/"


def strategic_merge(target: Object, patch: Any) -> Object:
    """Kubernetes' own merge: lists with a key are merged item by item; `$patch` directives are obeyed."""
    if not isinstance(patch, dict):
        raise bad_request("a strategic merge patch is a map")
    merged: Object = _merge_maps(target, patch, ())
    return merged


def _merge_maps(target: Object, patch: Object, path: tuple[str, ...]) -> Object:
    if patch.get(_DIRECTIVE) == "replace":
        replaced: Object = _without_directives(patch)
        return replaced
    merged = dict(target)
    if _RETAIN in patch:
        merged = {key: value for key, value in merged.items() if key in patch[_RETAIN]}
    for key, value in patch.items():
        if key.startswith(_DELETE_FROM):
            field = key.removeprefix(_DELETE_FROM)
            merged[field] = [one for one in merged.get(field, []) if one not in value]
        elif key.startswith("$"):
            continue
        elif value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merge_value(merged.get(key), value, (*path, key))
            order = patch.get(_ORDER + key)
            if order and isinstance(merged[key], list):
                merged[key] = _ordered(merged[key], order, list_keys((*path, key)))
    return merged


def _merge_value(present: Any, value: Any, path: tuple[str, ...]) -> Any:
    if isinstance(value, dict):
        if value.get(_DIRECTIVE) == "delete":
            return {}
        return _merge_maps(present if isinstance(present, dict) else {}, value, path)
    if isinstance(value, list):
        keys = list_keys(path)
        if keys is not None:
            return _merge_lists(present or [], value, keys[:1], path)
        if is_set(path):
            return [*(present or []), *(one for one in value if one not in (present or []))]
    return copy_of(value)


def _merge_lists(
    present: list[Any], patch: list[Any], keys: tuple[str, ...], path: tuple[str, ...]
) -> list[Any]:
    if any(isinstance(item, dict) and item.get(_DIRECTIVE) == "replace" for item in patch):
        return [_without_directives(item) for item in patch if item.get(_DIRECTIVE) != "replace"]
    merged = list(present)
    for item in patch:
        key = item_key(item, keys)
        if key[0] is None:
            raise bad_request(f"map: {item} does not contain declared merge key: {keys[0]}")
        at = next((i for i, one in enumerate(merged) if item_key(one, keys) == key), None)
        if item.get(_DIRECTIVE) == "delete":
            if at is not None:
                del merged[at]
        elif at is None:
            merged.append(_merge_maps({}, item, path))
        else:
            merged[at] = _merge_maps(merged[at], item, path)
    return merged


def _ordered(items: list[Any], order: list[Any], keys: tuple[str, ...] | None) -> list[Any]:
    """Items named by `$setElementOrder` stand in that order; others follow as they were."""
    if keys is None:
        wanted = [one for one in order if one in items]
        return [*wanted, *(one for one in items if one not in wanted)]
    places = {item_key(one, keys[:1]): place for place, one in enumerate(order)}
    return sorted(items, key=lambda one: places.get(item_key(one, keys[:1]), len(places)))


def _without_directives(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_directives(part) for key, part in value.items() if not key.startswith("$")}
    if isinstance(value, list):
        return [_without_directives(part) for part in value]
    return value
