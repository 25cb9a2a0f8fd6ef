"""The gates of one application, as the engine asks for them."""

import asyncio
from pathlib import Path

from bot.config.gates import GateSettings
from bot.domain.gates import GateResult
from bot.domain.plan import DeployRequest
from bot.domain.points import around
from bot.gates.catalogue import run_gate
from bot.gates.release import Release
from bot.gates.results import unanswered
from bot.gates.tools import Tools


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
            return unanswered(
                gate,
                "gates need a local repository, and none is configured",
                "Set repository.path to a clone",
            )
        if self._settings.runner.kind != "local":
            return unanswered(gate, "gates as Kubernetes Jobs are not built yet", "Set runner: {kind: local}")
        release = Release(
            application=request.application,
            version=request.version,
            commit=request.commit,
            running_version=request.running_version or None,
            running_commit=request.running_commit,
            repository=self._repository,
            github=self._github,
            image=image_name(request.image),
            artifacts=self._artifacts / run,
        )
        async with self._places:
            with around(f"gate/{gate}"):
                return await run_gate(gate, release, self._settings, self._tools)


def image_name(image: str) -> str:
    """An image's name without tag and digest; a registry's port is no tag."""
    name, _, _ = image.partition("@")
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}"
