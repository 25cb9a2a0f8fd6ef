"""What people read of a rehearsal on staging."""

from bot.domain.events import Ended, Ending, Progressed, StepDone, StepFailed, TurnedBack
from bot.domain.outcome import Evidence
from bot.domain.plan import Staging
from bot.domain.reasons import Reason
from bot.domain.verdict import Verdict, VerdictKind
from bot.views.messages import messages
from strategies.settings import StagingSettings
from strategies.staging import rehearsed
from tests.strategies.test_staging_plan import PATH
from tests.support.builders import BO, a_target
from tests.support.story import Story, a_canary_plan, minutes, seconds
from tests.views.reading import SETTING, complaints, keys, read, shown

WELL = "watched for 15 min: every health path well; 0 of 900 requests failed; memory +0 % an hour"


def begun() -> Story:
    target = a_target().with_(namespace="staging")
    there = Staging(target=target, running_version="v2.4.1", running_image="registry.example/checkout:v2.4.1")
    plan = rehearsed(a_canary_plan(), there, StagingSettings(journeys=(PATH,)))
    return Story(plan).through_gates().does("staging/check")


def watched() -> Story:
    story = begun().does("staging/rollout", sentence="3 of 3 pods of checkout are ready")
    story.does("staging/health", sentence="/health healthy on v2.5.0")
    return story.does("staging/journeys", sentence="1 request answered as expected").begins("staging/watch")


def passed() -> Story:
    story = watched().does("staging/watch", takes=minutes(15), sentence=WELL)
    return story.does("staging/keep")


def unwell() -> Story:
    sentence = "On staging: 12 of 900 requests to v2.5.0 failed; none may."
    story = watched().says(
        StepFailed(reason=Reason.UNWELL_ON_STAGING, sentence=sentence), step="staging/watch", after=minutes(3)
    )
    turn = TurnedBack(
        ending=Ending.STOPPED, reason=Reason.UNWELL_ON_STAGING, sentence=sentence, quarantine=False
    )
    return story.says(turn).begins("back/staging/restore")


def test_the_card_says_what_an_end_would_put_back() -> None:
    assert "nothing in production is changed yet\n" in f"{read(shown(begun().run, 'root'))}\n"
    assert "is changed yet; staging gets back what it ran" in read(shown(watched().run, "root"))


def test_nothing_is_said_before_it_begins() -> None:
    assert "staging" not in keys(Story(begun().run.plan).run)


def test_the_plan_says_how_long_it_is_watched() -> None:
    assert "Watch v2.5.0 on staging for 15 min" in read(shown(begun().run, "plan"))


def test_the_message_grows_with_it() -> None:
    coming = begun().begins("staging/rollout")
    coming.says(Progressed(awaiting="1 of 3 pods of checkout run v2.5.0"), step="staging/rollout")
    text = read(shown(coming.run, "staging"))

    assert "Rehearsal on staging: under way" in text
    assert "… Give staging v2.5.0, pod by pod: 1 of 3 pods of checkout run v2.5.0" in text
    assert "Check that staging" not in text
    text = read(shown(watched().run, "staging"))
    assert "✓ /health healthy on v2.5.0." in text
    assert "✓ Walk through staging as a user: buy: 1 request answered as expected" in text
    assert "… Watch v2.5.0 on staging until <!date" in text


def test_the_card_says_until_when_it_is_watched_and_what_is_amiss() -> None:
    assert "Watch v2.5.0 on staging until <!date" in read(shown(watched().run, "root"))
    assert "staging …" in read(shown(watched().run, "root"))
    doubt = Progressed(awaiting="/health: HTTP 503", evidence=Evidence(sentence="/health: HTTP 503"))
    ill = watched().says(doubt, step="staging/watch", after=seconds(5))
    assert "(/health: HTTP 503)" in read(shown(ill.run, "root"))


