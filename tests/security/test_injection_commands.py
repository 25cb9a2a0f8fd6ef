"""Hostile text on its way to a process: as a version, a tag, a branch, a commit, an argument."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from bot.clients.git import Git, clone
from bot.clients.process import run
from bot.config import Command
from bot.config.words import parse_command
from bot.domain.errors import NotUnderstood, OutsideError, UnknownThing
from bot.operations import VERSION
from bot.sources.repository import RepositoryVersions
from handlers import grammar
from tests.security.hostile import HOSTILE, MARK

ANY = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
SOON = timedelta(seconds=20)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With two commits, a tag, and a branch that is called like a flag."""
    folder = tmp_path_factory.mktemp("repository")

    def git(*words: str) -> None:
        who = ("-c", "user.name=ada", "-c", "user.email=ada@example.com")
        subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)

    git("init", "-q")
    for number in (1, 2):
        (folder / "a.txt").write_text(f"{number}\n")
        git("add", ".")
        git("commit", "-q", "-m", f"Number {number}")
    git("tag", "v1.0.0", "HEAD~1")
    git("update-ref", "refs/heads/--output=slackwater-was-here", "HEAD")
    git("update-ref", "refs/tags/-d", "HEAD")
    return folder


@pytest.fixture(autouse=True)
def nothing_was_obeyed(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    yield
    assert not list(repository.rglob(MARK))
    assert not list(tmp_path.rglob(MARK))


@ANY
def test_a_typed_word_is_a_version_only_if_it_can_do_no_harm(text: str):
    try:
        command = grammar.parse(text, ("checkout",))
    except NotUnderstood:
        return

    if isinstance(command, grammar.Start):
        assert VERSION.fullmatch(command.wish.version)
        assert command.wish.version[0] not in "-./"
    else:
        assert isinstance(command, grammar.OpenForm | grammar.Help)


@ANY
def test_a_reason_never_becomes_another_word(text: str):
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    if len(quoted) > 1_900:
        quoted = quoted[:1_900]
    try:
        command = grammar.parse(f'v2.5.0 canary reason="{quoted}"', ("checkout",))
    except NotUnderstood:
        assert not text.strip("\x00\x85 \u2028\u2029\x9b")
        return

    assert isinstance(command, grammar.Start)
    assert (command.wish.version, command.wish.strategy) == ("v2.5.0", "canary")
    assert command.wish.environment is command.wish.application is None


@ANY
async def test_no_tag_makes_git_do_anything(repository: Path, text: str):
    with pytest.raises((NotUnderstood, UnknownThing)):
        await Git(repository).resolve(text)
    with pytest.raises((NotUnderstood, UnknownThing)):
        await RepositoryVersions("checkout", repository, "$version").commit(text)


@ANY
async def test_no_commit_that_is_none_reaches_git(repository: Path, text: str):
    head = await Git(repository).resolve("v1.0.0")

    for ask in (Git(repository).commits, Git(repository).diff):
        with pytest.raises(OutsideError, match="a full commit id was expected"):
            await ask(head, text)
    with pytest.raises(OutsideError, match="a full commit id was expected"):
        async with Git(repository).checkout(text):
            pass


async def test_tags_and_branches_that_look_like_flags_are_only_names(repository: Path):
    names = [tag.name for tag in await Git(repository).tags()]

    assert sorted(names) == ["-d", "v1.0.0"]
    with pytest.raises(NotUnderstood):
        await Git(repository).resolve("-d")


@pytest.mark.parametrize(
    "url", [*HOSTILE.values(), "file:///etc", "https://-oProxyCommand=x", "ssh://-oProxyCommand=touch%20x/y"]
)
async def test_nothing_but_an_address_is_cloned(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch):
    asked: list[tuple[str, ...]] = []

    async def remember(_folder: Path, *words: str, **_how: object) -> None:
        asked.append(words)

    monkeypatch.setattr("bot.clients.git._git", remember)
    try:
        await clone(url, tmp_path / "clone")
    except OutsideError:
        assert asked == []
        return

    (words,) = asked
    assert url.startswith(("https://", "ssh://"))
    assert words[-3:] == ("--", url, str(tmp_path / "clone"))


@ANY
async def test_what_is_filled_in_stays_one_word_and_is_looked_at_once(tmp_path: Path, text: str):
    command = parse_command(
        f"{sys.executable} -c 'import sys; print(ascii(sys.argv[1:]))' --tag=$version $image"
    )

    words = command.filled(version=text, image="$version")

    assert words[-2:] == (f"--tag={text}", "$version")
    if "\x00" in text or "\ud800" in text:
        return  # no process takes such a word, and no version has it
    finished = await run(words, cwd=tmp_path, limit=SOON, raw=True)
    assert finished.stdout.strip() == ascii([f"--tag={text}", "$version"])


@pytest.mark.parametrize("text", ["nothing: \x00", "half a character: \ud800"])
async def test_a_word_that_no_process_takes_is_refused_in_words(tmp_path: Path, text: str):
    with pytest.raises(OutsideError, match="cannot be started"):
        await run((sys.executable, "-c", "", text), cwd=tmp_path, limit=SOON)


@pytest.mark.parametrize("text", ["$version", "$version --help", "${image}", '"$version" x', "bin/$version"])
def test_whoever_deploys_does_not_choose_the_program(text: str):
    with pytest.raises(ValueError, match="would let whoever deploys choose the program"):
        parse_command(text)


@pytest.mark.parametrize(
    "text", ["make test; rm -rf /", "a && b", "a | b", "a > b", "echo `id`", "echo $(id)", "echo $HOME", ""]
)
def test_what_only_a_shell_could_do_is_refused_in_a_configuration(text: str):
    with pytest.raises(ValueError, match=r"no shell|is not filled in|is empty"):
        parse_command(text)


def test_a_command_keeps_the_words_that_were_quoted():
    command = parse_command("sh -c 'deploy \"$version\"; echo done'")

    assert command == Command(words=("sh", "-c", 'deploy "$version"; echo done'))
    assert VERSION.fullmatch('v1"; reboot; "') is None
