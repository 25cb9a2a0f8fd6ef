"""What comes from outside and is read by a pure function: each answers, or refuses in its own words."""

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import yaml
from hypothesis import strategies as st

from bot.config import ConfigErrors
from bot.domain.actions import Side
from bot.domain.errors import (
    IllegalTransition,
    NotFound,
    NotUnderstood,
    OutsideError,
    UnknownEvent,
    Unreachable,
    Unreadable,
)
from bot.domain.folding import begin, fold
from bot.domain.traffic import ByHTTPRoute, ByIngress, ByVirtualService
from bot.gates.readers.cobertura import read_cobertura
from bot.gates.readers.diff import read_diff
from bot.gates.readers.junit import read_junit
from bot.gates.readers.ruff import read_ruff
from bot.gates.review import lines, python
from bot.platforms.kubernetes import shapes, status
from bot.platforms.kubernetes.gateway_routes import HTTPRules
from bot.platforms.kubernetes.istio_routes import Routes
from bot.platforms.kubernetes.marks import mark_of, revision_of
from bot.platforms.kubernetes.nginx_routes import CanaryIngress, check_beside
from bot.sources import answers
from bot.views.items import Setting
from bot.views.messages import messages
from handlers.grammar import parse
from storage.rows import entry_from_row, interrupt_from_row
from tests.config.test_fuzz import EXAMPLE, answer
from tests.fuzz import samples
from tests.fuzz.shapes import mangled, mutated
from tests.fuzz.targets import Target
from tests.support.builders import a_target

# Columns of an interrupt whose own type lets nothing else through.
_TYPED = ("id", "at", "first_seen")
_TREE = Path("/srv/tree")


def _read_settings(text: str | bytes) -> None:
    answer(text)


def _read_command(text: bytes) -> None:
    parse(text.decode(errors="replace"), ("checkout", "search"))


def _read_diff(text: str) -> None:
    for changed in read_diff(text):
        file = changed.with_(text="\n".join(line for _, line in changed.added))
        for rule in (lines.todos, lines.review, lines.tokens, python.review):
            rule(file)


def _read_ruff(text: str) -> None:
    read_ruff(text, _TREE)


def _read_figures(content: bytes) -> None:
    answers.check(content)
    result = json.loads(content)["data"].get("result")
    answers.read_figure(result)
    answers.read_histogram(result)


def _read_deployment(told: tuple[Any, Any, Any]) -> None:
    deployment, pods, events = told
    status.workload(shapes.deployment(deployment), shapes.pods(pods), shapes.events(events), "checkout")


def _read_routes(told: Any) -> None:
    service = shapes.virtual_service(told)
    target = a_target()
    assert isinstance(target.traffic, ByVirtualService)
    _read_split(service, Routes(service, target, target.traffic))


def _read_rules(told: Any) -> None:
    route = shapes.http_route(told)
    _read_split(route, HTTPRules(route, a_target(), ByHTTPRoute(route="checkout")))


def _read_ingresses(told: tuple[Any, Any]) -> None:
    own, ingress = (shapes.ingress(one) for one in told)
    target = a_target()
    traffic = ByIngress(ingress="checkout", canary_ingress="checkout-canary")
    _read_split(ingress, CanaryIngress(ingress, target, traffic))
    check_beside(own, ingress, target, traffic)


def _read_split(found: Any, routes: Routes | HTTPRules | CanaryIngress) -> None:
    routes.split()
    routes.weight_operations(25)
    routes.header_operations(Side.CANARY)
    revision_of(found)
    mark_of(found)


def _read_journal(told: list[Any]) -> None:
    """Folded as far as it goes, and told to people."""
    run = None
    for row in told:
        if not isinstance(row, dict):
            raise UnknownEvent("no row of the table")
        evidence, person = row.get("evidence"), row.get("person")
        entry = entry_from_row(
            cast(
                "Any",
                SimpleNamespace(
                    **_columns(row),
                    evidence=evidence if isinstance(evidence, str) else json.dumps(evidence),
                    person=person if isinstance(person, str | None) else json.dumps(person),
                ),
            )
        )
        run = begin(entry) if run is None else fold(run, entry)
    if run is not None:
        messages(run, Setting())


