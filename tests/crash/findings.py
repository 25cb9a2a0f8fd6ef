"""Judges a run that is over, from the outside. Pure: what was seen in, sentences about what is wrong out.

Nothing lost, nothing twice: each effect once and in order; no shift without its own approval, journaled
before it; every message there, and none twice; timers fired once; the journal whole; no bug in the log.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta

from bot.domain.errors import JournalError
from bot.domain.events import Approved, Basis, Ended, Entry, Intended, Reminded, StepDone
from bot.domain.folding import fold_all
from bot.domain.points import without_ids
from bot.views.items import Item, Place, Setting
from bot.views.messages import messages
from tests.crash.directions import Direction
from tests.crash.outside import Seen
from tests.crash.people import RUN, key_of
from tests.crash.strategy import Strategy
from tests.support.person import button_on

# Of a clock that runs this fast, a process's own "now" and the cluster's differ by a few real milliseconds.
_SAME_MOMENT = timedelta(seconds=1)


# What was kept longer bears the number of its entry.
_BY_CHANCE = tuple(
    f"{RUN}/{key}" for key in ("picture/", "held/", "stakeholders/first-shift", "after/decommission/kept/")
)


def findings(seen: Seen, strategy: Strategy, direction: Direction, usual: frozenset[str]) -> list[str]:
    """What is wrong. `usual`: the messages of a run in which nothing died."""
    return [
        *_of_the_end(seen, strategy, direction),
        *_of_effects(seen, strategy, direction),
        *_of_approvals(seen, strategy),
        *_of_the_journal(seen, direction),
        *of_messages(seen, usual),
        *_of_timers(seen),
        *_of_the_log(seen),
    ]


def message_keys(seen: Seen) -> frozenset[str]:
    """The messages that stand there, by what is the same in every run.

    Whether a stage this short has a picture depends on how often it was looked at, and whether a rollout was
    stopped in time, or had come to every pod before it was taken back, on how fast the bot was back. The
    journal knows.
    """
    keys = {without_ids(key) for key in _posted(seen)}
    return frozenset(key for key in keys if not key.startswith(_BY_CHANCE))


def _of_the_end(seen: Seen, strategy: Strategy, direction: Direction) -> Iterator[str]:
    if seen.runs != (RUN,):
        yield f"the runs are {seen.runs}, where one was asked for"
    ended = [entry.event for entry in seen.journal if isinstance(entry.event, Ended)]
    last = ended[-1] if ended else None
    if last is None or last.ending != direction.ending:
        yield f"it ended {last.ending}: {last.sentence}" if last else "it has not ended"
    image = seen.stable["spec"]["template"]["spec"]["containers"][0]["image"]
    if not image.endswith(f":{direction.serves}"):
        yield f"stable runs {image} at the end"
    is_kept = strategy.keeps_old and not direction.goes_back and not direction.wakes
    if seen.canary is not None and "deletionTimestamp" not in seen.canary["metadata"] and not is_kept:
        yield "the canary is still there"
    if not strategy.is_at_rest(seen.routes):
        yield f"traffic is not at rest: {json.dumps(seen.routes['spec'])}"


def _of_effects(seen: Seen, strategy: Strategy, direction: Direction) -> Iterator[str]:
    told = tuple(effect.what for effect in strategy.effects(seen.audit))
    if told not in strategy.stories[direction.name]:
        yield f"the API server saw {', '.join(told)}"


def _of_approvals(seen: Seen, strategy: Strategy) -> Iterator[str]:
    for effect in strategy.effects(seen.audit):
        step = strategy.approved_by.get(effect.what)
        if step is None:
            continue
        approvals = [e for e in seen.journal if e.step == step and isinstance(e.event, Approved)]
        intents = [e for e in seen.journal if e.step == step and isinstance(e.event, Intended)]
        if len(approvals) != 1:
            yield f"{step} was approved {len(approvals)} times"
            continue
        approval = approvals[0]
        if not intents or intents[0].seq < approval.seq:
            yield f"{step} began before it was approved"
        if intents and intents[0].at > effect.at + _SAME_MOMENT:
            yield f"{effect.what} came before the journal's intent"
        if not _was_given(seen, approval):
            yield f"{step} was approved by {approval.event}, and nobody pressed that"


def _was_given(seen: Seen, approval: Entry) -> bool:
    """Whether a person at the workspace really said yes; a press whose answer was lost counts if it came."""
    event = approval.event
    assert isinstance(event, Approved)
    if event.basis is Basis.COVERED:
        return True
    return event.basis is Basis.PERSON and seen.pressed.get(f"q:{event.question}") == "approve"


def _of_the_journal(seen: Seen, direction: Direction) -> Iterator[str]:
    if [entry.seq for entry in seen.journal] != list(range(1, len(seen.journal) + 1)):
        yield "the journal has gaps"
    kinds = Counter(entry.kind for entry in seen.journal)
    for kind in ("planned", "ended"):
        if kinds[kind] != 1:
            yield f"{kinds[kind]} entries say {kind}"
    if kinds["turned-back"] != int(direction.goes_back):
        yield f"it turned back {kinds['turned-back']} times"
    done = Counter(entry.step for entry in seen.journal if isinstance(entry.event, StepDone))
    yield from (f"{step} was done {times} times" for step, times in done.items() if times > 1)
    reminded = Counter(e.event.question for e in seen.journal if isinstance(e.event, Reminded))
    yield from (f"question {q} was reminded {n} times" for q, n in reminded.items() if n > 1)
    if bool(reminded) != direction.is_reminded:
        yield f"{len(reminded)} questions were reminded"
    if kinds["claimed"] > len(seen.endings) + 1 + direction.wakes:
        yield f"{kinds['claimed']} claims by {len(seen.endings) + 1} processes"


def of_messages(seen: Seen, usual: frozenset[str]) -> list[str]:
    """What is missing or stands there twice, by what the journal says has to stand there."""
    try:
        wanted = messages(fold_all(seen.journal), Setting())
    except JournalError as error:
        return [f"the journal cannot be read: {error}"]
    return list(_of_messages(seen, wanted, usual))


def _of_messages(seen: Seen, wanted: Sequence[Item], usual: frozenset[str]) -> Iterator[str]:
    posted = Counter(_posted(seen))
    yield from (f"{key} was posted {times} times" for key, times in posted.items() if times > 1)
    named = {f"{RUN}/{item.key}" for item in wanted}
    there = {key.partition("@")[0] for key in posted}
    yield from (f"{key} is missing in Slack" for key in sorted(named - there))
    yield from (
        f"{key} stands in Slack, and the journal knows nothing of it" for key in sorted(there - named)
    )
    missing = usual - {without_ids(key) for key in posted}
    yield from (f"{key} is missing; a run in which nothing dies has it" for key in sorted(missing))
    yield from _of_contents(
        seen, {f"{RUN}/{item.key}": item.text for item in wanted if item.place is Place.ROOT}
    )
    for message in seen.thread:
        if button_on(message, "approve") or button_on(message, "rollback"):
            yield f"{key_of(message)} still has buttons"


def _of_contents(seen: Seen, wanted: dict[str, str]) -> Iterator[str]:
    """What was edited last is what stands there."""
    for message in seen.thread:
        text = wanted.get(key_of(message) or "")
        if text is not None and message["text"] != text:
            yield f"{key_of(message)} says {message['text']!r} instead of {text!r}"


def _posted(seen: Seen) -> Iterator[str]:
    """The key of each message; pictures bear none, so their file's name stands for it."""
    for message in (*seen.thread, *seen.releases):
        key = key_of(message)
        if key is not None:
            yield key
        for file in message.get("files") or []:
            name = str(file["name"]).removeprefix(f"{RUN}-canary-").removesuffix(".png")
            yield f"{RUN}/picture/{name}"


def _of_timers(seen: Seen) -> Iterator[str]:
    for timer in seen.timers:
        # One that was not needed any more counts as fired, and nobody heard of it.
        if timer.interrupts > int(timer.has_fired):
            yield f"timer {timer.purpose}: fired {timer.has_fired}, {timer.interrupts} interrupts"
        if not timer.has_fired and timer.due < seen.journal[-1].at:
            yield f"timer {timer.purpose} was due at {timer.due} and never fired"


def _of_the_log(seen: Seen) -> Iterator[str]:
    for line in seen.logged:
        try:
            said = json.loads(line)
        except ValueError:
            if "Traceback" in line:
                yield "the bot's log has a traceback"
            continue
        if isinstance(said, dict) and said.get("level") in {"error", "critical"}:
            yield f"the bot's log says {said.get('event')}: {str(said.get('exception') or said)[-300:]}"
    died = [status for status in seen.endings if status != -9]
    if died or len(seen.endings) > 1:
        yield f"the bot ended {len(seen.endings)} times: {seen.endings}"
