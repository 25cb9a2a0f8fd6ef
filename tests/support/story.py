"""A canary run told entry by entry, folded as the journal would be. No engine, no world: only what happened.

    run = a_story().through_gates().up().asked(5).approved(BO).shifted(5).baked(5).run

Every line moves the time on as much as it names, so the same story always gives the same run.
"""

from datetime import datetime, timedelta
from typing import Any, Self

from bot.domain.actions import RunGate
from bot.domain.events import (
    Approved,
    Asked,
    Basis,
    Ended,
    Ending,
    Entry,
    Escalated,
    Event,
    Fired,
    Granted,
    Held,
    Intended,
    Noted,
    Planned,
    Progressed,
    Reminded,
    Resumed,
    StepDone,
    StepFailed,
    TurnedBack,
    Voted,
)
from bot.domain.figures import Point, Tally
from bot.domain.folding import begin, fold
from bot.domain.gates import Finding, GateResult, GateStatus, Severity
from bot.domain.outcome import Evidence, Workload
from bot.domain.people import Person
from bot.domain.plan import ApprovalPolicy, Plan, Step
from bot.domain.reasons import Reason
from bot.domain.verdict import Check, Verdict, VerdictKind
from strategies import canary
from strategies.settings import CanarySettings
from tests.support.builders import ADA, BO, MORNING, a_request, a_target

GATES = ("code-review", "tests", "build")
_A_MOMENT, _AN_ANSWER = timedelta(seconds=2), timedelta(minutes=4)
DIGEST = "sha256:9f2c1a07" + "0" * 56


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def a_canary_plan(
    *,
    reason: str = "user preferences",
    gates: tuple[str, ...] = GATES,
    approvals: ApprovalPolicy | None = None,
    findings: tuple[str, ...] = ("There is no staging environment.",),
    **request: Any,
) -> Plan:
    """The real canary's plan with the specified stages."""
    wish = a_request().with_(reason=reason, **request)
    return canary.plan(
        wish, a_target(), CanarySettings(), approvals or ApprovalPolicy(), gates, findings=findings
    )


def healthy(**changes: Any) -> Verdict:
    """Errors and latency as on stable, enough seen to say so."""
    told: dict[str, Any] = {
        "kind": VerdictKind.HEALTHY,
        "sentence": "7,310 requests on v2.5.0, enough to have seen +0.3 points of errors.",
        "checks": (
            a_check("errors", 0.0004, 0.0005, "ratio", low=-0.0004, high=0.0002, limit=0.001),
            a_check("p50", 0.081, 0.080, judged=False),
            a_check("p95", 0.212, 0.208, limit=0.0208),
            a_check("p99", 0.420, 0.431, judged=False),
            a_check("throughput", 25.0, 75.0, "1/s", judged=False),
            a_check("cpu", 0.04, 0.09, "cores", judged=False),
            a_check("memory", 251_000_000, 249_000_000, "bytes", judged=False),
            a_check("conversion", 0.031, 0.030, "ratio", judged=False),
        ),
        "canary_requests": 7_310,
        "stable_requests": 66_020,
    }
    return Verdict(**{**told, **changes})


def worse() -> Verdict:
    """The new version fails far more often than stable."""
    return healthy(
        kind=VerdictKind.WORSE,
        sentence="4.8 % errors against 0.05 % on stable, for 24 s (31 of 640 requests; stable 4 of 8,100).",
        checks=(
            a_check("errors", 0.048, 0.0005, "ratio", kind=VerdictKind.WORSE, limit=0.001),
            a_check("p95", 0.214, 0.208, limit=0.0208),
        ),
        canary_requests=640,
        stable_requests=8_100,
    )


def unknown() -> Verdict:
    """The source of the figures is silent."""
    return Verdict(
        kind=VerdictKind.NO_DATA,
        sentence="Prometheus has not answered since 14:33:02 UTC (connection refused).",
    )


