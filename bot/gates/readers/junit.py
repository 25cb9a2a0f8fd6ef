"""JUnit XML, as pytest, Maven, Jest, go-junit-report and cargo-nextest write it.

There is no standard. Read is what all of them share: `testcase` elements anywhere, with `failure`, `error` or
`skipped` inside. The suites' own counts are not trusted, since some runners count differently.
"""

import re
from enum import StrEnum
from xml.etree.ElementTree import Element

from bot.domain.errors import Unreadable
from bot.domain.record import Record
from bot.gates.readers.xml import local_name, root_of

MOST = 32 * 1024 * 1024  # bytes
_PLACE = re.compile(r"^\s*(?:at .*\()?([\w./@+-]+\.\w{1,5}):(\d{1,7})", re.MULTILINE)


class Ending(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    BROKEN = "broken"  # it could not run: an error in a fixture, at import
    SKIPPED = "skipped"


class Case(Record):
    """One test and how it ended."""

    name: str
    ending: Ending
    message: str = ""
    file: str | None = None
    line: int | None = None


def read_junit(content: bytes) -> tuple[Case, ...]:
    """Every test of a report.

    Raises:
        Unreadable: it is not a JUnit report.
    """
    root = root_of(content, "the JUnit report")
    if local_name(root) not in {"testsuites", "testsuite"}:
        raise Unreadable("the JUnit report", f"begins with <{local_name(root)[:40]}>, not with <testsuites>")
    return tuple(_case(element) for element in root.iter() if local_name(element) == "testcase")


def _case(element: Element) -> Case:
    ending, reason = _ending(element)
    names = (element.get("classname", ""), element.get("name", ""))
    said = "" if reason is None else "".join(reason.itertext())
    message = "" if reason is None else (reason.get("message") or said)
    file, line = _place(element, said)
    return Case(
        name=".".join(name for name in names if name)[:300] or "a test without a name",
        ending=ending,
        message=next((words for text in message.splitlines() if (words := text.strip())), "")[:300],
        file=file,
        line=line,
    )


def _ending(element: Element) -> tuple[Ending, Element | None]:
    endings = {"error": Ending.BROKEN, "failure": Ending.FAILED, "skipped": Ending.SKIPPED}
    children = {local_name(child): child for child in element}
    for tag, ending in endings.items():
        if tag in children:
            return ending, children[tag]
    return Ending.PASSED, None


def _place(element: Element, said: str) -> tuple[str | None, int | None]:
    """Where it went wrong: the last place in the trace that is not outside the repository."""
    found = [(file, int(line)) for file, line in _PLACE.findall(said) if _is_inside(file)]
    if found:
        return found[-1]
    file, line = element.get("file"), element.get("line", "")
    if file is None or not _is_inside(file):
        return None, None
    return file, int(line) if line.isdecimal() and len(line) < 8 else None


def _is_inside(file: str) -> bool:
    return not file.startswith("/") and ".." not in file and "site-packages" not in file
