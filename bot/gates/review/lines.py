"""Rules by the line: TODOs in any language; what lines tell of JavaScript, TypeScript, Go, Rust and Java.

Conservative: a rule that cannot see the syntax speaks up only where a line by itself leaves no doubt.
"""

import re
from collections.abc import Iterator

from bot.domain.gates import Finding
from bot.gates.readers.diff import ChangedFile
from bot.gates.results import blocker, warning
from bot.gates.review.secrets import host_in, is_credential, is_token

_TODO = re.compile(r"(?:#|//|/\*|\*|--|<!--|;).*?\b(TODO|FIXME|XXX|HACK)\b")
_JAVASCRIPT = frozenset({".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte"})
_JVM = frozenset({".java", ".kt", ".scala"})
LANGUAGES = _JAVASCRIPT | _JVM | {".py", ".go", ".rs"}
_DEBUG = (
    (_JAVASCRIPT, re.compile(r"\bconsole\.(?:log|debug|dir|trace)\s*\(|^\s*debugger\s*;?\s*$")),
    (frozenset({".go"}), re.compile(r"\bfmt\.Print(?:ln|f)?\s*\(|\bspew\.Dump\s*\(")),
    (frozenset({".rs"}), re.compile(r"\bdbg!\s*[(\[{]|\be?println!\s*[(\[{]")),
    (_JVM, re.compile(r"\bSystem\.(?:out|err)\.print|\.printStackTrace\s*\(\s*\)")),
)
_EMPTY_CATCH = re.compile(r"\bcatch\s*(?:\([^)]*\))?\s*\{\s*\}")
_COMMENT = re.compile(r"^\s*(?://|/\*|\*)")
_COMMENTED_CODE = re.compile(
    r"^\s*//\s*(?:[\w$.\[\]]+\s*(?:=|\()[^.]*[;{]|(?:return|import|const|let|var|if)\b.*[;{])\s*$"
)
_STRING = re.compile(r"\"((?:[^\"\\]|\\.){4,400})\"|'((?:[^'\\]|\\.){4,400})'|`([^`]{4,400})`")
_NAMED = re.compile(r"([\w-]+)[\"']?\s*(?::=|[:=])\s*(?:[\w<>\[\]]+\s*=\s*)?$")
_PROGRAMS = ("/main.go", "/main.rs", "/bin/", "/cmd/", "/scripts/", "/cli/", "/build.rs")


def todos(file: ChangedFile) -> tuple[Finding, ...]:
    """What somebody meant to do later, for a file where later is too late."""
    return tuple(
        blocker(
            "todo-in-critical-path",
            f"{found[1]} on a critical path",
            "Do it, or move it to the tracker",
            file=file.path,
            line=number,
        )
        for number, line in file.added
        if (found := _TODO.search(line))
    )


def review(file: ChangedFile) -> tuple[Finding, ...]:
    """What the added lines of a file outside the tests show, for languages other than Python."""
    return tuple(finding for number, line in file.added for finding in _line(file, number, line))


def tokens(file: ChangedFile) -> tuple[Finding, ...]:
    """Credentials by their form, in any file at all."""
    return tuple(_credential(file.path, number) for number, line in file.added if is_token(line))


def _line(file: ChangedFile, number: int, line: str) -> Iterator[Finding]:
    if _COMMENT.match(line):
        if file.suffix in LANGUAGES and _COMMENTED_CODE.match(line):
            yield warning(
                "commented-out-code",
                "code is commented out",
                "Delete it; git keeps it",
                file=file.path,
                line=number,
            )
        return
    is_program = any(part in f"/{file.path}" for part in _PROGRAMS)
    for suffixes, pattern in _DEBUG:
        if file.suffix in suffixes and (found := pattern.search(line)) and not is_program:
            said = found[0].strip(" ([{;")
            yield blocker(
                "debug-output", f"{said} was left in", "Remove it, or log it", file=file.path, line=number
            )
    if file.suffix in _JAVASCRIPT | _JVM and _EMPTY_CATCH.search(line):
        yield blocker(
            "swallowed-error",
            "Every error is swallowed here",
            "Handle it, log it, or let it pass on",
            file=file.path,
            line=number,
        )
    if file.suffix in LANGUAGES:
        yield from _strings(file.path, number, line)


def _strings(path: str, number: int, line: str) -> Iterator[Finding]:
    for found in _STRING.finditer(line):
        value = found[1] or found[2] or found[3]
        named = _NAMED.search(line[: found.start()])
        if is_credential(named[1] if named else "", value):
            yield _credential(path, number)
        elif (host := host_in(value)) is not None:
            yield warning(
                "hard-coded-host",
                f"the host {host} is written into the code",
                "Read it from the configuration",
                file=path,
                line=number,
            )


def _credential(path: str, number: int) -> Finding:
    return blocker(
        "hard-coded-credential",
        "a credential is written into the code",
        "Revoke it, and read the new one from the environment",
        file=path,
        line=number,
    )
