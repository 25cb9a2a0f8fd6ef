"""What a stage comes to: a snapshot of its figures, as text and as a picture; and an outage in its middle."""

from datetime import datetime, timedelta

from bot.domain.actions import Bake
from bot.domain.plan import Step
from bot.domain.run import Run, StepRecord
from bot.domain.verdict import Check, Verdict, VerdictKind
from bot.views import blocks
from bot.views.figures import comparison, figures_table, in_words, verdict_word
from bot.views.items import Item, Picture, Place, Told
from bot.views.text import count, escaped, joined, sentence, span, took, when

_OUTAGE = timedelta(minutes=1)


def stages(run: Run) -> list[Told]:
    """A snapshot at each stage's end, as text and as a picture; and a stage that cannot be judged."""
    found: list[Told] = []
    for step in run.plan.steps:
        record = run.record(step.id)
        verdict = record.evidence.verdict
        if not isinstance(step.action, Bake) or verdict is None:
            continue
        if record.ended is not None:
            found.append((record.ended, _snapshot(run, step.action, record, verdict)))
            drawn = _picture(run, step.action, record, verdict)
            found += [(_last_word(run, step, record.ended), item) for item in drawn]
            continue
        since = _outage(record)
        if since is not None:
            found.append((since, _blind(run, step, verdict, since)))
    return found


def _last_word(run: Run, bake: Step, ended: datetime) -> datetime:
    """When the question that the stage leads to was asked: people are asked before a picture is drawn."""
    order = [step.id for step in run.plan.steps]
    following = next((s for s in run.plan.shifts if order.index(s.id) > order.index(bake.id)), None)
    every = [closed.question for closed in run.closed] + ([run.question] if run.question else [])
    asked = (q.asked_at for q in every if following is not None and q.step == following.id)
    return next(asked, ended)


def _outage(record: StepRecord) -> datetime | None:
    """Since when there are no figures, once it is a minute; a version that has just begun has none yet.

    It cannot be since before the stage began: then the clock was set back, and tells nothing for a while.
    """
    evidence = record.evidence
    since = min(
        (t.blind_since for t in (evidence.canary, evidence.stable) if t and t.blind_since), default=None
    )
    if since is None or evidence.looked_at is None or record.began is None or since < record.began:
        return None
    return since if evidence.looked_at - since >= _OUTAGE else None


def _snapshot(run: Run, action: Bake, record: StepRecord, verdict: Verdict) -> Item:
    request, weight = run.plan.request, action.weight
    new, old = escaped(request.version), escaped(request.running_version)
    said = escaped(verdict.sentence, 600)
    against = f" {old} has no traffic now; its figures are from before." if weight == 100 else ""
    away = record.evidence.unwatched
    missed = f" For {span(away)} of it nobody watched, which does not count." if away > timedelta(0) else ""
    small = (
        f"{count(verdict.canary_requests)} requests on {new}, {count(verdict.stable_requests)} on {old}."
        f"{against}{missed}"
    )
    shown = [
        blocks.section(
            f"*{weight} % for {took(record.began, record.ended)}: {verdict_word(verdict)}.* {said}"
        )
    ]
    if verdict.checks:
        shown.append(figures_table(verdict, request.version, request.running_version))
    return Item(
        key=f"stage/{weight}",
        place=Place.THREAD,
        text=f"{weight} %: {verdict_word(verdict)}. {said} {'; '.join(comparison(verdict))}".strip(),
        blocks=(*shown, blocks.context(small)),
    )


def _picture(run: Run, action: Bake, record: StepRecord, verdict: Verdict) -> list[Item]:
    points = record.evidence.points
    if len(points) < 2:
        return []
    request, weight = run.plan.request, action.weight
    alt = blocks.cut(f"{weight} % stage. {in_words(verdict, request.version, request.running_version)}", 900)
    picture = Picture(
        name=f"canary-{weight}.png",
        title=_title(request.version[:40], weight, verdict),
        alt=alt,
        points=points,
        weight=weight,
        canary=request.version,
        stable=request.running_version,
        allowed={check.name: check.limit for check in verdict.checks if check.limit is not None},
    )
    text = (
        f"{weight} % stage. {in_words(verdict, escaped(request.version), escaped(request.running_version))}"
    )
    return [Item(key=f"picture/{weight}", place=Place.THREAD, text=text, picture=picture)]


def _title(version: str, weight: int, verdict: Verdict) -> str:
    """What the picture shows, in words; only what was judged is called no worse."""
    judged = [check for check in verdict.checks if check.judged]
    match verdict.kind:
        case VerdictKind.HEALTHY:
            return f"{_names(judged)} at {weight} %: {version} is no worse"
        case VerdictKind.WORSE:
            worse = [check for check in judged if check.kind is VerdictKind.WORSE]
            return f"{_names(worse)} at {weight} %: {version} is worse"
        case VerdictKind.INCONCLUSIVE:
            return f"{version} at {weight} %: inconclusive"
        case VerdictKind.NO_DATA:
            return f"{version} at {weight} %: no figures"


def _names(checks: list[Check]) -> str:
    names = joined(tuple(check.name for check in checks)) or "figures"
    return names[0].upper() + names[1:]


def _blind(run: Run, step: Step, verdict: Verdict, since: datetime) -> Item:
    """It stands there for good, so it says since when, and where to see how it went on."""
    why = sentence(escaped(verdict.sentence, 500))
    text = (
        f"No figures since {when(since)}; holding at {run.weight} %. {why} Traffic stays as it is and health "
        "checks go on. If figures come back, the stage goes on; at its end I tell what was seen, or ask."
    )
    return Item(
        key=f"blind/{step.id}",
        place=Place.THREAD,
        text=text,
        blocks=(blocks.section(text),),
    )
