"""Kubernetes objects as this simulation holds them: plain JSON, never changed in place.

The store hands out its own objects without copying, because controllers read far more than they write. Who
wants to change one takes a `copy_of` it. The small readers here keep `["metadata"]["labels"]` chains and
their missing keys out of every other module.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

# JSON as it came over the wire: its shape is the API's, not ours.
Object = dict[str, Any]

# The letters of generated names: no vowels and nothing that is read as another letter.
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def copy_of(value: Any) -> Any:
    """A deep copy of JSON; several times faster than copy.deepcopy, which guards against cycles."""
    if isinstance(value, dict):
        return {key: copy_of(part) for key, part in value.items()}
    if isinstance(value, list):
        return [copy_of(part) for part in value]
    return value


def without_nulls(value: Any) -> Any:
    """A copy without the keys that are null: to the API server they are the same as absent ones."""
    if isinstance(value, dict):
        return {key: without_nulls(part) for key, part in value.items() if part is not None}
    if isinstance(value, list):
        return [without_nulls(part) for part in value]
    return value


def name_of(obj: Object) -> str:
    return str(obj["metadata"].get("name", ""))


def namespace_of(obj: Object) -> str:
    return str(obj["metadata"].get("namespace", ""))


def uid_of(obj: Object) -> str:
    return str(obj["metadata"].get("uid", ""))


def labels_of(obj: Object) -> dict[str, str]:
    return obj["metadata"].get("labels") or {}


def annotations_of(obj: Object) -> dict[str, str]:
    return obj["metadata"].get("annotations") or {}


def is_terminating(obj: Object) -> bool:
    return "deletionTimestamp" in obj["metadata"]


def dig(obj: Any, *path: str, default: Any = None) -> Any:
    """The value under `path`, or `default` where any part of the way is missing or null."""
    for key in path:
        if not isinstance(obj, dict) or obj.get(key) is None:
            return default
        obj = obj[key]
    return obj


def digest(value: Any, length: int = 10) -> str:
    """A short name for a piece of JSON, the same in every process."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")
    letters = []
    for _ in range(length):
        number, index = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[index])
    return "".join(letters)


def stamp(at: datetime) -> str:
    """A time as Kubernetes writes it: UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def controller_of(obj: Object) -> Object | None:
    """The owner reference of the controller that made `obj`."""
    for owner in obj["metadata"].get("ownerReferences") or []:
        if owner.get("controller"):
            return owner  # type: ignore[no-any-return]
    return None


def owner_reference(owner: Object) -> Object:
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": name_of(owner),
        "uid": uid_of(owner),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def condition_of(obj: Object, kind: str) -> Object | None:
    conditions: list[Object] = dig(obj, "status", "conditions", default=[])
    return next((one for one in conditions if one.get("type") == kind), None)


def is_true(obj: Object, kind: str) -> bool:
    condition = condition_of(obj, kind)
    return condition is not None and condition.get("status") == "True"


def quantity(text: Any) -> float:
    """The number that a Kubernetes quantity such as `256Mi` or `100m` stands for.

    Raises:
        ValueError: it is no quantity.
    """
    written = str(text)
    for suffix, factor in _SUFFIXES.items():
        if written.endswith(suffix):
            return float(written[: -len(suffix)]) * factor
    return float(written)


_SUFFIXES: Mapping[str, float] = {
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40,
    "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
}  # fmt: skip


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every scalar, list and empty map below `value`, with the keys that lead there."""
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from leaves(part, (*path, key))
    else:
        yield path, value
