"""What Slackwater asks of a team's git repository: versions, differences, and clean checkouts.

The repository's content is not trusted: names are checked before git sees them; hooks, pagers, external diff
programs, prompts and the `ext` transport are off; everything is bounded in time and size. The repository's
own `.git/config` belongs to whoever runs the bot and is obeyed otherwise.
"""

import asyncio
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from weakref import WeakKeyDictionary

from bot.clients.nearest import nearest
from bot.clients.process import Finished, run
from bot.clients.redaction import redact
from bot.domain.errors import NotUnderstood, OutsideError, Rejected, UnknownThing, Unreadable
from bot.domain.points import around
from bot.domain.record import Record

_SYSTEM = "git"
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+/-]{0,99}", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SAFE = (
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.quotePath=false"),
    *("-c", "protocol.ext.allow=never"),
    *("-c", "gc.auto=0"),
    *("-c", "advice.detachedHead=false"),
)
_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
    "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
    "GIT_PAGER": "cat",
    "GIT_OPTIONAL_LOCKS": "0",
    "LC_ALL": "C",
}
_LIMIT = timedelta(seconds=60)
_CLONE_LIMIT = timedelta(minutes=10)
_CLONED_FROM = re.compile(
    r"(?:https|ssh)://[A-Za-z0-9][^\s]*|[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:[A-Za-z0-9][^\s]*"
)
_MOST_DIFF = 8 * 1024 * 1024  # bytes; more than that nobody reviews, and the gate says so
_MOST_TAGS = 500


class Tag(Record):
    """A version as git knows it."""

    name: str
    commit: str
    at: datetime
    subject: str = ""


class Commit(Record):
    commit: str
    author: str
    at: datetime
    subject: str


class Commits(Record):
    """What lies between two revisions: how many commits, and the newest of them."""

    count: int
    newest: tuple[Commit, ...] = ()


# Git reads every worktree's files while it adds or prunes one, and fails on one that is just being made. So
# the gates of a run take turns at a repository for that moment.
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Path, asyncio.Lock]] = WeakKeyDictionary()


def _turn(repository: Path) -> asyncio.Lock:
    turns = _turns.setdefault(asyncio.get_running_loop(), {})
    return turns.setdefault(repository.absolute(), asyncio.Lock())


class Git:
    """One local repository, bare or not."""

    def __init__(self, repository: Path) -> None:
        self._repository = repository

    async def resolve(self, tag: str) -> str:
        """The commit that `tag` names, an annotated tag's target included.

        Raises:
            NotUnderstood: no tag can have such a name.
            UnknownThing: there is no such tag; the remedy names the nearest ones.
        """
        _check_tag(tag)
        answer = await self._ask(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"refs/tags/{tag}^{{commit}}", fine=(0, 1)
        )
        if answer.status == 0:
            return _commit(answer.stdout.strip())
        near = nearest(tag, [known.name for known in await self.tags()])
        raise UnknownThing(
            f"{self._repository.name} has no tag {tag}.",
            f"Nearest: {', '.join(near)}."
            if near
            else "It has no tags yet: tag the release and push the tag.",
        )

    async def tags(self, most: int = _MOST_TAGS) -> tuple[Tag, ...]:
        """The newest tags that name a commit, newest first."""
        fields = "%(refname:strip=2)%00%(objectname)%00%(*objectname)%00%(creatordate:unix)%00%(subject)"
        answer = await self._ask(
            "for-each-ref", "--sort=-creatordate", f"--count={most}", f"--format={fields}", "refs/tags"
        )
        return tuple(tag for line in answer.stdout.splitlines() if (tag := _tag(line)) is not None)

    async def commits(self, old: str, new: str, most: int = 50) -> Commits:
        """The commits that are in `new` and not in `old`, newest first."""
        between = f"{_commit(old)}..{_commit(new)}"
        count = await self._ask("rev-list", "--count", "--end-of-options", between, "--")
        listed = await self._ask(
            "log", f"--max-count={most}", "--format=%H%x00%an%x00%ct%x00%s", "--end-of-options", between, "--"
        )
        return Commits(count=int(count.stdout), newest=tuple(map(_commit_line, listed.stdout.splitlines())))

    async def diff(self, old: str | None, new: str, most: int = _MOST_DIFF) -> str:
        """The unified diff from `old` to `new`; from the empty tree where `old` is None.

        Raises:
            Rejected: the diff is larger than `most` bytes.
        """
        if old is None:
            empty = await self._ask("hash-object", "-t", "tree", "/dev/null")
            old = empty.stdout.strip()
        answer = await self._ask(
            *("diff", "--no-color", "--no-ext-diff", "--no-textconv", "--find-renames", "--unified=3"),
            *("--src-prefix=a/", "--dst-prefix=b/", "--submodule=short"),
            *("--end-of-options", _commit(old), _commit(new), "--"),
            keep=most,
        )
        if answer.truncated:
            raise Rejected(
                _SYSTEM, f"the diff is larger than {most // 1024 // 1024} MiB, too large to review"
            )
        return answer.stdout

    @asynccontextmanager
    async def checkout(self, commit: str) -> AsyncIterator[Path]:
        """A clean worktree of exactly `commit` in a temporary folder, gone when the block ends."""
        wanted = _commit(commit)
        parent = Path(tempfile.mkdtemp(prefix="slackwater-"))
        tree = parent / wanted[:12]
        try:
            async with _turn(self._repository):
                await self._ask("worktree", "add", "--quiet", "--detach", "--force", str(tree), wanted)
            head = await _git(tree, "rev-parse", "--verify", "HEAD")
            if head.stdout.strip() != wanted:
                raise Unreadable(_SYSTEM, f"the checkout of {wanted[:12]} is at another commit")
            yield tree
        finally:
            await asyncio.shield(self._remove(parent))

    async def _remove(self, parent: Path) -> None:
        await asyncio.to_thread(shutil.rmtree, parent, ignore_errors=True)
        # Forgets worktrees whose folders are gone, an earlier bot's that was killed included.
        async with _turn(self._repository):
            await self._ask("worktree", "prune")

    async def _ask(self, *words: str, fine: tuple[int, ...] = (0,), keep: int = 4 * 1024 * 1024) -> Finished:
        return await _git(self._repository, *words, fine=fine, keep=keep)


