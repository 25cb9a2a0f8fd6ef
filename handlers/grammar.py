"""What may follow `/deploy`. Pure: words in, one command or a refusal out.

Unknown words never start anything. A version is whatever is neither a known word nor an application's name;
exactly one is needed, and whether it exists is for the operation to find out.
"""

import difflib
import shlex
import unicodedata

from bot.domain.errors import NotUnderstood
from bot.domain.record import Record
from bot.operations import VERSION, Wish

# Longer input is no command of a person's.
_LONGEST = 2_000

STRATEGIES = ("canary", "blue-green", "rolling")


class Start(Record):
    """`/deploy v2.5.0 canary`."""

    wish: Wish


class Preview(Record):
    """`/deploy plan v2.5.0 canary`."""

    wish: Wish


class OpenForm(Record):
    """`/deploy` alone."""


class Help(Record):
    about: str | None = None


class Show(Record):
    """`/deploy status [run]` or `/deploy history [application]`."""

    what: str
    name: str | None = None


class Decide(Record):
    """`/deploy hold|resume|rollback|abort|approve [run] [reason="…"]`."""

    what: str
    name: str | None = None
    reason: str = ""


class Release(Record):
    """`/deploy release v2.5.0 [application]`."""

    version: str
    application: str | None = None


class Undo(Record):
    """`/deploy undo [application or run] [env=…] [reason="…"]`."""

    name: str | None = None
    environment: str | None = None
    reason: str = ""


Command = Start | Preview | OpenForm | Help | Show | Decide | Release | Undo

DECISIONS = ("approve", "hold", "resume", "rollback", "abort")
LOOKS = ("status", "history")
VERBS = ("plan", *LOOKS, *DECISIONS, "undo", "release", "help")
# Words of the specification that later releases bring; saying so beats "unknown version".
LATER = (
    *("rehearse", "queue", "waive", "stats", "checklist", "report"),
    *("lock", "unlock", "freeze", "when", "who", "audit", "doctor"),
)

_STRAIGHT = {ord(curly): straight for curly, straight in zip("“”„’‘", '"""\'\'', strict=True)}


def parse(text: str, applications: tuple[str, ...]) -> Command:
    """The command that a person typed behind `/deploy`.

    Raises:
        NotUnderstood: it is none; the remedy gives the nearest valid one.
    """
    if len(text) > _LONGEST:
        raise NotUnderstood("That is too long for a command.", "Try: /deploy help")
    words = _words(text)
    if not words:
        return OpenForm()
    verb, rest = words[0], words[1:]
    if verb == "help":
        return Help(about=rest[0] if rest else None)
    if verb == "plan":
        return Preview(wish=_wish(rest, applications, "plan "))
    if verb in LOOKS:
        return Show(what=verb, name=_only_name(verb, rest))
    if verb in DECISIONS:
        return _decision(verb, rest)
    if verb == "release":
        return _release(rest, applications)
    if verb == "undo":
        return _undo(rest)
    if verb in LATER:
        raise NotUnderstood(f"/deploy {verb} is not there yet.", "/deploy help lists what is.")
    return Start(wish=_wish(words, applications, ""))


def _words(text: str) -> list[str]:
    # Slack's clients like to turn quotes into curly ones. Control characters are nobody's words, and what is
    # pasted from elsewhere has spaces that only look like one.
    straight = text.translate(_STRAIGHT)
    plain = "".join(" " if unicodedata.category(c) in {"Cc", "Zs", "Zl", "Zp"} else c for c in straight)
    try:
        return shlex.split(plain)
    except ValueError:
        if plain.endswith("\\"):
            raise NotUnderstood("A backslash ends the command.", "Leave it out.") from None
        raise NotUnderstood("A quotation mark is missing its partner.", 'Try: reason="payment bug"') from None


def _options(words: list[str]) -> tuple[list[str], dict[str, str]]:
    plain, options = [], {}
    for word in words:
        key, equals, value = word.partition("=")
        if equals and key in {"env", "reason", "application"}:
            if key in options:
                raise NotUnderstood(f"{key}= is there twice.", "Give it once.")
            if not value.strip():
                raise NotUnderstood(f"{key}= says nothing.", f'Try: {key}="…", or leave it out.')
            options[key] = value
        else:
            plain.append(word)
    return plain, options


