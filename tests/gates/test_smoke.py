"""The team's smoke command, run for real in a clean checkout."""

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from bot.clients.git import Git
from bot.config.gates import GateSettings
from bot.domain.gates import GateResult
from bot.gates.runner import LocalGates
from bot.sim.sample import GOOD, create
from tests.gates.test_catalogue import TOOLS
from tests.support.builders import a_request


@pytest.fixture
async def repository(tmp_path: Path) -> Path:
    return await create(tmp_path)


async def smoke(repository: Path | None, *code: str, limit: float = 30) -> GateResult:
    artifacts = (repository or Path("/nowhere")).parent / "artifacts"
    gates = LocalGates(
        repository=repository, github=None, settings=GateSettings(), artifacts=artifacts, tools=TOOLS
    )
    command = (sys.executable, "-c", *code)
    commit = await Git(repository).resolve(GOOD) if repository is not None else "c0ffee1"
    request = a_request().with_(version=GOOD, commit=commit)
    return await gates.smoke(command, timedelta(seconds=limit), request, "checkout-1")


async def test_it_runs_in_the_commit_and_leaves_its_report(repository: Path):
    result = await smoke(repository, "import checkout; print('fine')")

    assert result.lets_pass
    assert result.headline.startswith("the smoke test passed in ")
    page = (repository.parent / "artifacts/checkout-1/staging-smoke-test-report.md").read_text()
    assert page.startswith("# Smoke test on staging: passed")


async def test_what_it_says_at_its_end_is_the_reason(repository: Path):
    code = "import sys; print('GET / ok'); print('GET /cart: 500'); sys.exit(3)"
    result = await smoke(repository, code)

    assert not result.lets_pass
    assert result.headline == "the smoke test ended with status 3: GET / ok / GET /cart: 500"


async def test_the_reason_is_not_cut_away(repository: Path):
    code = "import sys; print('ok ' * 200); print('refused: cart', file=sys.stderr); sys.exit(1)"
    result = await smoke(repository, code)

    assert result.headline.startswith("the smoke test ended with status 1: …")
    assert result.headline.endswith("refused: cart")


async def test_it_ends_in_its_time(repository: Path):
    result = await smoke(repository, "import time; time.sleep(60)", limit=0.5)

    assert not result.lets_pass
    assert result.headline == "the smoke test did not end within 0.5 s"


async def test_no_secret_leaves_it(repository: Path):
    secret = "xoxb-" + "1234567890-abcdefghijkl"
    result = await smoke(repository, f"import sys; print('token {secret}'); sys.exit(1)")

    report = (repository.parent / "artifacts/checkout-1/staging-smoke-test-report.md").read_text()
    assert secret not in str(result) + report


async def test_without_a_clone_it_says_so():
    result = await smoke(None, "")

    assert not result.lets_pass
    assert result.headline == "a smoke test needs a local repository, and none is configured"
