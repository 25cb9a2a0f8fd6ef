"""Images of the simulated cluster: names taken apart, digests made up but always the same."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Image:
    """An image's name as a pod states it."""

    repository: str
    tag: str
    pinned: str  # the digest, if the name has one

    @property
    def digest(self) -> str:
        """What a registry would have said; a pinned digest is taken at its word."""
        return self.pinned or "sha256:" + hashlib.sha256(f"{self.repository}:{self.tag}".encode()).hexdigest()

    @property
    def identity(self) -> str:
        """As it stands in a pod's `imageID`."""
        return f"{self.repository}@{self.digest}"

    @property
    def version(self) -> str:
        return self.tag or self.digest.removeprefix("sha256:")[:12]


def image_named(text: str) -> Image:
    name, _, pinned = text.partition("@")
    head, slash, last = name.rpartition("/")
    base, _, tag = last.partition(":")
    return Image(head + slash + base, tag or ("" if pinned else "latest"), pinned)


@dataclass(frozen=True)
class Registry:
    """Which images can be pulled: all but those with `missing` in the tag, or only the listed ones."""

    listed: frozenset[str] | None = None

    def has(self, image: Image) -> bool:
        if "missing" in image.tag:
            return False
        return self.listed is None or f"{image.repository}:{image.tag}" in self.listed
