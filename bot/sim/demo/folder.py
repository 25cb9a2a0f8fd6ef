"""The demo's data folder: where everything lies, and what of an earlier demo may stay.

Workspace and cluster live in memory, so a journal of an earlier demo speaks of a world that is gone: its
runs could only end in confusion. Its database is set aside (`earlier/`), logs and reports stay.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bot.domain.errors import ConfigError
from bot.sim.demo import settings_file

_DATABASE = ("slackwater.db", "slackwater.db-wal", "slackwater.db-shm")


@dataclass(frozen=True)
class Folder:
    """The places in a data folder."""

    path: Path

    @classmethod
    def at(cls, path: Path) -> Self:
        """The folder at `path`, wherever other processes are started from."""
        return cls(path.absolute())

    @property
    def settings(self) -> Path:
        return self.path / "slackwater.yaml"

    @property
    def kubeconfig(self) -> Path:
        return self.path / "kubeconfig"

    @property
    def pace(self) -> Path:
        return self.path / "pace"

    @property
    def log(self) -> Path:
        return self.path / "bot.log"

    @property
    def artifacts(self) -> Path:
        return self.path / "artifacts"

    def prepare(self) -> bool:
        """Make the folder ready for a new world; the answer is whether an earlier journal was set aside.

        Raises:
            ConfigError: the folder cannot be used, or holds settings that no demo wrote.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._refuse_what_is_not_ours()
            self.pace.unlink(missing_ok=True)
            self.artifacts.mkdir(exist_ok=True)
            return self._set_aside()
        except OSError as error:
            raise self._unusable(f"cannot be used ({error.strerror}): name another folder") from error

    def _refuse_what_is_not_ours(self) -> None:
        if settings_file.is_ours(self.settings):
            return
        for name in (self.settings.name, self.kubeconfig.name, *_DATABASE):
            if (self.path / name).exists():
                raise self._unusable(
                    f"holds a {name} that no demo wrote and that would be overwritten: name an empty folder"
                )

    def _set_aside(self) -> bool:
        found = [self.path / name for name in _DATABASE if (self.path / name).exists()]
        if not found:
            return False
        earlier = self.path / "earlier"
        shutil.rmtree(earlier, ignore_errors=True)
        earlier.mkdir()
        for file in found:
            file.rename(earlier / file.name)
        return True

    def _unusable(self, remedy: str) -> ConfigError:
        return ConfigError(where="command line", key="--data", value=str(self.path), remedy=remedy)
