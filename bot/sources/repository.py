"""An application's versions, as the tags of its repository."""

from pathlib import Path

from bot.clients.git import Commits, Git
from bot.domain.errors import UnknownThing
from bot.sources.together import Together

_NEWEST = 25


class RepositoryVersions:
    """`Versions` over a local clone; `tag` says how a version is called in git: `release-$version`.

    Each question is a process of git's. Many people may ask for the same version at the same moment, so one
    answers them all.
    """

    def __init__(self, application: str, path: Path | None, tag: str = "$version") -> None:
        self._application = application
        self._git = Git(path) if path is not None else None
        self._tag = tag
        self._commits = Together[str]()
        self._changes = Together[Commits]()

    async def commit(self, version: str) -> str:
        tag, repository = self._tag.replace("$version", version), self._repository()
        return await self._commits.ask(tag, lambda: repository.resolve(tag))

    async def changes(self, old: str, new: str) -> tuple[str, ...]:
        repository = self._repository()
        commits = await self._changes.ask((old, new), lambda: repository.commits(old, new))
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
