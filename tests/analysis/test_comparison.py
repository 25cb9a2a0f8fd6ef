from collections.abc import Sequence

import numpy as np
import pytest

from bot.analysis import Limits, Names, compare, count
from bot.analysis.comparison import detectable
from bot.analysis.evidence import Seen
from bot.analysis.intervals import difference, proportion
from bot.domain.figures import Figure, Gap, Sample, Tally
from bot.domain.verdict import Verdict, VerdictKind
from tests.analysis.false_alarms import detection, false_alarm_rate
from tests.analysis.traffic import BOUNDS, SCRAPE, START, Version, reading

LIMITS = Limits()
NAMES = Names(canary="v2.5.0", stable="v2.4.0")


def tally(requests: Sequence[int], errors: Sequence[int], *, p95: float = 0.2) -> Tally:
    """Windows of so many requests and errors; latencies spread evenly up to a little above p95."""
    latency = np.cumsum([0.0] * len(BOUNDS))
    counted = count(Tally(), reading(START, 0, 0, list(latency)))
    total = failed = 0
    for scrape, (more, bad) in enumerate(zip(requests, errors, strict=True), start=1):
        total, failed = total + more, failed + bad
        slowest = p95 / 0.95
        shares = [min(1.0, bound / slowest) * total for bound in BOUNDS]
        counted = count(counted, reading(START + scrape * SCRAPE, total, failed, shares))
    return counted


def verdict(canary: Tally, stable: Tally, **options: object) -> Verdict:
    return compare(canary, stable, None, None, options.pop("limits", LIMITS), names=NAMES, **options)


def test_two_versions_alike_with_enough_requests_are_healthy_and_say_what_would_have_been_seen() -> None:
    found = verdict(tally([731] * 10, [0, 1, 0, 0, 1, 0, 0, 1, 0, 0]), tally([6000] * 10, [3] * 10))

    assert found.kind is VerdictKind.HEALTHY
    assert found.sentence == "7,310 requests on v2.5.0, enough to have seen +0.5 points of errors."


def test_a_grave_fault_is_worse_at_its_second_scrape_and_says_so_with_figures() -> None:
    found = verdict(tally([125, 125], [6, 7]), tally([375, 375], [0, 0]))

    assert found.kind is VerdictKind.WORSE
    assert (
        found.sentence
        == "5.2 % errors against 0 % on v2.4.0, for 10 s (13 of 250 requests; stable 0 of 750)."
    )


def test_one_scrape_alone_is_never_a_verdict() -> None:
    found = verdict(tally([1000], [500]), tally([3000], [0]))

    assert found.kind is not VerdictKind.WORSE


def test_a_burst_in_one_scrape_is_not_worse() -> None:
    found = verdict(tally([125] * 8, [0, 0, 0, 60, 0, 0, 0, 0]), tally([375] * 8, [0] * 8))

    assert found.kind is VerdictKind.INCONCLUSIVE


def test_a_fault_after_an_hour_of_health_is_not_diluted() -> None:
    good = 720
    found = verdict(
        tally([125] * good + [125] * 3, [0] * good + [8, 7, 8]), tally([375] * (good + 3), [0] * (good + 3))
    )

    assert found.kind is VerdictKind.WORSE
    assert "for 15 s" in found.sentence


def test_trouble_that_hits_both_is_not_held_against_the_canary() -> None:
    found = verdict(tally([250] * 6, [0, 0, 0, 15, 16, 14]), tally([750] * 6, [0, 0, 0, 44, 47, 45]))

    assert found.kind is not VerdictKind.WORSE


def test_stable_that_fails_as_well_is_no_yardstick() -> None:
    found = verdict(tally([250] * 6, [20] * 6), tally([750] * 6, [60] * 6))

    assert found.kind is VerdictKind.INCONCLUSIVE
    assert "fails too: 8 % errors against 8 % errors on v2.5.0" in found.sentence


def test_too_few_requests_say_how_many_are_missing() -> None:
    found = verdict(tally([30] * 4, [0] * 4), tally([900] * 4, [0] * 4))

    assert found.kind is VerdictKind.INCONCLUSIVE
    assert found.sentence == "Too few requests on v2.5.0: 120 of 500, 380 more are needed."


def test_stable_without_requests_proves_nothing() -> None:
    found = verdict(tally([300] * 4, [0] * 4), tally([1], [0]))

    assert found.kind is VerdictKind.INCONCLUSIVE
    assert "on v2.4.0" in found.sentence


def test_what_looks_worse_but_may_be_chance_is_not_healthy() -> None:
    found = verdict(tally([200] * 3, [0, 4, 0]), tally([3000] * 3, [1] * 3))

    assert found.kind is VerdictKind.INCONCLUSIVE
    assert "may be chance" in found.sentence


