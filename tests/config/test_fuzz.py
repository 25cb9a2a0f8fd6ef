"""Whatever stands in the file, the answer is settings or a ConfigError: never another exception."""

import json
from copy import deepcopy
from pathlib import Path

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.config import ConfigErrors, Settings, loads

EXAMPLE = Path(__file__).with_name("example.yaml").read_text()

_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(
        ["5m", "0.1%", "2x baseline", "canary", "@oncall", "kubernetes", "2026-11-23T09:00", "9" * 30]
    )
)
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


def answer(text: str | bytes) -> Settings | ConfigErrors:
    try:
        return loads(text, folder=Path("/srv"), name="team.yaml")
    except ConfigErrors as error:
        refused = error
    assert refused.problems
    assert all(problem.where.startswith("team.yaml:") for problem in refused.problems)
    assert str(refused).encode()
    return refused


def paths(value: object, here: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every path in the example, sections and single values alike."""
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [here, *(path for key, inner in entries for path in paths(inner, (*here, key)))]


_LOADED = yaml.safe_load(EXAMPLE)
_PATHS = paths(_LOADED)[1:]


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_answered(raw):
    answer(raw)


@settings(deadline=None)
@given(st.text(alphabet="ab01 :-[]{}#&*!|>'\"%@`\n\t,?<~\\xu", max_size=80))
def test_any_text_in_yaml_s_characters_is_answered(text):
    answer(text)


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(_PATHS), _values)
def test_any_value_at_any_place_of_the_example_is_answered(path, value):
    document = deepcopy(_LOADED)
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value

    answer(json.dumps(document))


@settings(deadline=None)
@given(st.integers(0, len(EXAMPLE)), st.integers(0, 40), st.text(max_size=8))
def test_any_slip_in_the_example_is_answered(at, removed, inserted):
    answer((EXAMPLE[:at] + inserted + EXAMPLE[at + removed :]).encode("utf-8", "replace"))


@settings(deadline=None)
@given(st.sampled_from(_PATHS))
def test_leaving_any_key_out_is_settings_or_a_key_that_is_needed(path):
    document = deepcopy(_LOADED)
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]

    found = answer(json.dumps(document))

    if isinstance(found, ConfigErrors):
        words = (
            "is needed",
            "no step before saves",
            "at least 1",
            "rise and end at 100",
            "says nothing to do",
            "not declared",
            "give",
        )
        assert any(word in found.remedy for word in words), str(found)
