"""Which faults there are, by the tests that show them; filled when the tests' modules are loaded."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

import tests.faults

_Test = TypeVar("_Test", bound=Callable[..., Any])


class Edge(StrEnum):
    """Where the bot meets the outside, in the order of the table."""

    SLACK = "Slack"
    KUBERNETES = "Kubernetes"
    PROMETHEUS = "Prometheus"
    DATABASE = "database"
    CLOCK = "clock"


@dataclass(frozen=True)
class Fault:
    """One row of the table, as far as it is known before the test has run."""

    edge: Edge
    what: str
    module: str
    test: str

    @property
    def sentence(self) -> str:
        """The test's name, as it is meant to be read."""
        return self.test.removeprefix("test_").replace("_", " ")


_REGISTERED: dict[tuple[str, str], Fault] = {}


def fault(edge: Edge, what: str) -> Callable[[_Test], _Test]:
    """Marks the test that shows this fault; a test of several cases is still one row."""

    def mark(test: _Test) -> _Test:
        module = test.__module__.rpartition(".")[2]
        _REGISTERED[module, test.__name__] = Fault(edge, what, module, test.__name__)
        return test

    return mark


def faults() -> tuple[Fault, ...]:
    """All of them, by edge and in the order in which the tests stand in their files."""
    for found in pkgutil.iter_modules(tests.faults.__path__, "tests.faults."):
        if found.name.rpartition(".")[2].startswith("test_"):
            importlib.import_module(found.name)
    edges = list(Edge)
    return tuple(sorted(_REGISTERED.values(), key=lambda one: edges.index(one.edge)))
