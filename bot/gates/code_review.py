"""Code review: what a careful reader objects to in the difference between running and new version.

Facts are the diff, the changed files as they are now, which tests exist, what the team's own linter says, and
where reviews are kept. Reviews on GitHub are not read yet; the gate says so instead of taking them for given.
"""

import re
import tomllib
from datetime import timedelta
from pathlib import Path

from bot.config.gates import CodeReviewGate
from bot.domain.errors import NotFound, Unreadable
from bot.domain.gates import Finding, GateResult
from bot.domain.record import Record
from bot.gates.readers.diff import ChangedFile, is_test, read_diff
from bot.gates.readers.files import listed, matches, read
from bot.gates.readers.ruff import Complaint, read_ruff
from bot.gates.release import Release
from bot.gates.results import blocker, counted, result, warning
from bot.gates.review import lines, python
from bot.gates.tools import Tools

GATE = "code-review"
REPORT = "pre-deployment-code-review.md"
TITLE = "Pre-deployment code review"

_MOST_SOURCE = 2 * 1024 * 1024  # bytes of one file; more is generated
_MOST_TEST = 512 * 1024
_MOST_LINTED = 500  # files in one call: a command line has an end
_LINT_LIMIT = timedelta(minutes=2)
_NEEDS_NO_TEST = re.compile(
    r"(?:^|/)(?:__init__|__main__|setup|build|conftest|noxfile)\.py$|(?:^|/)migrations?/"
)


class CodeReviewFacts(Record):
    """What is known of a release's changes."""

    is_first: bool = False  # nothing is known to run, so everything counts as new
    github: str | None = None
    files: tuple[ChangedFile, ...] = ()
    unread: tuple[Finding, ...] = ()  # changed files that could not be read
    untested: tuple[str, ...] = ()  # changed code that no test mentions
    style: tuple[Complaint, ...] | None = None  # None: the team has configured no linter that is known here
    tools: tuple[str, ...] = ()


async def gather(release: Release, settings: CodeReviewGate, tools: Tools) -> CodeReviewFacts:
    """Raises `OutsideError` when something cannot be read."""
    del settings
    repository = tools.repository(release.repository)
    files = read_diff(await repository.diff(release.running_commit, release.commit))
    async with repository.checkout(release.commit) as tree:
        read_files, unread = _with_text(tree, files)
        style, linter = await _style(tree, read_files, tools)
        return CodeReviewFacts(
            is_first=release.running_commit is None,
            github=release.github,
            files=read_files,
            unread=unread,
            untested=_untested(tree, read_files),
            style=style,
            tools=linter,
        )


def judge(facts: CodeReviewFacts, settings: CodeReviewGate) -> GateResult:
    """The result, from facts alone."""
    findings = [*facts.unread, *_reviews(facts, settings), *_style_findings(facts)]
    for file in facts.files:
        findings += _file_findings(file, settings)
    for path in facts.untested:
        speak = blocker if _is_critical(path, settings) else warning
        findings.append(
            speak("untested", "changed code that no test mentions", "Add a test for it", file=path)
        )
    added = sum(len(file.added) for file in facts.files)
    seen = f"{counted(added, 'added line')} in {counted(len(facts.files), 'file')} read"
    return result(
        GATE,
        findings,
        passed=f"Nothing to object to: {seen}",
        facts=(
            seen,
            *(["no running version is known: the whole tree counted as new"] if facts.is_first else []),
            "style was not checked: no linter is configured" if facts.style is None else "style checked",
        ),
        tools=facts.tools,
    )


def _file_findings(file: ChangedFile, settings: CodeReviewGate) -> list[Finding]:
    if file.is_test:
        return list(lines.tokens(file))
    found = list(lines.todos(file)) if _is_critical(file.path, settings) else []
    if file.suffix == ".py" and file.text is not None:
        return found + list(python.review(file))
    if file.suffix in lines.LANGUAGES:
        return found + list(lines.review(file))
    return found + list(lines.tokens(file))


def _is_critical(path: str, settings: CodeReviewGate) -> bool:
    return any(matches(path, pattern) for pattern in settings.critical_paths)


def _reviews(facts: CodeReviewFacts, settings: CodeReviewGate) -> list[Finding]:
    if settings.reviews != "required":
        return []
    if facts.github is None:
        return [
            warning(
                "reviews-not-checked",
                "reviews are not checked: no GitHub repository is configured",
                "Set repository.github, or reviews: optional",
            )
        ]
    return [
        blocker(
            "reviews-not-checked",
            f"reviews of {facts.github} are required, and reading them from GitHub is not built yet",
            "Set reviews: optional and check them by eye",
        )
    ]