def _columns(row: dict[str, Any]) -> dict[str, Any]:
    """What the columns' own types let through: numbers, texts and times."""
    try:
        return {
            "seq": int(row["seq"]),
            "at": datetime.fromisoformat(row["at"]),
            "run": str(row["run"]),
            "step": None if row["step"] is None else str(row["step"]),
            "attempt": int(row["attempt"]),
            "kind": str(row["kind"]),
            "lease": None if row["lease"] is None else int(row["lease"]),
        }
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UnknownEvent("the table's columns do not hold this") from error


def _read_interrupt(told: dict[str, Any]) -> None:
    texts = {key: value for key, value in told.items() if isinstance(value, str) and key not in _TYPED}
    row = {**samples.INTERRUPTS[0], **texts}
    interrupt_from_row(cast("Any", SimpleNamespace(**row)))


def _texts(sample: tuple[Any, ...]) -> st.SearchStrategy[bytes]:
    """JSON that says something else, and JSON that is none any more."""
    written = tuple(json.dumps(tree).encode() for tree in sample)
    return mutated(sample).map(lambda tree: json.dumps(tree).encode()) | mangled(written)


def _as_text(content: bytes) -> str:
    return content.decode(errors="replace")


_SETTINGS = mangled((EXAMPLE.encode(),)) | mutated((yaml.safe_load(EXAMPLE),)).map(json.dumps)

PARSERS = (
    Target("settings", "YAML", _SETTINGS, _read_settings, (ConfigErrors,)),
    Target("commands", "Slack", mangled(samples.COMMANDS), _read_command, (NotUnderstood,)),
    Target("journals", "rows", mutated(samples.JOURNALS), _read_journal, (UnknownEvent, IllegalTransition)),
    Target("interrupts", "rows", mutated(samples.INTERRUPTS), _read_interrupt, (UnknownEvent,)),
    Target("JUnit", "tools", mangled(samples.JUNIT), read_junit, (Unreadable,)),
    Target("Cobertura", "tools", mangled(samples.COBERTURA), read_cobertura, (Unreadable,)),
    Target("diffs", "tools", mangled(samples.DIFFS).map(_as_text), _read_diff, (Unreadable,)),
    Target(
        "ruff",
        "tools",
        _texts(samples.RUFF).map(_as_text),
        _read_ruff,
        (Unreadable,),
    ),
    Target("figures", "Prometheus", _texts(samples.PROMETHEUS), _read_figures, (Unreadable, Unreachable)),
    Target(
        "workloads",
        "Kubernetes",
        st.tuples(mutated(samples.DEPLOYMENTS), mutated(samples.PODS), mutated(samples.EVENTS)),
        _read_deployment,
        (OutsideError,),
    ),
    Target("routes", "Kubernetes", mutated(samples.VIRTUAL_SERVICES), _read_routes, (Unreadable, NotFound)),
    Target(
        "ingresses",
        "Kubernetes",
        st.tuples(mutated(samples.OWN_INGRESSES), mutated(samples.CANARY_INGRESSES)),
        _read_ingresses,
        (Unreadable, NotFound),
    ),
    Target("rules", "Kubernetes", mutated(samples.HTTP_ROUTES), _read_rules, (Unreadable, NotFound)),
)

_WHOLE: dict[str, Iterable[Any]] = {
    "settings": (EXAMPLE,),
    "commands": samples.COMMANDS[:3],
    "journals": samples.JOURNALS,
    "interrupts": samples.INTERRUPTS,
    "JUnit": samples.JUNIT,
    "Cobertura": samples.COBERTURA,
    "diffs": map(_as_text, samples.DIFFS),
    "ruff": map(json.dumps, samples.RUFF),
    "figures": (json.dumps(answer).encode() for answer in samples.PROMETHEUS[:2]),
    "workloads": ((samples.DEPLOYMENTS[0], samples.PODS[0], samples.EVENTS[0]),),
    "routes": samples.VIRTUAL_SERVICES,
    "rules": samples.HTTP_ROUTES,
    "ingresses": zip(samples.OWN_INGRESSES, samples.CANARY_INGRESSES, strict=True),
}
# What the mutations start from is none of what they have to find: it is read.
UNHARMED = tuple((target, case) for target in PARSERS for case in _WHOLE[target.name])
