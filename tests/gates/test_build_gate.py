from bot.config.gates import BuildGate
from bot.config.quantities import Size
from bot.config.words import parse_command
from bot.gates.build import Artifact, BuildFacts, judge

SETTINGS = BuildGate(run=parse_command("make"), budget={"dist/*": Size(1_000)})
SMALL = Artifact(path="dist/a.js", size=900, gzipped=300, sha256="9f2c")
GOOD = BuildFacts(command="make", status=0, artifacts=(SMALL,))


def rules(facts: BuildFacts) -> list[str]:
    return [found.rule for found in judge(facts, SETTINGS).findings]


def test_a_good_build_passes_with_the_digest_of_what_it_made():
    result = judge(GOOD, SETTINGS)

    assert result.lets_pass
    assert "dist/a.js 900 B, 300 B gzipped, sha256:9f2c" in result.facts


def test_a_failed_build_fails_with_its_last_words():
    result = judge(BuildFacts(command="make", status=2, last_words="no rule to make target"), SETTINGS)

    assert not result.lets_pass
    assert result.headline == "the build ended with status 2: no rule to make target"


def test_a_build_that_hangs_makes_nothing_or_makes_too_much_fails():
    assert rules(GOOD.with_(timed_out=True)) == ["timed-out"]
    assert rules(GOOD.with_(artifacts=())) == ["no-artifact"]
    assert rules(GOOD.with_(artifacts=(SMALL.with_(size=1_001),))) == ["over-budget"]


def test_warnings_are_shown_and_do_not_fail():
    result = judge(GOOD.with_(warnings=2), SETTINGS)

    assert result.lets_pass
    assert result.findings[0].message == "the build warns 2 times"
