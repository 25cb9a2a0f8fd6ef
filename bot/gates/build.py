"""Build: the team's own build in a clean checkout, its warnings, and what it leaves: sizes and digests."""

import hashlib
import re
import zlib
from datetime import timedelta
from pathlib import Path

from bot.config.gates import BuildGate
from bot.domain.errors import Unreadable
from bot.domain.gates import Finding, GateResult
from bot.domain.record import Record
from bot.gates.readers.files import listed, matches
from bot.gates.release import Release
from bot.gates.results import blocker, counted, result, warning
from bot.gates.tools import Tools

GATE = "build"
REPORT = "build-validation-report.md"
TITLE = "Build validation"

_WARNING = re.compile(r"(?i)\bwarn(?:ing)?\b\s*(?:[:\[(]|TS\d|\w+Warning)|^\s*\w*Warning:", re.MULTILINE)
_CHUNK = 1024 * 1024
_MOST_ARTIFACTS = 500


class Artifact(Record):
    """A file that the build left and the budget names."""

    path: str
    size: int
    gzipped: int
    sha256: str


class BuildFacts(Record):
    """What came of the build."""

    command: str
    status: int
    timed_out: bool = False
    took: timedelta = timedelta(0)
    warnings: int = 0
    last_words: str = ""
    artifacts: tuple[Artifact, ...] = ()


async def gather(release: Release, settings: BuildGate, tools: Tools) -> BuildFacts:
    """Raises `OutsideError` when the repository cannot be read or the command not be started."""
    argv = settings.run.filled(version=release.version, image=release.image)
    async with tools.repository(release.repository).checkout(release.commit) as tree:
        finished = await tools.run(argv, cwd=tree, limit=settings.timeout, environment={"CI": "true"})
        output = f"{finished.stdout}\n{finished.stderr}"
        built = finished.status == 0 and not finished.timed_out
        return BuildFacts(
            command=finished.command,
            status=finished.status,
            timed_out=finished.timed_out,
            took=finished.took,
            warnings=len(_WARNING.findall(output)),
            last_words=_last_words(finished.stderr) or _last_words(finished.stdout),
            artifacts=_artifacts(tree, settings) if built else (),
        )


def judge(facts: BuildFacts, settings: BuildGate) -> GateResult:
    """The result, from facts alone."""
    findings = _ending(facts, settings) or _budgets(facts, settings)
    if facts.warnings:
        findings.append(
            warning("build-warnings", f"the build warns {counted(facts.warnings, 'time')}", "Read its log")
        )
    built = f"built in {facts.took.total_seconds():.1f} s"
    return result(
        GATE,
        findings,
        passed=f"{built}, {counted(facts.warnings, 'warning')}",
        facts=(
            *([built] if facts.status == 0 and not facts.timed_out else []),
            counted(facts.warnings, "warning"),
            *(
                f"{file.path} {_size(file.size)}, {_size(file.gzipped)} gzipped, sha256:{file.sha256}"
                for file in facts.artifacts
            ),
        ),
        tools=(facts.command,),
    )


def _ending(facts: BuildFacts, settings: BuildGate) -> list[Finding]:
    if facts.timed_out:
        limit = settings.timeout.total_seconds()
        return [
            blocker(
                "timed-out",
                f"the build did not end within {limit:g} s",
                "Make it faster, or raise build.timeout",
            )
        ]
    if facts.status != 0:
        said = f": {facts.last_words}" if facts.last_words else ""
        return [
            blocker(
                "build-failed",
                f"the build ended with status {facts.status}{said}",
                "Run the command in a clean checkout and look",
            )
        ]
    return []


def _budgets(facts: BuildFacts, settings: BuildGate) -> list[Finding]:
    found = []
    for pattern, most in settings.budget.items():
        fitting = [file for file in facts.artifacts if matches(file.path, pattern)]
        if not fitting:
            found.append(
                blocker(
                    "no-artifact",
                    f"the build left nothing that fits {pattern}",
                    "Mend the build or build.budget",
                )
            )
        found += [
            blocker(
                "over-budget",
                f"{_size(file.size)} are more than the {_size(most)} of build.budget",
                "Make it smaller, or raise the budget",
                file=file.path,
            )
            for file in fitting
            if file.size > most
        ]
    return found


def _artifacts(tree: Path, settings: BuildGate) -> tuple[Artifact, ...]:
    paths = _fitting(tree, settings)
    if len(paths) > _MOST_ARTIFACTS:
        raise Unreadable("the build", f"left more than {_MOST_ARTIFACTS} files that fit build.budget")
    return tuple(_artifact(tree, path) for path in paths)


def _fitting(tree: Path, settings: BuildGate) -> list[str]:
    return [path for path in listed(tree) if any(matches(path, pattern) for pattern in settings.budget)]


def _artifact(tree: Path, path: str) -> Artifact:
    """Read in pieces: an artifact may be large."""
    file = tree / path
    if not file.resolve().is_relative_to(tree.resolve()) or not file.is_file():
        raise Unreadable("the build", f"{path} leads outside the checkout")
    digest, packer, size, gzipped = hashlib.sha256(), zlib.compressobj(6, wbits=31), 0, 0
    with file.open("rb") as source:
        while piece := source.read(_CHUNK):
            digest.update(piece)
            size += len(piece)
            gzipped += len(packer.compress(piece))
    return Artifact(path=path, size=size, gzipped=gzipped + len(packer.flush()), sha256=digest.hexdigest())


def _size(size: int) -> str:
    for unit, factor in (("MB", 1_000_000), ("kB", 1_000)):
        if size >= factor:
            return f"{int(size) / factor:.1f} {unit}"
    return f"{int(size)} B"


def _last_words(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""