def a_check(name: str, canary: float | None, stable: float | None, unit: str = "s", **changes: Any) -> Check:
    difference = None if canary is None or stable is None else canary - stable
    told = {"kind": VerdictKind.HEALTHY, "change": difference, **changes}
    return Check(name=name, unit=unit, canary=canary, stable=stable, **told)


def passed(gate: str, **changes: Any) -> GateResult:
    told: dict[str, Any] = {
        "status": GateStatus.PASSED,
        "headline": "Nothing stands against it.",
        "facts": ("42 tests, 3 skipped", "coverage 91.2 %"),
        "tools": ("pytest 9.2.0",),
        "took": seconds(41),
        "report": f"{gate}-report.md",
    }
    return GateResult(gate=gate, **{**told, **changes})


def failed(gate: str, number: int = 1) -> GateResult:
    """A gate that found blockers."""
    found = tuple(
        Finding(
            severity=Severity.BLOCKER,
            rule="swallowed-error",
            message=f"An error is swallowed ({n}).",
            file="src/prefs.py",
            line=80 + n,
            remedy="Log it or let it rise",
        )
        for n in range(1, number + 1)
    )
    return passed(gate, status=GateStatus.FAILED, headline=f"{number} blockers.", findings=found)


def points(
    weight: int, number: int = 30, *, errors: float = 0.0004, since: datetime = MORNING
) -> tuple[Point, ...]:
    """Figures that wander a little, the same ones each time."""
    return tuple(
        Point(
            at=since + n * seconds(30),
            weight=weight,
            canary={"errors": errors * (1 + n % 5 / 10), "p95": 0.205 + n % 7 / 500},
            stable={"errors": 0.0005 * (1 + n % 3 / 10), "p95": 0.206 + n % 4 / 500},
        )
        for n in range(number)
    )