async def clone(url: str, folder: Path) -> Path:
    """A bare mirror of a remote repository in `folder`, without its blobs until they are needed.

    Raises:
        Rejected: the address is neither https nor ssh, or the remote refused.
    """
    if _CLONED_FROM.fullmatch(url) is None:
        raise Rejected(_SYSTEM, "a repository is cloned from an https:// or ssh address only")
    await _git(
        folder.parent,
        "clone",
        "--mirror",
        "--quiet",
        "--filter=blob:none",
        "--",
        url,
        str(folder),
        limit=_CLONE_LIMIT,
    )
    return folder


async def import_history(stream: Path, folder: Path, *, limit: timedelta = _LIMIT) -> Path:
    """A new bare repository in `folder` with the history of a fast-import stream, whole or not at all.

    Raises:
        OutsideError: git is missing, or the stream is not one.
    """
    making = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        await _git(making, "init", "--quiet", "--bare", "--initial-branch=main", "--template=", ".")
        await _git(making, "fast-import", "--quiet", limit=limit, stdin=stream)
        await asyncio.to_thread(making.replace, folder)
    finally:
        await asyncio.to_thread(shutil.rmtree, making, ignore_errors=True)
    return folder


async def _git(
    folder: Path,
    *words: str,
    fine: tuple[int, ...] = (0,),
    keep: int = 65_536,
    limit: timedelta = _LIMIT,
    stdin: Path | None = None,
) -> Finished:
    """What git answers, as it is; what goes into an error is redacted there."""
    with around(f"git/{words[0]}"):
        finished = await run(
            ("git", *_SAFE, *words),
            cwd=folder,
            limit=limit,
            environment=_ENVIRONMENT,
            keep=keep,
            raw=True,
            stdin=stdin,
        )
    if finished.timed_out:
        raise Rejected(_SYSTEM, f"`git {words[0]}` did not end within {limit.total_seconds():.0f} s")
    if finished.status not in fine:
        raise _failure(words[0], finished)
    return finished


def _failure(verb: str, finished: Finished) -> OutsideError:
    said = redact(finished.stderr).strip().splitlines()
    return Rejected(_SYSTEM, f"`git {verb}` failed: {said[-1] if said else f'exit status {finished.status}'}")


def _check_tag(tag: str) -> None:
    parts = tag.split("/")
    if _TAG.fullmatch(tag) is None or ".." in tag or any(not part or part[0] == "." for part in parts):
        raise NotUnderstood("That is not a version.", "A version looks like v2.5.0.")


def _commit(name: str) -> str:
    if _COMMIT.fullmatch(name) is None:
        raise Unreadable(_SYSTEM, "a full commit id was expected")
    return name


def _tag(line: str) -> Tag | None:
    name, own, target, seconds, subject = line.split("\0", 4)
    if not seconds:  # a tag of a tree or a blob
        return None
    return Tag(name=name, commit=target or own, at=_moment(seconds), subject=subject)


def _commit_line(line: str) -> Commit:
    commit, author, seconds, subject = line.split("\0", 3)
    # Shown in the thread and kept in the plan, whoever wrote it.
    return Commit(commit=commit, author=author, at=_moment(seconds), subject=redact(subject))


def _moment(seconds: str) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
