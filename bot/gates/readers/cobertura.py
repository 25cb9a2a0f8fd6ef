"""Cobertura's coverage.xml, as coverage.py, Istanbul, gocover-cobertura and others write it."""

import math
from xml.etree.ElementTree import Element

from bot.domain.errors import Unreadable
from bot.domain.record import Record
from bot.gates.readers.xml import local_name, root_of

MOST = 64 * 1024 * 1024  # bytes
_WHAT = "the coverage report"


class FileCoverage(Record):
    """One file's lines."""

    path: str
    lines: int
    missed: int


class Coverage(Record):
    """The share of lines that the tests reached."""

    rate: float  # 0 to 1
    files: tuple[FileCoverage, ...] = ()


def read_cobertura(content: bytes) -> Coverage:
    """The line coverage of a report.

    Raises:
        Unreadable: it is none, or covers nothing.
    """
    root = root_of(content, _WHAT)
    if local_name(root) != "coverage":
        raise Unreadable(_WHAT, f"begins with <{local_name(root)[:40]}>, not with <coverage>")
    try:
        rate = float(root.get("line-rate", ""))
        valid = int(root.get("lines-valid", "1"))
        files = _files(root)
    except ValueError as error:
        raise Unreadable(_WHAT, "has no line rate") from error
    if not math.isfinite(rate) or not 0 <= rate <= 1:
        raise Unreadable(_WHAT, f"has the line rate {rate}, which is none")
    if valid <= 0:
        raise Unreadable(_WHAT, "covers no line at all")
    return Coverage(rate=rate, files=files)


def _files(root: Element) -> tuple[FileCoverage, ...]:
    lines: dict[str, dict[int, int]] = {}
    for element in root.iter():
        if local_name(element) != "class":
            continue
        seen = lines.setdefault(element.get("filename", "?"), {})
        for line in element.iter():
            if local_name(line) == "line":
                number = int(line.get("number", ""))
                seen[number] = max(seen.get(number, 0), int(line.get("hits", "")))
    return tuple(
        FileCoverage(path=path, lines=len(hits), missed=sum(1 for count in hits.values() if count == 0))
        for path, hits in lines.items()
        if hits
    )