def _wish(words: list[str], applications: tuple[str, ...], prefix: str) -> Wish:
    plain, options = _options(words)
    strategies = [word for word in plain if word in STRATEGIES]
    named = [word for word in plain if word in applications]
    rest = [word for word in plain if word not in strategies and word not in named]
    named += [options["application"]] if "application" in options else []
    if "hotfix" in rest:
        raise NotUnderstood("Hotfix runs are not there yet.", "Leave hotfix out for a run with all gates.")
    if len(strategies) > 1:
        raise NotUnderstood("Two strategies are named.", f"Choose one of {', '.join(STRATEGIES)}.")
    if len(named) > 1:
        raise NotUnderstood("Two applications are named.", "One run deploys one application.")
    if not rest:
        example = f"/deploy {prefix}v2.5.0 {strategies[0] if strategies else 'canary'}"
        raise NotUnderstood("Which version?", f"Try: {example}")
    if len(rest) > 1:
        raise _too_many(rest, prefix, applications)
    near = difflib.get_close_matches(rest[0], VERBS, n=1)
    if near and not any(character.isdigit() for character in rest[0]):
        raise NotUnderstood(f'I do not know "{rest[0][:40]}".', f"Did you mean: /deploy {near[0]}")
    if VERSION.fullmatch(rest[0]) is None:
        raise NotUnderstood(f'"{rest[0][:40]}" is not a version.', f"Try: /deploy {prefix}v2.5.0 canary")
    return Wish(
        version=rest[0],
        application=named[0] if named else None,
        strategy=strategies[0] if strategies else None,
        environment=options.get("env"),
        reason=options.get("reason", ""),
    )


def _too_many(rest: list[str], prefix: str, applications: tuple[str, ...]) -> NotUnderstood:
    """One of the words is no version; the nearest known word is likely what was meant."""
    for word in rest:
        near = difflib.get_close_matches(word, (*STRATEGIES, *applications, *VERBS), n=1, cutoff=0.6)
        if near:
            others = [near[0] if other == word else other for other in rest]
            return NotUnderstood(
                f'I do not know "{word[:40]}".', f"Try: /deploy {prefix}{' '.join(others)[:80]}"
            )
    if all(any(character.isdigit() for character in word) for word in rest):
        return NotUnderstood("Two versions are named.", f"Try: /deploy {prefix}{rest[0][:40]} canary")
    # A word without a digit is the stranger, be it in front (an application?) or behind.
    stranger = next((word for word in rest if not any(c.isdigit() for c in word)), rest[-1])
    known = f" Applications: {', '.join(applications)[:200]}." if applications else ""
    return NotUnderstood(
        f'I do not know "{stranger[:40]}".', f"Try: /deploy {prefix}v2.5.0 canary, or /deploy help.{known}"
    )


def _only_name(verb: str, words: list[str]) -> str | None:
    if len(words) > 1:
        raise NotUnderstood(f"/deploy {verb} takes one name.", f"Try: /deploy {verb}")
    return words[0] if words else None


def _release(words: list[str], applications: tuple[str, ...]) -> Release:
    named = [word for word in words if word in applications]
    versions = [word for word in words if word not in applications]
    if len(versions) != 1 or len(named) > 1:
        raise NotUnderstood("Which version may be deployed again?", "Try: /deploy release v2.5.0")
    if VERSION.fullmatch(versions[0]) is None:
        raise NotUnderstood(f'"{versions[0][:40]}" is not a version.', "Try: /deploy release v2.5.0")
    return Release(version=versions[0], application=named[0] if named else None)


def _undo(words: list[str]) -> Undo:
    plain, options = _options(words)
    plain += [options["application"]] if "application" in options else []
    if len(plain) > 1:
        raise NotUnderstood(
            "/deploy undo takes the name of an application or of a run.", 'Try: /deploy undo reason="why"'
        )
    return Undo(
        name=plain[0] if plain else None,
        environment=options.get("env"),
        reason=options.get("reason", ""),
    )


def _decision(verb: str, words: list[str]) -> Decide:
    plain, options = _options(words)
    unknown = [key for key in options if key != "reason"]
    if len(plain) > 1 or unknown:
        raise NotUnderstood(
            f"/deploy {verb} takes the name of a run and a reason.", f'Try: /deploy {verb} reason="why"'
        )
    return Decide(what=verb, name=plain[0] if plain else None, reason=options.get("reason", ""))