class Story:
    """One run, told in order."""

    def __init__(
        self,
        plan: Plan,
        by: Person = ADA,
        *,
        run: str = "checkout-1",
        since: datetime = MORNING,
        digest: str = DIGEST,
    ) -> None:
        self.now = since
        self._digest = digest
        planned = Entry(seq=1, at=self.now, run=run, person=by, event=Planned(plan=plan))
        self.run = begin(planned)
        self.entries = [planned]
        self.seen = [self.run]

    def says(
        self,
        event: Event,
        *,
        step: str | None = None,
        person: Person | None = None,
        after: timedelta = timedelta(0),
        attempt: int = 1,
    ) -> Self:
        """One more entry of the journal, this much later."""
        self.now += after
        entry = Entry(
            seq=self.run.seq + 1,
            at=self.now,
            run=self.run.id,
            step=step,
            person=person,
            event=event,
            attempt=attempt,
        )
        self.run = fold(self.run, entry)
        self.entries.append(entry)
        self.seen.append(self.run)
        return self

    def begins(self, step: str) -> Self:
        return self.says(Intended(), step=step)

    def does(self, step: str, *, takes: timedelta = _A_MOMENT, **evidence: Any) -> Self:
        if step.endswith("/health"):
            was_asked = not evidence.get("sentence", "").startswith("Not asked")
            evidence = {"is_healthy": True if was_asked else None, **evidence}
        return self.begins(step).says(StepDone(evidence=Evidence(**evidence)), step=step, after=takes)

    def gate(self, result: GateResult) -> Self:
        """A gate that was begun ends."""
        step, evidence = f"gates/{result.gate}", Evidence(gate=result)
        if result.lets_pass:
            return self.says(StepDone(evidence=evidence), step=step, after=seconds(41))
        event = StepFailed(reason=Reason.GATE_FAILED, sentence=result.headline, evidence=evidence)
        return self.says(event, step=step, after=seconds(41))

    def gates_begin(self) -> Self:
        for step in self._gates():
            self.begins(step.id)
        return self

    def through_gates(self) -> Self:
        self.gates_begin()
        for step in self._gates():
            assert isinstance(step.action, RunGate)
            self.gate(passed(step.action.gate))
        return self

    def up(self, health: str = "/health answers 200") -> Self:
        """The canary is deployed and healthy, without traffic."""
        self.does("canary/check")
        self.does("canary/deploy", takes=seconds(38), workload=self.workload(3))
        return self.does("canary/header").does("canary/health", sentence=health)

    def coming_up(self, ready: int, *problems: str) -> Self:
        self.does("canary/check").begins("canary/deploy")
        evidence = Evidence(workload=self.workload(ready).with_(problems=problems))
        progress = Progressed(awaiting=f"{ready} of 3 pods ready", evidence=evidence)
        return self.says(progress, step="canary/deploy", after=seconds(5))

    def workload(self, ready: int) -> Workload:
        request, name = self.run.plan.request, self.run.plan.target.canary_workload
        return Workload(
            name=name,
            image=request.image,
            digest=self._digest,
            version=request.version,
            replicas=3,
            ready=ready,
        )

    def asked(
        self, weight: int, verdict: Verdict | None = None, attempt: int = 1, step: str | None = None
    ) -> Self:
        """People are asked about the shift to a weight, or about another step."""
        question = Asked(
            question=f"question-{weight}-{attempt}",
            digest=self._digest,
            verdict=verdict or self.run.verdict,
            remind_at=self.now + minutes(15),
            escalate_at=self.now + minutes(30),
            expires_at=self.now + minutes(60),
        )
        return self.says(question, step=step or f"canary/{weight}/weight", attempt=attempt)

    def approved(self, *people: Person, after: timedelta = _AN_ANSWER, rest: bool = False) -> Self:
        """The open question is answered by these people, one vote after the other."""
        question = self.run.question
        assert question is not None, "nothing is asked"
        if rest:
            self.says(Granted(digest=question.digest), step=question.step, person=people[-1])
        for person in people[:-1]:
            self.says(Voted(question=question.id), step=question.step, person=person)
        event = Approved(basis=Basis.PERSON, question=question.id, people=people)
        return self.says(event, step=question.step, person=people[-1], after=after)

    def voted(self, person: Person) -> Self:
        assert self.run.question is not None, "nothing is asked"
        return self.says(Voted(question=self.run.question.id), step=self.run.question.step, person=person)

    def reminded(self) -> Self:
        assert self.run.question is not None, "nothing is asked"
        return self.says(Reminded(question=self.run.question.id), after=minutes(15))

    def escalated(self) -> Self:
        assert self.run.question is not None, "nothing is asked"
        return self.says(Escalated(question=self.run.question.id), after=minutes(15))

    def shifted(self, weight: int) -> Self:
        return self.does(f"canary/{weight}/weight")

    def baking(self, weight: int, verdict: Verdict | None = None, **evidence: Any) -> Self:
        """The bake at a weight is begun and has been watched for five minutes."""
        self.begins(f"canary/{weight}/bake")
        return self.watched(weight, verdict, **evidence)

    def watched(self, weight: int, verdict: Verdict | None = None, **evidence: Any) -> Self:
        seen = Evidence(verdict=verdict or healthy(), **evidence)
        progress = Progressed(awaiting="bake time", evidence=seen)
        return self.says(progress, step=f"canary/{weight}/bake", after=minutes(5))

    def baked(self, weight: int, verdict: Verdict | None = None, **evidence: Any) -> Self:
        found = {
            "verdict": verdict or healthy(),
            "points": points(weight, since=self.now),
            "canary": Tally(requests=7_310, errors=3),
            **evidence,
        }
        return self.does(f"canary/{weight}/bake", takes=self._bake(weight), **found)

    def stage(self, weight: int, by: Person = BO) -> Self:
        return self.asked(weight).approved(by).shifted(weight).baked(weight)

    def found_worse(self, weight: int) -> Self:
        """In the middle of a bake the new version fails, and the run turns back."""
        found = Evidence(
            verdict=worse(), points=points(weight, 10, errors=0.048), canary=Tally(requests=640, errors=31)
        )
        first_seen = self.now
        sentence = worse().sentence
        self.says(
            StepFailed(reason=Reason.WORSE_THAN_STABLE, sentence=sentence, evidence=found),
            step=f"canary/{weight}/bake",
            after=seconds(5),
        )
        return self.turned(Reason.WORSE_THAN_STABLE, sentence, first_seen=first_seen)

    def fired(self, reason: Reason, sentence: str) -> Self:
        """A trigger sees its condition, and the run turns back."""
        self.says(Fired(reason=reason, sentence=sentence, first_seen=self.now))
        return self.turned(reason, sentence, first_seen=self.now)

    def turned(
        self,
        reason: Reason,
        sentence: str,
        *,
        ending: Ending = Ending.ROLLED_BACK,
        by: Person | None = None,
        first_seen: datetime | None = None,
    ) -> Self:
        event = TurnedBack(
            ending=ending,
            reason=reason,
            sentence=sentence,
            quarantine=ending is Ending.ROLLED_BACK,
            first_seen=first_seen,
        )
        return self.says(event, person=by)

    def turned_by(self, person: Person, sentence: str) -> Self:
        """A person takes the version back."""
        return self.turned(Reason.ROLLED_BACK_BY_PERSON, sentence, by=person)

    def went_back(self) -> Self:
        """Every step of the way back whose forward step was begun, then the end."""
        turn = self.run.turn
        assert turn is not None, "the run does not go back"
        for step in self.run.plan.way_back:
            if step.undoes is not None and self.run.record(step.undoes).began is None:
                continue
            accepted = self.now + seconds(1) if step.id == "back/traffic" else None
            self.does(step.id, takes=seconds(1), accepted_at=accepted)
        return self.ends()

    def ends(self) -> Self:
        """As the turn said."""
        turn = self.run.turn
        assert turn is not None, "the run does not go back"
        return self.says(Ended(ending=turn.ending, reason=turn.reason, sentence=turn.sentence))

    def stopped(self, sentence: str) -> Self:
        """Ended before production was touched."""
        self.turned(Reason.GATE_FAILED, sentence, ending=Ending.STOPPED)
        return self.says(Ended(ending=Ending.STOPPED, reason=Reason.GATE_FAILED, sentence=sentence))

    def held(self, sentence: str = "", by: Person | None = None) -> Self:
        return self.says(Held(sentence=sentence), person=by)

    def resumed(self, by: Person = BO) -> Self:
        return self.says(Resumed(), person=by, after=minutes(3))

    def noted(self, key: str, sentence: str, *, loud: bool = False) -> Self:
        return self.says(Noted(key=key, sentence=sentence, loud=loud))

    def promoted(self, health: str = "/health answers 200") -> Self:
        """From the approved 100 % to the finish."""
        version = self.run.plan.request.version
        for name in ("promote/stable", "promote/traffic"):
            self.says(Approved(basis=Basis.COVERED), step=name)
            self.does(name)
        self.does("promote/cleanup").does("finish/health", sentence=health)
        return self.says(
            Ended(ending=Ending.FINISHED, reason=Reason.FINISHED, sentence=f"{version} serves everything.")
        )

    def _gates(self) -> tuple[Step, ...]:
        return tuple(step for step in self.run.plan.steps if isinstance(step.action, RunGate))

    def _bake(self, weight: int) -> timedelta:
        step = self.run.plan.step(f"canary/{weight}/bake")
        return step.estimate


def a_story(plan: Plan | None = None) -> Story:
    """A run that has just been started."""
    return Story(plan or a_canary_plan())


def a_whole_canary() -> Story:
    """All goes well, from the gates to the finish."""
    story = a_story().through_gates().up()
    for weight in (5, 10, 25, 50, 100):
        story.stage(weight)
    return story.promoted()
