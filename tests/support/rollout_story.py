"""A rolling update told entry by entry, as `tests.support.story` tells a canary."""

from bot.domain.events import Ended, Ending, Progressed
from bot.domain.figures import Tally
from bot.domain.outcome import Evidence, Workload
from bot.domain.plan import ApprovalPolicy
from bot.domain.reasons import Reason
from strategies import rolling
from strategies.settings import RollingSettings
from tests.support.builders import BO, a_request, a_target
from tests.support.story import DIGEST, Story, healthy, minutes, seconds

ROLLOUT = "rolling/rollout"


def a_rollout() -> Story:
    request = a_request().with_(strategy="rolling", reason="user preferences")
    plan = rolling.plan(request, a_target(), RollingSettings(), ApprovalPolicy(), ("tests",))
    return Story(plan).through_gates().does("rolling/check")


def pods(renewed: int) -> Workload:
    return Workload(
        name="checkout",
        image="registry.example/checkout:v2.5.0",
        digest=DIGEST if renewed == 3 else None,
        replicas=3,
        pods=3,
        ready=3,
        updated=renewed,
    )


def under_way(renewed: int) -> Story:
    story = a_rollout().asked(100, step=ROLLOUT).approved(BO).begins(ROLLOUT)
    evidence = Evidence(workload=pods(renewed), canary=Tally(requests=400, errors=20))
    awaiting = f"{renewed} of 3 pods of checkout run v2.5.0"
    return story.says(Progressed(awaiting=awaiting, evidence=evidence), step=ROLLOUT, after=seconds(40))


def finished() -> Story:
    story = a_rollout().asked(100, step=ROLLOUT).approved(BO)
    story.does(ROLLOUT, takes=seconds(90), workload=pods(3), canary=Tally(requests=700, errors=1))
    story.does("rolling/watch", takes=minutes(10), verdict=healthy(), canary=Tally(requests=9_000, errors=3))
    story.does("rolling/keep").does("finish/health")
    return story.says(Ended(ending=Ending.FINISHED, reason=Reason.FINISHED, sentence="Done."))
