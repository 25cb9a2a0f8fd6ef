"""A wall clock that can be set for one process, for tests of what happens when a machine's is."""

import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

_SOURCE = Path(__file__).with_suffix(".c")


class WallClock:
    """Compiled into `folder`; skips the test where there is no compiler, or nothing to preload."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc")
        if compiler is None or not sys.platform.startswith("linux"):
            pytest.skip("setting one process's clock needs Linux and a C compiler (apt-get install gcc)")
        self._library = folder / "wall_clock.so"
        self._file = folder / "wall_clock_off"
        subprocess.run(
            [compiler, "-shared", "-fPIC", "-O2", "-o", str(self._library), str(_SOURCE), "-ldl"], check=True
        )
        self.set(timedelta(0))

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to live by it."""
        return {"LD_PRELOAD": str(self._library), "WALL_CLOCK_OFF": str(self._file)}

    def set(self, off: timedelta) -> None:
        """From now on it differs by this from the true time."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(str(round(off.total_seconds())))
        fresh.replace(self._file)
