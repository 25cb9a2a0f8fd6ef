"""A gate's result as a Markdown page. Pure; whatever came from outside is escaped."""

import re

from bot.domain.gates import Finding, GateResult
from bot.gates.release import Release

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+!|~&-])")
# Line breaks, what moves a terminal's cursor, and what turns the direction.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]+")


def markdown(title: str, release: Release, result: GateResult) -> str:
    """The whole page."""
    since = f", running: {release.running_version}" if release.running_version else ""
    head = [
        f"# {title}: {result.status.value}",
        "",
        escaped(result.headline),
        "",
        f"- Release: {escaped(f'{release.application} {release.version}{since}')}",
        f"- Commit: {escaped(result.commit or release.commit)}",
        f"- Took: {result.took.total_seconds():.1f} s",
        *(f"- {escaped(fact)}" for fact in result.facts),
        *(f"- Tool: {escaped(tool)}" for tool in result.tools),
    ]
    return "\n".join([*head, "", *_findings(result.findings)]) + "\n"


def escaped(text: str) -> str:
    """`text` on one line, showing as itself in Markdown."""
    return _SPECIAL.sub(r"\\\1", _CONTROL.sub(" ", text)).strip()


def _findings(findings: tuple[Finding, ...]) -> list[str]:
    if not findings:
        return ["No findings."]
    rows = [
        f"| {found.severity.value} | {escaped(found.place)} | {escaped(found.message)} "
        f"| {escaped(found.remedy)} | {escaped(found.rule)} |"
        for found in findings
    ]
    return ["| Severity | Place | Finding | What to do | Rule |", "| --- | --- | --- | --- | --- |", *rows]