@pytest.mark.parametrize("is_canary_blind", [True, False])
def test_a_blind_source_is_no_data_and_says_since_when_and_why(*, is_canary_blind: bool) -> None:
    canary, stable = tally([300] * 4, [0] * 4), tally([900] * 4, [0] * 4)
    gap = Sample(at=START + 9 * SCRAPE, requests_total=Figure.missing(Gap.UNREACHABLE, "connection refused"))

    found = verdict(
        count(canary, gap) if is_canary_blind else canary, stable if is_canary_blind else count(stable, gap)
    )

    assert found.kind is VerdictKind.NO_DATA
    assert found.sentence == "Prometheus has not answered since 14:00:45 UTC (connection refused)."


def test_a_slower_version_is_worse_by_its_p95() -> None:
    found = verdict(tally([250] * 8, [0] * 8, p95=0.5), tally([750] * 8, [0] * 8, p95=0.2))

    assert found.kind is VerdictKind.WORSE
    assert "p95" in found.sentence
    assert "on v2.4.0" in found.sentence


def test_a_p95_within_the_margin_is_healthy() -> None:
    found = verdict(tally([250] * 20, [0] * 20, p95=0.21), tally([750] * 20, [0] * 20, p95=0.2))

    assert found.kind is VerdictKind.HEALTHY


def test_latency_is_not_judged_without_a_margin_nor_without_a_histogram() -> None:
    slow, stable = tally([250] * 8, [0] * 8, p95=0.5), tally([750] * 8, [0] * 8)

    unjudged = verdict(slow, stable, limits=Limits(p95_margin=None))
    unknown = verdict(slow.with_(buckets=(), recent=()), stable)

    assert unjudged.kind is VerdictKind.HEALTHY
    assert unknown.kind is VerdictKind.INCONCLUSIVE
    assert "No latency histogram of the new version" in unknown.sentence


def test_a_cold_start_can_be_worse_by_errors_only_and_never_healthy() -> None:
    stable = tally([750] * 8, [0] * 8)

    slow = verdict(tally([250] * 8, [0] * 8, p95=0.9), stable, warming=True)
    broken = verdict(tally([250] * 8, [20] * 8), stable, warming=True)

    assert (slow.kind, slow.sentence) == (
        VerdictKind.INCONCLUSIVE,
        "The first 60 s of a stage are not judged.",
    )
    assert broken.kind is VerdictKind.WORSE


def test_at_full_weight_the_canary_is_compared_with_what_stable_counted_before() -> None:
    silent, before = tally([1], [0]), tally([750] * 8, [0] * 8)

    healthy = verdict(tally([1000] * 8, [0] * 8), silent, baseline=before)
    worse = verdict(tally([1000] * 8, [30] * 8), silent, baseline=before)

    assert (healthy.kind, worse.kind) == (VerdictKind.HEALTHY, VerdictKind.WORSE)


def test_shown_figures_do_not_decide() -> None:
    good, bad = Figure.known(0.03), Figure.known(0.0)
    now = Sample(at=START, figures={"business.conversion": bad, "memory": good})
    then = Sample(at=START, figures={"business.conversion": good, "memory": good})

    found = compare(tally([731] * 10, [0] * 10), tally([731] * 10, [0] * 10), now, then, LIMITS)

    checks = {check.name: check for check in found.checks}
    assert found.kind is VerdictKind.HEALTHY
    assert checks["conversion"].change == pytest.approx(-0.03)
    assert not checks["conversion"].judged
    assert [*checks] == ["errors", "p50", "p95", "p99", "throughput", "memory", "cpu", "conversion"]


def test_the_interval_on_the_difference_is_newcombes() -> None:
    change = difference(proportion(56, 70), proportion(48, 80))

    # His table II, example (a), method 10.
    assert (change.value, change.low, change.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


def test_the_harm_that_would_have_been_seen_would_have_been() -> None:
    random = np.random.default_rng(5)
    stable = tally([6000] * 10, [3] * 10)
    rise = detectable(Seen(3, 7310), Seen(30, 60_000), LIMITS)

    found = [
        verdict(tally([731] * 10, random.binomial(731, 0.0005 + rise, 10).tolist()), stable)
        for _ in range(50)
    ]

    assert rise == pytest.approx(0.005, abs=0.0005)
    assert sum(one.kind is VerdictKind.WORSE for one in found) >= 40


def test_looking_often_raises_no_false_alarms() -> None:
    rate = false_alarm_rate(30, 50, canary_rps=25, stable_rps=75, errors=0.0005, seed=3)

    assert rate <= 1 / 30


def test_five_per_cent_of_errors_are_seen_at_the_second_scrape() -> None:
    scrapes = detection(30, broken_from=0)

    assert scrapes[1] == 0
    assert scrapes[2] >= 24
    assert None not in scrapes


def test_made_up_traffic_reads_its_own_p95() -> None:
    version = Version(np.random.default_rng(1), 500)
    counted = count(count(Tally(), version.sample(START)), version.sample(START + SCRAPE))

    check = verdict(counted, counted).checks[2]

    assert check.canary == pytest.approx(version.p95, rel=0.2)
