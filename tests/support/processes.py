"""What the kernel says of a running process."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

_TICKS = os.sysconf("SC_CLK_TCK")
_MEGA = 1024


@dataclass(frozen=True)
class Memory:
    """Megabytes: resident, and with shared pages divided among those who share them."""

    rss: float
    pss: float

    def __str__(self) -> str:
        return f"{self.rss:.0f} MB resident, {self.pss:.0f} MB proportional"


def memory_of(pid: int) -> Memory:
    """Skips the test where the kernel does not tell."""
    file = Path(f"/proc/{pid}/smaps_rollup")
    if not file.exists():
        pytest.skip("memory is read from /proc/PID/smaps_rollup, which this system lacks")
    told = {}
    for line in file.read_text().splitlines()[1:]:
        key, value, *_ = line.split()
        told[key.rstrip(":")] = int(value) / _MEGA
    return Memory(rss=told["Rss"], pss=told["Pss"])


def cpu_seconds_of(pid: int) -> float:
    """Seconds of processor time so far, threads included, children not."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def children_of(pid: int) -> list[int]:
    """The processes that it started and that still run."""
    found: list[int] = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (thread / "children").read_text().split()]
    return found


def command_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode().rstrip("\0").split("\0")
