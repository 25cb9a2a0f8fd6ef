"""Going home from whatever stands in the route."""

from datetime import UTC, datetime

from bot.domain.actions import TrafficToStable
from bot.domain.errors import Unreadable
from bot.domain.events import Entry, Planned
from bot.domain.folding import begin
from bot.domain.outcome import Done, TrafficSplit, Workload
from bot.domain.plan import Phase, Step
from bot.ports import StepContext
from bot.steps.traffic import TrafficToStableKind
from tests.support.builders import a_plan

_NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class _SixtySixty:
    """Somebody set weights that do not add up; the change to stable mends them."""

    def __init__(self) -> None:
        self.is_home = False

    async def split(self) -> TrafficSplit:
        if not self.is_home:
            raise Unreadable("Kubernetes", "gives 60 and 60 to the two sides")
        return TrafficSplit(canary=0, header_to="stable")

    async def all_to_stable(self, *, on: TrafficSplit | None, mark: str | None = None) -> None:
        assert on is None, "it could not be read"
        self.is_home = True


class _Ready:
    async def stable(self) -> Workload:
        return Workload(name="checkout", image="checkout:v2.4.0", replicas=3, ready=3)


async def test_weights_that_make_no_sense_do_not_keep_traffic_from_going_home():
    route = _SixtySixty()
    kind = TrafficToStableKind(_Ready(), route)  # type: ignore[arg-type]
    run = begin(Entry(seq=1, at=_NOW, run="checkout-1", event=Planned(plan=a_plan())))
    step = Step(id="back/traffic", title="Home", action=TrafficToStable(), phase=Phase.PRODUCTION)
    context = StepContext(run=run, step=step, now=_NOW)

    seen = await kind.observe(context)
    await kind.apply(context, seen)

    assert not seen.is_settled
    assert isinstance(await kind.verify(context), Done)
