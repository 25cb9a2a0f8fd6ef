"""Every gate by its name, and the one way to ask one."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from bot.config.gates import BuildGate, CodeReviewGate, GateSettings, Suite
from bot.domain.errors import OutsideError, SlackwaterError
from bot.domain.gates import GateResult
from bot.gates import build, code_review, smoke, tests
from bot.gates.release import Release
from bot.gates.report import markdown
from bot.gates.results import unanswered, without_secrets
from bot.gates.tools import Tools

S = TypeVar("S")
F = TypeVar("F")


@dataclass(frozen=True)
class Gate(Generic[S, F]):
    """A gate's two halves, its slice of the settings, and its report."""

    name: str
    title: str
    report: str
    settings: Callable[[GateSettings], S | None]
    gather: Callable[[Release, S, Tools], Awaitable[F]]
    judge: Callable[[F, S], GateResult]

    async def answer(self, release: Release, settings: GateSettings, tools: Tools) -> GateResult:
        wanted = self.settings(settings)
        if wanted is None:
            return unanswered(
                self.name,
                f"gates.{self.name} is not configured",
                "Add its section, or leave it out of the plan",
            )
        facts = await self.gather(release, wanted, tools)
        return await asyncio.to_thread(self.judge, facts, wanted)  # reading a large diff takes its time


GATES: Mapping[
    str,
    Gate[CodeReviewGate, code_review.CodeReviewFacts]
    | Gate[Mapping[str, Suite], tests.TestFacts]
    | Gate[BuildGate, build.BuildFacts],
] = {
    code_review.GATE: Gate(
        code_review.GATE,
        code_review.TITLE,
        code_review.REPORT,
        lambda settings: settings.code_review,
        code_review.gather,
        code_review.judge,
    ),
    tests.GATE: Gate(
        tests.GATE, tests.TITLE, tests.REPORT, lambda settings: settings.tests, tests.gather, tests.judge
    ),
    build.GATE: Gate(
        build.GATE, build.TITLE, build.REPORT, lambda settings: settings.build, build.gather, build.judge
    ),
}


async def run_gate(name: str, release: Release, settings: GateSettings, tools: Tools) -> GateResult:
    """A gate's result, its report written. What prevents an answer is a FAILED result that says what."""
    gate = GATES.get(name)
    if gate is None:
        return unanswered(
            name, f"the gate {name} is not built yet", f"Remove gates.{name}; there are {', '.join(GATES)}"
        )
    answer = gate.answer(release, settings, tools)
    return await _reported(name, gate.title, gate.report, answer, release, tools)


async def run_smoke(command: Sequence[str], limit: timedelta, release: Release, tools: Tools) -> GateResult:
    """What the smoke command comes to, told as a gate's result."""
    answer = smoke.answer(command, limit, release, tools)
    return await _reported(smoke.NAME, smoke.TITLE, smoke.REPORT, answer, release, tools)


async def _reported(
    name: str, title: str, report: str, answer: Awaitable[GateResult], release: Release, tools: Tools
) -> GateResult:
    started = time.monotonic()
    try:
        result = await answer
    except OutsideError as error:
        result = unanswered(name, f"the gate could not be answered: {error}", "Mend that and deploy again")
    except (SlackwaterError, OSError, ValueError, RecursionError, MemoryError) as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        result = unanswered(
            name, f"the gate could not be answered: {said[0][:300]}", "Look into the bot's log"
        )
    took = timedelta(seconds=time.monotonic() - started)
    result = without_secrets(result, tools.redact).with_(commit=release.commit, took=took, report=report)
    try:
        await asyncio.to_thread(_write, report, markdown(title, release, result), release)
    except OSError as error:
        sentence = f"the report could not be written: {error.strerror}"
        result = unanswered(name, sentence, "Mend storage.artifacts").with_(commit=release.commit, took=took)
    return result


def _write(name: str, page: str, release: Release) -> None:
    release.artifacts.mkdir(parents=True, exist_ok=True)
    (release.artifacts / name).write_text(page, encoding="utf-8")
