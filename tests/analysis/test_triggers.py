from datetime import timedelta

import pytest

from bot.analysis import Fired, TriggerLimits, TriggerState, watch
from bot.domain.figures import Figure, Gap, Sample
from bot.domain.reasons import Reason
from tests.analysis.traffic import START

LIMITS = TriggerLimits()
LOOK = timedelta(seconds=10)
BASELINE = Sample(at=START, figures={"p95": Figure.known(0.2)})
HEALTHY = {"error_rate": 0.0005, "requests": 1500.0, "p95": 0.2, "memory": 2e8, "memory_limit": 5e8}


class Watched:
    """A version looked at every ten seconds."""

    def __init__(self, limits: TriggerLimits = LIMITS, baseline: Sample | None = BASELINE) -> None:
        self.limits = limits
        self.baseline = baseline
        self.state = TriggerState()
        self.now = START

    def stays(
        self, lasting: timedelta, *, healthy: bool | None = True, **figures: float | Gap
    ) -> Fired | None:
        """What fires first while the figures are these."""
        until = self.now + lasting
        while self.now < until:
            self.now += LOOK
            known = {
                key: Figure.missing(value) if isinstance(value, Gap) else Figure.known(value)
                for key, value in {**HEALTHY, **figures}.items()
            }
            sample = Sample(at=self.now, figures=known)
            self.state, fired = watch(
                self.state, sample, self.baseline, self.limits, self.now, healthy=healthy, health_detail="503"
            )
            if fired is not None:
                return fired
        return None


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def test_nothing_fires_on_a_healthy_version() -> None:
    assert Watched().stays(minutes(60)) is None


@pytest.mark.parametrize(
    ("figures", "healthy", "after", "reason", "said"),
    [
        (
            {"error_rate": 0.048},
            True,
            minutes(5),
            Reason.ERROR_RATE,
            "4.8 % errors for 5 min (limit 1 %; 1,500 req",
        ),
        (
            {"p95": 0.5},
            True,
            minutes(10),
            Reason.LATENCY,
            "p95 500 ms for 10 min (limit 400 ms, 2 × the baseline's 200",
        ),
        ({}, False, minutes(3), Reason.HEALTH, "A critical health path has failed for 3 min (503)."),
        ({"memory": 4.9e8}, True, minutes(5), Reason.MEMORY, "Memory at 98 % of its limit for 5 min"),
    ],
)
def test_a_condition_fires_after_its_time_and_not_before(
    figures: dict[str, float], healthy: bool, after: timedelta, reason: Reason, said: str
) -> None:
    watched = Watched()

    early = watched.stays(after, healthy=healthy, **figures)
    due = watched.stays(LOOK, healthy=healthy, **figures)

    assert early is None
    assert due is not None
    assert due.reason is reason
    assert due.sentence.startswith(said)


def test_a_good_reading_sets_the_clock_back() -> None:
    watched = Watched()
    watched.stays(minutes(4.5), error_rate=0.05)
    watched.stays(LOOK)

    assert watched.stays(minutes(4.5), error_rate=0.05) is None


def test_a_gap_stops_the_clock_and_neither_heals_nor_harms() -> None:
    watched = Watched()
    watched.stays(minutes(4), error_rate=0.05)

    during = watched.stays(minutes(30), error_rate=Gap.UNREACHABLE)
    soon_after = watched.stays(minutes(0.5), error_rate=0.05)
    later = watched.stays(minutes(1), error_rate=0.05)

    assert (during, soon_after) == (None, None)
    assert later is not None


def test_a_handful_of_requests_is_no_error_rate() -> None:
    assert Watched().stays(minutes(30), error_rate=0.4, requests=19.0) is None


def test_health_and_memory_go_on_when_the_rest_is_blind() -> None:
    blind = {"error_rate": Gap.UNREACHABLE, "p95": Gap.UNREACHABLE, "requests": Gap.UNREACHABLE}

    failing = Watched().stays(minutes(4), healthy=False, **blind)
    full = Watched().stays(minutes(6), memory=4.9e8, **blind)

    assert failing is not None
    assert failing.reason is Reason.HEALTH
    assert full is not None
    assert full.reason is Reason.MEMORY


def test_p95_without_a_baseline_says_nothing_unless_the_limit_is_absolute() -> None:
    relative = Watched(baseline=None)
    absolute = Watched(TriggerLimits(p95_above=timedelta(milliseconds=300)), baseline=None)

    assert relative.stays(minutes(20), p95=9.0) is None
    fired = absolute.stays(minutes(20), p95=0.4)
    assert fired is not None
    assert "(limit 300 ms)" in fired.sentence


def test_a_container_without_a_limit_cannot_be_near_it() -> None:
    assert Watched().stays(minutes(30), memory=4.9e8, memory_limit=0.0) is None


def test_a_bot_that_was_away_has_not_seen_what_happened_meanwhile() -> None:
    watched = Watched()
    watched.stays(LOOK, error_rate=0.05)
    watched.now += minutes(30)

    assert watched.stays(LOOK, error_rate=0.05) is None


def test_a_reading_of_counters_only_leaves_the_clocks_alone() -> None:
    watched = Watched()
    watched.stays(minutes(4), error_rate=0.05)
    before = watched.state

    after, fired = watch(before, Sample(at=watched.now), BASELINE, LIMITS, watched.now + LOOK)

    assert (after, fired) == (before, None)


def test_the_state_survives_json() -> None:
    watched = Watched()
    watched.stays(minutes(4), error_rate=0.05)

    assert TriggerState.model_validate_json(watched.state.model_dump_json()) == watched.state
