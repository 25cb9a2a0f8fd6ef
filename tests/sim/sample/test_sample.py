from pathlib import Path

import pytest

from bot.clients.git import Git
from bot.sim.sample import BAD, GOOD, RUNNING, create


async def test_the_history_is_the_same_wherever_it_is_made(tmp_path: Path):
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()

    one = await Git(await create(tmp_path / "one")).tags()
    other = await Git(await create(tmp_path / "other")).tags()

    assert [tag.name for tag in one] == ["v2.6.0", "v2.5.1", "v2.5.0", "v2.4.0", "v2.3.0"]
    assert one == other


async def test_making_it_again_keeps_what_is_there(tmp_path: Path):
    repository = await create(tmp_path)
    (repository / "description").write_text("mine")

    assert await create(tmp_path) == repository
    assert (repository / "description").read_text() == "mine"


async def test_several_people_wrote_the_good_version(tmp_path: Path):
    git = Git(await create(tmp_path))

    commits = await git.commits(await git.resolve(RUNNING), await git.resolve(GOOD))

    assert {commit.author for commit in commits.newest} == {"Ada Brook", "Bo Lind"}
    assert commits.newest[0].subject == "Serve the theme preference"


@pytest.mark.parametrize("version", [RUNNING, GOOD, BAD])
async def test_every_version_can_be_checked_out(version: str, tmp_path: Path):
    git = Git(await create(tmp_path))

    async with git.checkout(await git.resolve(version)) as tree:
        has_preferences = (tree / "checkout" / "preferences.py").exists()

    assert has_preferences is (version != RUNNING)
