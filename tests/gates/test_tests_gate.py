from bot.config.gates import K6, Suite
from bot.config.quantities import Ratio
from bot.config.words import parse_command
from bot.domain.gates import GateStatus
from bot.gates.readers.cobertura import Coverage, FileCoverage
from bot.gates.readers.junit import Case, Ending
from bot.gates.tests import SuiteFacts, TestFacts, judge

UNIT = Suite(run=parse_command("pytest"), junit="junit.xml", coverage="coverage.xml", minimum=Ratio(0.8))
GOOD = SuiteFacts(
    name="unit",
    command="pytest",
    status=0,
    cases=(Case(name="test_a", ending=Ending.PASSED), Case(name="test_b", ending=Ending.SKIPPED)),
    coverage=Coverage(rate=0.9),
)


def rules(*suites: SuiteFacts, **settings: Suite) -> list[str]:
    return [found.rule for found in judge(TestFacts(suites=suites), settings or {"unit": UNIT}).findings]


def test_good_suites_pass_with_their_figures():
    result = judge(TestFacts(suites=(GOOD,)), {"unit": UNIT})

    assert result.status is GateStatus.PASSED
    assert result.facts == ("unit: 2 tests, 1 skipped in 0.0 s", "coverage 90.0 %")


def test_a_failed_test_is_a_finding_at_its_place():
    bad = Case(name="t.test_c", ending=Ending.FAILED, message="assert 1 == 2", file="tests/test_t.py", line=7)

    result = judge(TestFacts(suites=(GOOD.with_(status=1, cases=(bad,)),)), {"unit": UNIT})

    assert result.status is GateStatus.FAILED
    assert result.headline == "t.test_c failed: assert 1 == 2, tests/test_t.py:7"


def test_fifty_thousand_failures_are_counted_and_not_listed():
    cases = tuple(Case(name=f"test_{n}", ending=Ending.FAILED) for n in range(50_000))

    result = judge(TestFacts(suites=(GOOD.with_(status=1, cases=cases),)), {"unit": UNIT})

    assert len(result.findings) == 51
    assert any("49,950 more tests" in found.message for found in result.findings)


def test_nothing_passes_by_silence():
    skipped_only = (Case(name="test_b", ending=Ending.SKIPPED),)

    assert rules(GOOD.with_(cases=())) == ["no-tests"]
    assert rules(GOOD.with_(cases=skipped_only)) == ["no-tests"]
    assert rules(GOOD.with_(status=2)) == ["exit-status"]
    assert rules(GOOD.with_(timed_out=True)) == ["timed-out"]
    assert rules(GOOD.with_(cases=None, unreadable=("junit.xml: is not there",))) == ["unreadable-report"]
    assert rules(GOOD.with_(coverage=None, unreadable=("coverage.xml: is no XML",))) == ["unreadable-report"]


def test_a_suite_that_counts_nothing_is_believed_with_a_warning():
    bare = Suite(run=parse_command("make test"))

    assert rules(SuiteFacts(name="unit", status=0), unit=bare) == ["uncounted"]
    assert rules(SuiteFacts(name="unit", status=1), unit=bare) == ["exit-status"]


def test_low_coverage_fails_and_names_the_worst_files():
    files = (FileCoverage(path="a.py", lines=10, missed=9), FileCoverage(path="b.py", lines=10, missed=0))

    result = judge(
        TestFacts(suites=(GOOD.with_(coverage=Coverage(rate=0.79999, files=files)),)), {"unit": UNIT}
    )

    assert result.headline == "unit: coverage is 79.9 %, below the minimum of 80.0 %"
    assert [found.file for found in result.findings] == [None, "a.py"]


def test_what_is_not_built_fails_unless_it_is_skipped_with_a_reason():
    load = SuiteFacts(name="load")
    k6 = K6(script="load.js")

    assert rules(load, load=Suite(k6=k6)) == ["not-built"]
    assert rules(load, load=Suite(checks=("ci / *",))) == ["not-built"]
    assert rules(GOOD, load, unit=UNIT, load=Suite(k6=k6, skip="runs nightly")) == []


def test_a_gate_whose_suites_are_all_skipped_is_skipped():
    result = judge(TestFacts(suites=(SuiteFacts(name="load"),)), {"load": Suite(skip="runs nightly")})

    assert result.status is GateStatus.SKIPPED
    assert result.headline == "load skipped: runs nightly"
