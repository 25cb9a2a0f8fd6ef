"""The bot's time: even, whatever becomes of the wall clock, and the same for all processes of a machine."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.clients.clock import RealClock, RealTime, ScaledClock, clock_from, set_pace
from bot.domain.errors import ConfigError

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Machine:
    """A machine's two clocks; its wall clock can be set."""

    def __init__(self) -> None:
        self.since_boot = 1_000.0
        self.wall_is_off = 0.0

    def passes(self, seconds: float) -> None:
        self.since_boot += seconds

    def real(self) -> RealTime:
        """Real time as a process sees it that is started now."""
        return RealTime(
            wall=lambda: NOON.timestamp() - 1_000 + self.since_boot + self.wall_is_off,
            steady=lambda: self.since_boot,
        )


@pytest.mark.parametrize("hours", [1, -1])
def test_time_runs_on_evenly_when_the_wall_clock_is_set(hours: int) -> None:
    machine = Machine()
    clock = RealClock(machine.real())

    machine.wall_is_off = hours * 3600
    machine.passes(90)

    with capture_logs():
        assert clock.now() == NOON + timedelta(seconds=90)


def test_that_the_wall_clock_was_set_is_said_once_each_time() -> None:
    machine = Machine()
    clock = RealClock(machine.real())

    with capture_logs() as said:
        machine.wall_is_off = 3600
        [clock.now() for _ in range(3)]
        machine.wall_is_off = 0
        [clock.now() for _ in range(3)]

    assert [(line["log_level"], line["event"], line["seconds"]) for line in said] == [
        ("error", "wall-clock-was-set", 3600),
        ("error", "wall-clock-was-set", 0),
    ]


def test_what_a_time_server_corrects_is_not_worth_a_word() -> None:
    machine = Machine()
    clock = RealClock(machine.real())

    with capture_logs() as said:
        machine.wall_is_off = 0.4
        clock.now()

    assert said == []


def test_processes_started_before_and_after_the_wall_clock_was_set_agree(tmp_path: Path) -> None:
    machine = Machine()
    cluster = ScaledClock(NOON, 60, tmp_path / "pace", machine.real())
    set_pace(tmp_path / "pace", cluster, 60)
    machine.passes(10)
    machine.wall_is_off = 3600

    bot = ScaledClock(NOON, 60, tmp_path / "pace", machine.real())

    with capture_logs():
        assert abs(bot.now() - cluster.now()) < timedelta(milliseconds=1)
        set_pace(tmp_path / "pace", bot, 1)
        machine.passes(10)
        assert abs(bot.now() - cluster.now()) < timedelta(milliseconds=1)
    assert cluster.speed == 1


def test_a_pace_of_an_older_version_is_read(tmp_path: Path) -> None:
    machine = Machine()
    clock = ScaledClock(NOON, 60, tmp_path / "pace", machine.real())

    (tmp_path / "pace").write_text(f"{NOON.timestamp()} {NOON.timestamp()} 2.0\n")
    machine.passes(10)

    assert clock.now() == NOON + timedelta(seconds=20)


@pytest.mark.parametrize(
    "line", ["", "nonsense", "1 2", "nan nan 1", "0 inf 1", "0 0 1e300", "0 0 -1", "\x00"]
)
def test_a_pace_that_makes_no_sense_is_passed_over(tmp_path: Path, line: str) -> None:
    machine = Machine()
    clock = ScaledClock(NOON, 60, tmp_path / "pace", machine.real())

    (tmp_path / "pace").write_text(line)
    machine.passes(1)

    assert clock.now() == NOON + timedelta(minutes=1)


def test_the_real_clocks_agree_with_the_machines() -> None:
    clock = clock_from(None)

    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=1)


@pytest.mark.parametrize(
    "text", ["60", "60@noon", "60@2026-11-23T09:00:00", "-1@2026-11-23T09:00:00Z", "9e5@0001-01-01T00:00:00Z"]
)
def test_a_clock_that_cannot_be_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError, match="for example 60@2026-11-23T09:00:00Z"):
        clock_from(text)
