"""The team's smoke command: run in a clean checkout of the commit, judged by how it ends."""

from collections.abc import Sequence
from datetime import timedelta

from bot.domain.gates import GateResult
from bot.gates.release import Release
from bot.gates.results import blocker, result
from bot.gates.tools import Finished, Tools

NAME = "smoke"
REPORT = "staging-smoke-test-report.md"
TITLE = "Smoke test on staging"

_LAST_LINES = 5
_LINE = 300


async def answer(command: Sequence[str], limit: timedelta, release: Release, tools: Tools) -> GateResult:
    """Raises `OutsideError` when the repository cannot be read or the command not be started."""
    async with tools.repository(release.repository).checkout(release.commit) as tree:
        finished = await tools.run(command, cwd=tree, limit=limit)
    return judge(finished, limit)


def judge(finished: Finished, limit: timedelta) -> GateResult:
    """The result, from how the command ended."""
    findings = []
    if finished.timed_out:
        findings.append(
            blocker(
                "timed-out",
                f"the smoke test did not end within {limit.total_seconds():g} s",
                "Make it faster, or raise environments.staging.smoke.timeout",
            )
        )
    elif finished.status != 0:
        said = _last_lines(f"{finished.stdout}\n{finished.stderr}")
        findings.append(
            blocker(
                "exit-status",
                f"the smoke test ended with status {finished.status}" + (f": {said}" if said else ""),
                "Run the command in a clean checkout and look",
            )
        )
    took = f"{finished.took.total_seconds():.1f} s"
    return result(NAME, findings, passed=f"the smoke test passed in {took}", tools=[finished.command])


def _last_lines(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    said = " / ".join(lines[-_LAST_LINES:])
    # The reason stands at the end.
    return said if len(said) <= _LINE else f"…{said[-_LINE:]}"
