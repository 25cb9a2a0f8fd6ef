"""Why a run is not created, in words for the person who asked."""

from bot.domain.errors import Locked, PolicyBlocked
from bot.domain.plan import Plan
from bot.domain.run import Run


def shared(holder: Run, wanted: Plan) -> Locked:
    """Another run holds objects that the wanted one would touch too."""
    why = locked(holder)
    request = wanted.request
    return Locked(
        f"{request.application} in {request.environment} has the same objects. {why.sentence}",
        why.remedy,
    )


def obstacle(holder: Run, wanted: Plan) -> Locked | None:
    """Why the wanted run may not begin beside one of another application or environment; None: it may."""
    if holder.plan.shares_objects_with(wanted):
        return shared(holder, wanted)
    if holder.needs_staging and holder.plan.shares_staging_with(wanted):
        return rehearsing(holder, wanted)
    return None


def rehearsing(holder: Run, wanted: Plan) -> Locked:
    """Both are rehearsed in one place, and the other run needs it now."""
    request = wanted.request
    return Locked(
        f"{request.application} in {request.environment} is rehearsed on the same staging. "
        f"{locked(holder).sentence}",
        f"Wait until {holder.id} has its rehearsal behind it, or end it with /deploy abort.",
    )


def unreadable(holder: str, wanted: Plan) -> Locked:
    """A run holds application and environment, or may hold the same objects, and nobody here can say more."""
    request = wanted.request
    return Locked(
        f"{request.application} in {request.environment} cannot be deployed now: run {holder} is under way, "
        "and I cannot read it. Another version of Slackwater has written it, or it was damaged.",
        "Start the version that wrote it, and end the run there.",
    )


def locked(holder: Run) -> Locked:
    """Another run holds application and environment: which, whose, since when, how far."""
    request = holder.plan.request
    who = holder.asked_by.name if holder.asked_by else "Slackwater"
    since = f"{holder.started_at:%Y-%m-%d %H:%M} UTC"
    return Locked(
        f"{request.application} in {request.environment} is held by run {holder.id}: {who} has been "
        f"deploying {request.version} since {since}. It is {holder.state.value} with {holder.weight} % of "
        "traffic on the new version.",
        "Wait until it has ended, or end it with /deploy abort.",
    )


def quarantined(application: str, version: str, why: str) -> PolicyBlocked:
    return PolicyBlocked(
        f"{version} of {application} is quarantined: {why}",
        "Deploy a version that mends it, or have an administrator release it.",
    )


def quarantine_words(why: str, run: str) -> str:
    """What `quarantined` answers: the sentence, and the run that it comes from."""
    return f"{why} (run {run})"


def same_commit(why: str, run: str, version: str) -> str:
    """As `quarantine_words`, for another name of what was quarantined."""
    return f"it is the same commit as {version}. {quarantine_words(why, run)}"


def unknown_commit(run: str, version: str) -> str:
    """Where it cannot be told whether this is what was quarantined under another name."""
    return (
        f"{version} is quarantined, and I cannot read which commit it was, so this may be the same one. "
        f"Another version of Slackwater has written it, or it was damaged (run {run})."
    )
