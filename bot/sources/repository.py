"""An application's versions, as the tags of its repository."""

from pathlib import Path

from bot.clients.git import Git
from bot.domain.errors import UnknownThing

_NEWEST = 25


class RepositoryVersions:
    """`Versions` over a local clone; `tag` says how a version is called in git: `release-$version`."""

    def __init__(self, application: str, path: Path | None, tag: str = "$version") -> None:
        self._application = application
        self._git = Git(path) if path is not None else None
        self._tag = tag

    async def commit(self, version: str) -> str:
        return await self._repository().resolve(self._tag.replace("$version", version))

    async def changes(self, old: str, new: str) -> tuple[str, ...]:
        commits = await self._repository().commits(old, new)
        return tuple(commit.subject for commit in commits.newest)

    async def newest(self) -> tuple[str, ...]:
        prefix, _, suffix = self._tag.partition("$version")
        tags = await self._repository().tags(_NEWEST)
        names = [tag.name for tag in tags if tag.name.startswith(prefix) and tag.name.endswith(suffix)]
        return tuple(name.removeprefix(prefix).removesuffix(suffix) for name in names)

    def _repository(self) -> Git:
        if self._git is None:
            raise UnknownThing(
                f"{self._application} has no local repository, so I cannot know its versions.",
                "Set repository.path in the configuration to a clone.",
            )
        return self._git