def _style_findings(facts: CodeReviewFacts) -> list[Finding]:
    """The linter's complaints about lines that the release touches; the rest was there before."""
    touched = {file.path: file.lines for file in facts.files}
    found = []
    for complaint in facts.style or ():
        if complaint.line not in touched.get(complaint.path, ()):
            continue
        speak = blocker if complaint.code == "invalid-syntax" else warning
        found.append(
            speak(
                f"style-{complaint.code}",
                complaint.message,
                "Run the linter",
                file=complaint.path,
                line=complaint.line,
            )
        )
    return found


def _with_text(
    tree: Path, files: tuple[ChangedFile, ...]
) -> tuple[tuple[ChangedFile, ...], tuple[Finding, ...]]:
    """The files with their whole text where a rule needs it, and findings for those that cannot be read."""
    filled, unread = [], []
    for file in files:
        if file.suffix != ".py" or file.is_removed or not file.added:
            filled.append(file)
            continue
        try:
            text = read(tree, tree / file.path, _MOST_SOURCE).decode("utf-8-sig")
        except (NotFound, Unreadable, UnicodeDecodeError) as error:
            unread.append(blocker("unreadable-code", f"cannot be read: {error}"[:300], file=file.path))
            filled.append(file)
            continue
        filled.append(file.with_(text=text))
    return tuple(filled), tuple(unread)


def _untested(tree: Path, files: tuple[ChangedFile, ...]) -> tuple[str, ...]:
    """Changed code whose name no test bears or mentions."""
    changed = [
        file.path
        for file in files
        if file.suffix in lines.LANGUAGES
        and not (file.is_test or file.is_removed or _NEEDS_NO_TEST.search(file.path))
        and any(_is_statement(line) for _, line in file.added)
    ]
    if not changed:
        return ()
    tests = [path for path in listed(tree) if is_test(path)]
    texts = [f"{path}\n{_test_text(tree, path)}" for path in tests]
    return tuple(path for path in changed if not any(_mentions(text, path) for text in texts))


def _mentions(text: str, path: str) -> bool:
    stem = path.rsplit("/", 1)[-1].split(".", 1)[0]
    if stem in {"mod", "index", "lib", "main"} and "/" in path:
        stem = path.rsplit("/", 2)[-2]
    return re.search(rf"(?<![A-Za-z0-9]){re.escape(stem)}(?![a-z0-9])", text) is not None


def _test_text(tree: Path, path: str) -> str:
    try:
        return read(tree, tree / path, _MOST_TEST).decode("utf-8", "replace")
    except (NotFound, Unreadable):
        return ""


def _is_statement(line: str) -> bool:
    words = line.strip()
    return bool(words) and not words.startswith(
        ("#", "//", "/*", "*", "import ", "from ", "package ", "use ")
    )


async def _style(
    tree: Path, files: tuple[ChangedFile, ...], tools: Tools
) -> tuple[tuple[Complaint, ...] | None, tuple[str, ...]]:
    """What ruff says of the changed Python files, if the team has configured it."""
    paths = [file.path for file in files if file.text is not None]
    if not _has_ruff(tree):
        return None, ()
    version = await tools.run(("ruff", "--version"), cwd=tree, limit=_LINT_LIMIT)
    if not paths:
        return (), (version.stdout.strip(),)
    if len(paths) > _MOST_LINTED:
        paths = ["."]
    finished = await tools.run(
        ("ruff", "check", "--output-format=json", "--no-cache", "--no-fix", "--force-exclude", "--", *paths),
        cwd=tree,
        limit=_LINT_LIMIT,
        keep=16 * 1024 * 1024,
        raw=True,
    )
    if finished.timed_out:
        raise Unreadable("ruff", f"did not end within {_LINT_LIMIT.total_seconds():.0f} s")
    if finished.status not in (0, 1) or finished.truncated:
        last = (finished.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise Unreadable("ruff", f"ended with status {finished.status}: {last[:300]}")
    return read_ruff(finished.stdout, tree), (version.stdout.strip(),)


def _has_ruff(tree: Path) -> bool:
    if any((tree / name).is_file() for name in ("ruff.toml", ".ruff.toml")):
        return True
    try:
        settings = tomllib.loads(read(tree, tree / "pyproject.toml", _MOST_SOURCE).decode())
    except (NotFound, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return False
    tool = settings.get("tool")
    return isinstance(tool, dict) and "ruff" in tool
