"""What becomes of well-formed input in hostile hands: trees with other values, texts with other bytes."""

import copy
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

# What parsers stumble over: signs that are digits to Python and to nobody else, numbers without an end or
# without a number, texts that other parsers would run, and the wrong kind of everything.
_TEXTS = (
    *("", " ", "\x00", "\ud800", "²", "٣", "-0", "1e999", "NaN", "9" * 400, "0x10", "null", "true", "%00"),
    *(
        "<!channel>",
        "<@U0>",
        "${x}",
        "{{x}}",
        "$(id)",
        "`id`",
        "; id",
        "../../etc/passwd",
        "|",
        "&amp;",
        "\u202e",
    ),
    *("q:", "r:", "r:checkout-1", "q:q1", "v2.5.0", "2026-11-26T09:00:00+00:00", "0001-01-01T00:00:00+00:00"),
    "x" * 5_000,
)
# Much harm is found out at once; a little goes further in.
_TIMES = st.sampled_from((0, 1, 1, 1, 2, 2, 3, 5))
_values: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(_TEXTS),
    st.sampled_from((None, True, False, [], {}, [[]], [{}], {"": None}, [None])),
    st.sampled_from((0, -1, 1, 2**31, 2**63, -(2**63), 10**400, 0.5, -0.0)),
    st.floats(),
    st.text(max_size=20),
    st.recursive(st.none() | st.text(max_size=4), lambda inner: st.lists(inner, max_size=3), max_leaves=5),
)


@st.composite
def mutated(draw: st.DrawFn, samples: tuple[Any, ...]) -> Any:
    """One of the samples, trees as JSON has them, with some values replaced, gone, twice or nested."""
    tree = copy.deepcopy(draw(st.sampled_from(samples)))
    for _ in range(draw(_TIMES)):
        paths = _paths(tree)[1:]
        if not paths:
            break
        *inside, last = draw(st.sampled_from(paths))
        holder = tree
        for key in inside:
            holder = holder[key]
        draw(_change_of(holder, last))()
    return tree


@st.composite
def mangled(draw: st.DrawFn, samples: tuple[bytes, ...]) -> bytes:
    """One of the samples, cut, spliced, with other bytes in it; now and then nothing but noise."""
    content = draw(st.sampled_from(samples))
    for _ in range(draw(_TIMES)):
        at = draw(st.integers(0, len(content)))
        other = draw(st.sampled_from(samples))
        content = draw(
            st.sampled_from(
                (
                    content[:at],
                    content[at:],
                    content[:at] + draw(st.binary(max_size=8)) + content[at + 1 :],
                    content[:at] + draw(st.sampled_from(_TEXTS)).encode(errors="replace") + content[at:],
                    content[:at] + other[at:],
                    content[: at + 1] + content[at:],
                )
            )
        )
    return content if draw(st.integers(0, 30)) else draw(st.binary(max_size=200))


def _change_of(holder: Any, key: Any) -> st.SearchStrategy[Callable[[], None]]:
    def put(value: Any) -> Callable[[], None]:
        # A copy: what is put in may be changed by the next mutation.
        return lambda: holder.__setitem__(key, copy.deepcopy(value))

    changes = [_values.map(put), st.just(lambda: holder.__delitem__(key)), st.just(put([holder[key]]))]
    changes.append(st.just(put({"value": holder[key]})))
    if isinstance(holder, list):
        changes.append(st.just(lambda: holder.insert(key, copy.deepcopy(holder[key]))))
    else:
        changes.append(st.text(max_size=8).map(lambda name: lambda: holder.__setitem__(name, holder[key])))
    if isinstance(holder[key], str):
        changes += [st.sampled_from(_TEXTS).map(put)] * 4
    elif isinstance(holder[key], int):
        changes += [st.integers(-1, 101).map(put), st.integers().map(put)] * 2
    return st.one_of(changes)


def _paths(tree: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [here, *(path for key, value in inner for path in _paths(value, (*here, key)))]
