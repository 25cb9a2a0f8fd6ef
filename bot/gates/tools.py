"""What gates need of the outside: commands and the repository. `bot.clients` fits; tests bring their own."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol


class Finished(Protocol):
    """How a command ended."""

    @property
    def status(self) -> int: ...
    @property
    def stdout(self) -> str: ...
    @property
    def stderr(self) -> str: ...
    @property
    def truncated(self) -> bool: ...
    @property
    def timed_out(self) -> bool: ...
    @property
    def took(self) -> timedelta: ...
    @property
    def command(self) -> str: ...


class Run(Protocol):
    """Runs one command without a shell. Raises `OutsideError` when it cannot be started."""

    async def __call__(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        limit: timedelta,
        environment: Mapping[str, str] | None = None,
        keep: int = ...,
        raw: bool = ...,
    ) -> Finished: ...


class Repository(Protocol):
    """The team's code. Everything raises `OutsideError` when it cannot be read."""

    async def diff(self, old: str | None, new: str) -> str:
        """The unified diff; from nothing where `old` is None."""
        ...

    def checkout(self, commit: str) -> AbstractAsyncContextManager[Path]:
        """A clean folder with exactly that commit, gone afterwards."""
        ...


@dataclass(frozen=True)
class Tools:
    run: Run
    repository: Callable[[Path], Repository]
    redact: Callable[[str], str]  # takes secrets out of what people will read
