"""The gates of one application, as the engine asks for them."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from bot.config.gates import GateSettings
from bot.domain.gates import GateResult
from bot.domain.plan import DeployRequest
from bot.domain.points import around
from bot.gates.catalogue import run_gate, run_smoke
from bot.gates.release import Release
from bot.gates.results import unanswered
from bot.gates.tools import Tools

_NO_CLONE = "a local repository, and none is configured"
_NAME_IT = "Set repository.path to a clone"


class LocalGates:
    """Runs gates as processes of this machine, at most `settings.concurrency` at a time."""

    def __init__(
        self,
        *,
        repository: Path | None,
        github: str | None,
        settings: GateSettings,
        artifacts: Path,
        tools: Tools,
    ) -> None:
        self._repository = repository
        self._github = github
        self._settings = settings
        self._artifacts = artifacts
        self._tools = tools
        self._places = asyncio.Semaphore(settings.concurrency)

    async def run(self, gate: str, request: DeployRequest, run: str) -> GateResult:
        """The gate's result; its report lies in the artifacts' folder of the run."""
        if self._repository is None:
            return unanswered(gate, f"gates need {_NO_CLONE}", _NAME_IT)
        if self._settings.runner.kind != "local":
            return unanswered(gate, "gates as Kubernetes Jobs are not built yet", "Set runner: {kind: local}")
        release = self._release(self._repository, request, run)
        async with self._places:
            with around(f"gate/{gate}"):
                return await run_gate(gate, release, self._settings, self._tools)

    async def smoke(
        self, command: Sequence[str], limit: timedelta, request: DeployRequest, run: str
    ) -> GateResult:
        """What the command says, run in a clean checkout; its report lies beside the gates'."""
        if self._repository is None:
            return unanswered("smoke", f"a smoke test needs {_NO_CLONE}", _NAME_IT)
        release = self._release(self._repository, request, run)
        async with self._places:
            with around("smoke"):
                return await run_smoke(command, limit, release, self._tools)

    def _release(self, repository: Path, request: DeployRequest, run: str) -> Release:
        return Release(
            application=request.application,
            version=request.version,
            commit=request.commit,
            running_version=request.running_version or None,
            running_commit=request.running_commit,
            repository=repository,
            github=self._github,
            image=image_name(request.image),
            artifacts=self._artifacts / run,
        )


def image_name(image: str) -> str:
    """An image's name without tag and digest; a registry's port is no tag."""
    name, _, _ = image.partition("@")
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}"
