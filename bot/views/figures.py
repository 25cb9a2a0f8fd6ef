"""A verdict's figures: as one line, and as a table."""

from bot.domain.verdict import Check, Verdict, VerdictKind
from bot.views import blocks
from bot.views.items import Block
from bot.views.text import change, count, escaped, figure, points

_NAMES = {
    "errors": "Errors",
    "p50": "p50",
    "p95": "p95",
    "p99": "p99",
    "memory": "Memory",
    "cpu": "CPU",
    "throughput": "Throughput",
    "conversion": "Conversion",
}
# What follows from the weight alone; a difference would say nothing of the version.
_BY_WEIGHT = frozenset({"throughput", "cpu"})
_MARK = {
    VerdictKind.HEALTHY: "✓ healthy",
    VerdictKind.WORSE: "✗ worse",
    VerdictKind.INCONCLUSIVE: "? inconclusive",
    VerdictKind.NO_DATA: "∅ no data",
}


def verdict_word(verdict: Verdict) -> str:
    """The verdict with its mark; never a mark alone."""
    return _MARK[verdict.kind]


def health_line(verdict: Verdict) -> str:
    """Errors and p95 against stable, how much was seen, the verdict; and why it is none, where it is none."""
    by_name = {check.name: check for check in verdict.checks}
    parts = [
        f"{label} {figure(check.canary, check.unit)} (stable {figure(check.stable, check.unit)})"
        for name, label in (("errors", "errors"), ("p95", "p95"))
        if (check := by_name.get(name)) is not None
    ]
    parts.append(f"{count(verdict.canary_requests)} requests seen")
    parts.append(f"*{verdict_word(verdict)}*")
    line = " · ".join(parts)
    is_plain = verdict.kind in {VerdictKind.HEALTHY, VerdictKind.WORSE}
    return line if is_plain else f"{line}: {escaped(verdict.sentence, 400)}"


def comparison(verdict: Verdict) -> list[str]:
    """The figures that an approval rests on, the new version's against stable's."""
    parts = []
    for check in verdict.checks:
        if check.name not in {"errors", "p95", "conversion"} or check.canary is None:
            continue
        label = _name(check).lower() if check.name != "p95" else "p95"
        text = f"{label} {figure(check.canary, check.unit)}"
        if check.stable is not None:
            text += f" against {figure(check.stable, check.unit)}"
        if check.name == "errors" and check.low is not None and check.high is not None:
            shift = points(check.change or 0.0)
            text += f" ({shift} points, 95 % interval {points(check.low)} to {points(check.high)})"
        parts.append(text)
    return parts


def figures_table(verdict: Verdict, canary: str, stable: str) -> Block:
    """Every figure: new, stable, change. Narrow, so that a phone shows all four columns."""
    rows = [
        (
            f"{_name(check)}, cores" if check.unit == "cores" else _name(check),
            _cell(check.canary, check.unit),
            _cell(check.stable, check.unit),
            "–" if check.name in _BY_WEIGHT else change(check.change, check.unit).removesuffix(" points"),
        )
        for check in verdict.checks
    ]
    return blocks.table(("figure", canary, stable, "change"), rows)


def _cell(value: float | None, unit: str) -> str:
    """As short as a phone needs it: the row names the longest unit."""
    return figure(value, unit).removesuffix(" cores")


def in_words(verdict: Verdict, canary: str, stable: str) -> str:
    """The table as text, for phones, screen readers and a picture's description."""
    parts = [
        f"{_name(check)}: {figure(check.canary, check.unit)} on {canary}, "
        f"{figure(check.stable, check.unit)} on {stable}"
        for check in verdict.checks
        if check.canary is not None or check.stable is not None
    ]
    return "; ".join(parts)


def _name(check: Check) -> str:
    name = check.name.removeprefix("business.")
    return _NAMES.get(name, escaped(name, 40).capitalize())
