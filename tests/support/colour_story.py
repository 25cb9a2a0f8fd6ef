"""A blue-green deploy told entry by entry, as `tests.support.story` tells a canary."""

from datetime import timedelta

from bot.domain.events import Due, Ended, Ending, PutOff
from bot.domain.figures import Tally
from bot.domain.outcome import Evidence, Warmth, Workload
from bot.domain.plan import ApprovalPolicy
from bot.domain.reasons import Reason
from bot.domain.traffic import ByColour, Preview
from strategies import blue_green
from strategies.settings import BlueGreenSettings
from tests.support.builders import BO, a_request, a_target
from tests.support.story import DIGEST, Story, healthy, minutes, seconds

SWITCH = "blue-green/switch"
_PREVIEW = Preview(service="checkout-preview", url="http://green.example")
_GREEN = Workload(
    name="checkout-green",
    image="registry.example/checkout:v2.5.0",
    digest=DIGEST,
    replicas=3,
    pods=3,
    ready=3,
    updated=3,
    is_settled=True,
)
_BLUE = _GREEN.with_(name="checkout-blue", image="registry.example/checkout:v2.4.1")


LEFT = "after/decommission"


def kept_longer() -> Story:
    story = finished()
    until = story.run.care[LEFT].due_at + timedelta(hours=24)
    return story.says(PutOff(until=until), step=LEFT, person=BO, after=minutes(30))


def removed() -> Story:
    story = finished().says(Due(), step=LEFT, after=timedelta(hours=24))
    return story.does(LEFT, sentence="checkout-blue is removed")


def not_removed() -> Story:
    """It could not be, twice; then it was."""
    story = finished().says(Due(), step=LEFT, person=BO, after=minutes(5)).begins(LEFT)
    why = "Remove v2.4.1 in checkout-blue: Kubernetes forbids it: <nope>"
    for hours in (1, 2):
        until = story.now + timedelta(hours=hours)
        story.says(PutOff(until=until, why=why), step=LEFT)
        story.says(Due(), step=LEFT, after=timedelta(hours=hours)).begins(LEFT)
    return story.says(PutOff(until=story.now + timedelta(hours=4), why=why), step=LEFT)


def warmed_up() -> Story:
    request = a_request().with_(strategy="blue-green", reason="user preferences")
    colours = ByColour(service="checkout", label="color", preview=_PREVIEW)
    target = a_target().with_(workload="checkout-blue", traffic=colours)
    plan = blue_green.plan(request, target, BlueGreenSettings(), ApprovalPolicy(), ("tests",))
    story = Story(plan).through_gates().does("blue-green/check")
    story.does("blue-green/deploy", takes=seconds(20), workload=_GREEN)
    story.does("blue-green/preview").does("blue-green/health")
    return story.does("blue-green/warm-up", warmth=Warmth(sent=100, failed=3))


def switched() -> Story:
    story = warmed_up().asked(100, step=SWITCH).approved(BO)
    return story.does(SWITCH, accepted_at=story.now)


def finished(blue: Workload | None = _BLUE) -> Story:
    story = switched()
    counted = Evidence(canary=Tally(requests=9_000, errors=3), stable=Tally(requests=60_000, errors=12))
    story.does("blue-green/watch", takes=minutes(10), verdict=healthy(), canary=counted.canary)
    story.does("blue-green/leave", workload=blue).does("blue-green/keep").does("finish/health")
    return story.says(Ended(ending=Ending.FINISHED, reason=Reason.FINISHED, sentence="Done."))
