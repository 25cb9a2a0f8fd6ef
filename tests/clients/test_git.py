import asyncio
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.clients.git import Git, clone
from bot.clients.nearest import nearest
from bot.domain.errors import NotUnderstood, OutsideError, Rejected, UnknownThing, Unreadable

WHO = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
}


class Repository:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.day = 1
        self("init", "--quiet", "--initial-branch=main")

    def __call__(self, *words: str) -> str:
        when = f"2026-11-{self.day:02}T10:00:00Z"
        return subprocess.run(
            ("git", *words),
            cwd=self.folder,
            env=WHO | {"GIT_COMMITTER_DATE": when},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    def commit(self, subject: str, **files: str) -> str:
        for name, text in files.items():
            (self.folder / f"{name}.txt").write_text(text)
        self.day += 1
        self("add", "--all")
        self("commit", "--quiet", "--allow-empty", "-m", subject)
        return self("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "checkout")


async def test_an_annotated_tag_names_the_commit_behind_it(repository: Repository):
    commit = repository.commit("first", a="1")
    repository("tag", "-a", "v1.0.0", "-m", "the first release")

    assert await Git(repository.folder).resolve("v1.0.0") == commit


async def test_an_unknown_tag_is_answered_with_the_nearest_ones(repository: Repository):
    repository.commit("first", a="1")
    for tag in ("v1.2.5", "v2.4.0", "v2.5.0"):
        repository("tag", tag)

    with pytest.raises(UnknownThing) as refused:
        await Git(repository.folder).resolve("v2.5")

    assert refused.value.sentence == "checkout has no tag v2.5."
    assert refused.value.remedy.startswith("Nearest: v2.5.0, v2.4.0")


async def test_a_branch_is_not_a_version(repository: Repository):
    repository.commit("first", a="1")

    with pytest.raises(UnknownThing, match="It has no tags yet"):
        await Git(repository.folder).resolve("main")


@pytest.mark.parametrize(
    "version",
    [
        "",
        "--output=x",
        "-v1",
        "v1; rm -rf /",
        "<!channel>",
        "v1..v2",
        "v1^{tree}",
        "a//b",
        "v1@{0}",
        ".v1",
        "v1\n",
    ],
)
async def test_what_cannot_be_a_version_never_reaches_git(version: str, tmp_path: Path):
    with pytest.raises(NotUnderstood):
        await Git(tmp_path / "there is no repository here").resolve(version)


async def test_tags_come_newest_first_and_bounded(repository: Repository):
    for number in (1, 2, 3):
        repository.commit(f"commit {number}", a=str(number))
        repository("tag", "-a", f"v{number}", "-m", f"release {number}")
    git = Git(repository.folder)

    tags = await git.tags()

    assert [tag.name for tag in tags] == ["v3", "v2", "v1"]
    assert tags[0].subject == "release 3"
    assert tags[0].at == datetime(2026, 11, 4, 10, tzinfo=UTC)
    assert tags[0].commit == repository("rev-parse", "HEAD")
    assert len(await git.tags(most=2)) == 2


async def test_commits_between_two_versions_are_counted_and_the_newest_listed(repository: Repository):
    old = repository.commit("first", a="1")
    for number in (2, 3, 4):
        new = repository.commit(f"change {number}", a=str(number))

    commits = await Git(repository.folder).commits(old, new, most=2)

    assert commits.count == 3
    assert [commit.subject for commit in commits.newest] == ["change 4", "change 3"]
    assert commits.newest[0].author == "Ada"


async def test_the_diff_goes_from_the_running_to_the_new_version(repository: Repository):
    old = repository.commit("first", a="one\n")
    new = repository.commit("second", a="two\n")

    diff = await Git(repository.folder).diff(old, new)

    assert "-one\n+two\n" in diff


async def test_without_a_running_version_everything_is_new(repository: Repository):
    new = repository.commit("first", a="one\n", b="two\n")

    diff = await Git(repository.folder).diff(None, new)

    assert "+one\n" in diff
    assert "+two\n" in diff


async def test_a_diff_too_large_to_review_is_refused(repository: Repository):
    old = repository.commit("first", a="")
    new = repository.commit("second", a="line\n" * 1_000)

    with pytest.raises(Rejected, match="too large to review"):
        await Git(repository.folder).diff(old, new, most=1_000)


async def test_a_checkout_is_clean_exact_and_gone_afterwards(repository: Repository):
    old = repository.commit("first", a="one\n")
    repository.commit("second", a="two\n")
    (repository.folder / "a.txt").write_text("unfinished work")

    async with Git(repository.folder).checkout(old) as tree:
        text = (tree / "a.txt").read_text()
        (tree / "left behind").write_text("x")

    assert text == "one\n"
    assert not tree.parent.exists()
    assert repository("worktree", "list").count("\n") == 0


async def test_a_checkout_goes_when_the_gate_is_cancelled(repository: Repository):
    commit = repository.commit("first", a="one\n")
    trees: list[Path] = []

    async def gate() -> None:
        async with Git(repository.folder).checkout(commit) as tree:
            trees.append(tree)
            await asyncio.Event().wait()

    task = asyncio.create_task(gate())
    while not trees:  # noqa: ASYNC110 - the worktree is made by another process
        await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not trees[0].parent.exists()
    assert repository("worktree", "list").count("\n") == 0


async def test_several_checkouts_stand_side_by_side(repository: Repository):
    commit = repository.commit("first", a="one\n")
    git = Git(repository.folder)

    async def read() -> str:
        async with git.checkout(commit) as tree:
            return (tree / "a.txt").read_text()

    assert await asyncio.gather(*(read() for _ in range(4))) == ["one\n"] * 4


async def test_a_hook_of_the_repository_does_not_run(repository: Repository):
    commit = repository.commit("first", a="one\n")
    hook = repository.folder / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {repository.folder}/hooked\n")
    hook.chmod(0o755)

    async with Git(repository.folder).checkout(commit):
        pass

    assert not (repository.folder / "hooked").exists()


async def test_a_commit_is_named_in_full_or_not_at_all(repository: Repository):
    repository.commit("first", a="one\n")

    with pytest.raises(Unreadable, match="full commit id"):
        await Git(repository.folder).diff("HEAD", "--output=x")


async def test_a_folder_that_is_no_repository_is_said_to_be_none(tmp_path: Path):
    with pytest.raises(OutsideError, match="not a git repository"):
        await Git(tmp_path).tags()


@pytest.mark.parametrize(
    "url", ["ext::sh -c touch% x", "file:///etc", "--upload-pack=x", "/somewhere", "http://x/y"]
)
async def test_only_encrypted_addresses_are_cloned(url: str, tmp_path: Path):
    with pytest.raises(Rejected, match="https:// or ssh"):
        await clone(url, tmp_path / "mirror")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("v2.5", ("v2.5.1", "v2.5.0", "v2.4.0")),
        ("2.5.0", ("v2.5.0", "v2.5.1", "v2.4.0")),
        ("v2.5.00", ("v2.5.0", "v2.5.1", "v2.4.0")),
        ("v3.0.0", ("v2.5.1", "v2.5.0", "v2.4.0")),
        ("nonsense", ("v2.5.1", "v2.5.0", "v2.4.0")),
    ],
)
def test_the_nearest_versions_share_the_leading_numbers(typed: str, meant: tuple[str, ...]):
    assert nearest(typed, ["v2.5.1", "v2.5.0", "v2.4.0", "v1.0.3"]) == meant


def test_where_nothing_is_known_nothing_is_suggested():
    assert nearest("v1", []) == ()


async def test_many_checkouts_of_one_repository_at_once_do_not_disturb_each_other(repository: Repository):
    commit = repository.commit("first", a="1")
    git = Git(repository.folder)

    async def once() -> bool:
        async with git.checkout(commit) as tree:
            return tree.is_dir()

    assert all(await asyncio.gather(*(once() for _ in range(24))))