def test_a_good_one_is_shown_with_the_first_question_and_ticked_at_the_end() -> None:
    assert "*Rehearsal on staging: passed*" in read(shown(passed().run, "staging"))
    asked = passed().up().asked(5)
    assert f"It was rehearsed on staging, {WELL}." in read(shown(asked.run, "question/question-5-1"))
    done = passed().says(Ended(ending=Ending.FINISHED, reason=Reason.FINISHED, sentence="Done."))
    end = read(shown(done.run, "end"))
    assert f"✓ rehearsed on staging, {WELL}" in end
    assert "comparison" not in end
    assert "not checked: staging" not in end


def test_what_was_left_unknown_is_no_tick() -> None:
    verdict = Verdict(kind=VerdictKind.INCONCLUSIVE, sentence="On staging nobody sent it a request.")
    story = watched().does("staging/watch", sentence="watched: nobody sent it a request", verdict=verdict)
    story.does("staging/keep")

    text = read(shown(story.run, "staging"))
    assert "done, with something left unknown" in text
    assert "! Watched: nobody sent it a request." in text
    asked = read(shown(story.up().asked(5).run, "question/question-5-1"))
    assert "On staging nobody sent it a request." in asked
    assert "Nothing has been compared in production yet" in asked
    assert "*Health*" not in read(shown(story.run, "root"))


def test_what_could_not_be_taken_home_is_said_at_the_end() -> None:
    left = "Staging is left as it is: checkout runs registry.example/checkout:v2.5.0, connection refused"
    story = unwell().says(
        StepDone(evidence=Evidence(sentence=left, is_healthy=False)), step="back/staging/restore"
    )
    story.says(Ended(ending=Ending.STOPPED, reason=Reason.UNWELL_ON_STAGING, sentence="It failed."))

    assert f"! Give staging back what it ran: {left}" in read(shown(story.run, "staging"))
    assert shown(story.run, "staging").is_urgent
    assert f"serves everything. {left}." in read(shown(story.run, "end"))


def test_a_bad_one_says_why_and_that_staging_goes_back() -> None:
    text = read(shown(unwell().run, "staging"))

    assert "Rehearsal on staging: failed" in text
    assert "✗ Watch v2.5.0 on staging: 12 of 900 requests to v2.5.0 failed; none may." in text
    assert "… Give staging back what it ran" in text
    assert "rollback" not in keys(unwell().run), "production was never touched"


def test_where_it_was_stands_wherever_it_is_read_alone() -> None:
    assert "On staging: 12 of 900 requests" in read(shown(unwell().run, "root"))


def test_somebody_ends_it() -> None:
    turn = TurnedBack(
        ending=Ending.ABORTED, reason=Reason.ABORTED, sentence="Aborted by Bo.", quarantine=False
    )
    story = watched().says(turn, person=BO)

    text = read(shown(story.run, "staging"))
    assert "Rehearsal on staging: ended early" in text
    assert "■ Watch v2.5.0 on staging: ended here" in text


def test_whoever_rolls_it_back_is_told_that_it_is_quarantined() -> None:
    """Production was not touched, so no message of a rollback says so."""
    reason, sentence = Reason.ROLLED_BACK_BY_PERSON, "Rolled back by Bo."
    turn = TurnedBack(ending=Ending.ROLLED_BACK, reason=reason, sentence=sentence, quarantine=True)
    story = watched().says(turn, person=BO)
    story.says(Ended(ending=Ending.STOPPED, reason=reason, sentence=sentence))

    assert "v2.5.0 is quarantined until an admin releases it." in read(shown(story.run, "end"))
    assert "quarantined" not in read(shown(unwell().run, "root"))


def test_a_held_watch_names_no_time_at_which_it_would_end() -> None:
    held = watched().held(by=BO)

    assert "… Watch v2.5.0 on staging" in read(shown(held.run, "staging"))
    assert "until" not in read(shown(held.run, "staging"))


def test_what_was_not_asked_is_no_tick() -> None:
    story = begun().does("staging/rollout", sentence="3 of 3 pods of checkout are ready")
    story.does("staging/health", sentence="Not asked: the environment has no url to ask")

    assert "– Not asked: the environment has no url to ask." in read(shown(story.run, "staging"))


def test_slack_takes_all_of_it() -> None:
    for story in (begun(), watched(), passed(), unwell()):
        for item in messages(story.run, SETTING):
            assert complaints(item.blocks) == []
