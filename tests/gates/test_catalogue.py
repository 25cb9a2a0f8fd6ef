import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.clients.git import Git
from bot.clients.process import run
from bot.clients.redaction import redact
from bot.config.gates import BuildGate, CodeReviewGate, GateSettings, Suite
from bot.config.quantities import Ratio, Size
from bot.config.words import parse_command
from bot.domain.errors import NotFound, OutsideError
from bot.domain.gates import GateResult, GateStatus
from bot.gates.catalogue import GATES, run_gate
from bot.gates.release import Release
from bot.gates.report import escaped
from bot.gates.runner import image_name
from bot.gates.tools import Tools
from bot.sim.sample import BAD, GOOD, RUNNING, create

TOOLS = Tools(run=run, repository=Git, redact=redact)
PYTEST = "python -m pytest -q --junitxml=junit.xml --cov=checkout --cov-report=xml"
SETTINGS = GateSettings(
    code_review=CodeReviewGate(reviews="required"),
    tests={
        "unit": Suite(
            run=parse_command(PYTEST), junit="junit.xml", coverage="coverage.xml", minimum=Ratio(0.8)
        )
    },
    build=BuildGate(
        run=parse_command("python build.py --version $version"), budget={"dist/*": Size(250_000)}
    ),
)


@pytest.fixture
async def repository(tmp_path: Path) -> Path:
    return await create(tmp_path)


async def release(repository: Path, version: str) -> Release:
    git = Git(repository)
    return Release(
        application="checkout",
        version=version,
        commit=await git.resolve(version),
        running_version=RUNNING,
        running_commit=await git.resolve(RUNNING),
        repository=repository,
        artifacts=repository.parent / "artifacts",
    )


async def answers(repository: Path, version: str) -> dict[str, GateResult]:
    asked = await release(repository, version)
    results = await asyncio.gather(*(run_gate(name, asked, SETTINGS, TOOLS) for name in GATES))
    return {result.gate: result for result in results}


async def test_the_good_version_passes_every_gate(repository: Path):
    results = await answers(repository, GOOD)

    assert set(results) == set(GATES)
    assert {result.status for result in results.values()} == {GateStatus.PASSED}
    assert results["tests"].facts[1] == "coverage 100.0 %"
    assert "dist/checkout.pyz" in results["build"].facts[2]


async def test_the_bad_versions_defects_are_all_found_where_they_are(repository: Path):
    results = await answers(repository, BAD)

    review = {(found.rule, found.place) for found in results["code-review"].findings}
    assert review >= {
        ("debug-output", "checkout/recommendations.py:31"),
        ("swallowed-error", "checkout/recommendations.py:49"),
        ("hard-coded-credential", "checkout/recommendations.py:11"),
        ("hard-coded-host", "checkout/recommendations.py:10"),
        ("commented-out-code", "checkout/recommendations.py:33"),
        ("style-F401", "checkout/recommendations.py:4"),
        ("untested", "checkout/recommendations.py"),
    }
    tests = {(found.rule, found.place) for found in results["tests"].blockers}
    assert tests == {("test-failed", "tests/test_orders.py:24"), ("coverage", "")}
    assert results["build"].lets_pass


async def test_each_gate_leaves_its_report_with_the_commit(repository: Path):
    results = await answers(repository, BAD)

    for name, result in results.items():
        assert result.report == GATES[name].report
        page = (repository.parent / "artifacts" / result.report).read_text()
        assert result.commit in page
        assert result.status.value in page.splitlines()[0]


async def test_a_tool_that_is_missing_fails_the_gate_and_is_named(repository: Path):
    settings = SETTINGS.with_(build=BuildGate(run=parse_command("no-such-tool")))

    result = await run_gate("build", await release(repository, GOOD), settings, TOOLS)

    assert result.status is GateStatus.FAILED
    assert "no-such-tool: not found on PATH; install it" in result.headline


async def test_a_missing_linter_fails_the_review(repository: Path):
    async def without_ruff(argv: Sequence[str], **rest: Any) -> Any:
        if argv[0] == "ruff":
            raise NotFound("ruff", "not found on PATH; install it where the bot runs")
        return await run(argv, **rest)

    result = await run_gate(
        "code-review",
        await release(repository, GOOD),
        SETTINGS,
        Tools(run=without_ruff, repository=Git, redact=redact),
    )

    assert result.status is GateStatus.FAILED
    assert "ruff: not found" in result.headline


@pytest.mark.parametrize(
    "trouble", [OutsideError("git", "no answer"), OSError("disk"), RecursionError(), ValueError("x")]
)
async def test_whatever_prevents_an_answer_is_no_pass(trouble: Exception, tmp_path: Path):
    class Broken:
        async def diff(self, old: str | None, new: str) -> str:
            raise trouble

        @asynccontextmanager
        async def checkout(self, commit: str) -> AsyncIterator[Path]:
            raise trouble
            yield tmp_path

    asked = Release(application="a", version="v1", commit="c", repository=tmp_path, artifacts=tmp_path)

    for name in GATES:
        result = await run_gate(
            name, asked, SETTINGS, Tools(run=run, repository=lambda _: Broken(), redact=redact)
        )
        assert result.status is GateStatus.FAILED
        assert "could not be answered" in result.headline


async def test_a_gate_that_is_not_there_or_not_configured_fails(tmp_path: Path):
    asked = Release(application="a", version="v1", commit="c", repository=tmp_path, artifacts=tmp_path)

    unknown = await run_gate("security", asked, SETTINGS, TOOLS)
    unset = await run_gate("build", asked, GateSettings(), TOOLS)

    assert unknown.status is GateStatus.FAILED
    assert "not built yet" in unknown.headline
    assert unset.status is GateStatus.FAILED


async def test_a_committed_report_does_not_stand_for_a_run(tmp_path: Path):
    class Careless:
        """A repository in which somebody has committed a report."""

        async def diff(self, old: str | None, new: str) -> str:
            return ""

        @asynccontextmanager
        async def checkout(self, commit: str) -> AsyncIterator[Path]:
            (tmp_path / "junit.xml").write_text("<testsuites><testcase name='a'/></testsuites>")
            yield tmp_path

    asked = Release(application="a", version="v1", commit="c", repository=tmp_path, artifacts=tmp_path / "to")
    settings = SETTINGS.with_(tests={"unit": Suite(run=parse_command("python -c pass"), junit="junit.xml")})

    result = await run_gate(
        "tests", asked, settings, Tools(run=run, repository=lambda _: Careless(), redact=redact)
    )

    assert result.status is GateStatus.FAILED
    assert "the command did not write it" in result.headline


def test_outside_text_shows_as_itself_in_a_report():
    assert escaped("a|b <script>\n# `x`") == r"a\|b \<script\> \# \`x\`"


@pytest.mark.parametrize(
    ("image", "name"),
    [
        (
            "registry.example.com:5000/shop/checkout:v2.5.0@sha256:9f2c",
            "registry.example.com:5000/shop/checkout",
        ),
        ("checkout:v1", "checkout"),
        ("registry.example.com:5000/checkout", "registry.example.com:5000/checkout"),
    ],
)
def test_an_images_name_has_neither_tag_nor_digest(image: str, name: str):
    assert image_name(image) == name
