"""Files: an upload URL is given out, bytes are posted to it, then the upload is completed."""

import mimetypes
import struct
from dataclasses import dataclass, field
from typing import Any

from bot.sim.workspace.errors import JSON, APIError
from bot.sim.workspace.ids import fresh_id, secret

# Some hundred plots and reports; the oldest go first.
_KEPT_BYTES = 200_000_000
LARGEST = 50_000_000

# What a browser may draw; everything else is handed out as a download, so that no file can run as a page.
_DRAWN = ("image/png", "image/jpeg", "image/gif", "image/webp")


@dataclass
class StoredFile:
    id: str
    name: str
    length: int
    ticket: str
    alt_text: str = ""
    title: str = ""
    content: bytes | None = None
    created: int = 0
    user: str = ""
    shares: dict[str, list[str]] = field(default_factory=dict)
    is_complete: bool = False

    @property
    def mimetype(self) -> str:
        return mimetypes.guess_type(self.name)[0] or "application/octet-stream"

    @property
    def is_drawn(self) -> bool:
        return self.mimetype in _DRAWN


class FileStore:
    def __init__(self) -> None:
        self._files: dict[str, StoredFile] = {}

    def announce(self, name: str, length: int, alt_text: str) -> StoredFile:
        made = StoredFile(fresh_id("F"), name, length, secret(), alt_text=alt_text)
        self._files[made.id] = made
        return made

    def receive(self, ticket: str, content: bytes) -> StoredFile:
        """Take the bytes that were posted to an upload URL.

        Raises:
            APIError: the URL is unknown or used, or the length is not what was announced.
        """
        found = next((stored for stored in self._files.values() if stored.ticket == ticket), None)
        if found is None or found.content is not None:
            raise APIError("file_not_found")
        if len(content) != found.length:
            raise APIError("length_mismatch")
        found.content = content
        self._trim()
        return found

    def get(self, file_id: object) -> StoredFile:
        found = self._files.get(file_id) if isinstance(file_id, str) else None
        if found is None:
            raise APIError("file_not_found")
        return found

    def remove(self, stored: StoredFile) -> None:
        del self._files[stored.id]

    def _trim(self) -> None:
        held = sum(len(stored.content or b"") for stored in self._files.values())
        for stored in list(self._files.values()):
            if held <= _KEPT_BYTES:
                return
            held -= len(stored.content or b"")
            del self._files[stored.id]


def file_json(stored: StoredFile, url: str) -> JSON:
    """The file as Slack describes it; `url` is where its bytes are."""
    kind = stored.name.rpartition(".")[2].lower() if "." in stored.name else "text"
    made: dict[str, Any] = {
        "id": stored.id,
        "created": stored.created,
        "timestamp": stored.created,
        "name": stored.name,
        "title": stored.title or stored.name,
        "mimetype": stored.mimetype,
        "filetype": kind,
        "pretty_type": kind.upper(),
        "user": stored.user,
        "editable": False,
        "size": len(stored.content or b""),
        "mode": "hosted",
        "is_external": False,
        "external_type": "",
        "is_public": True,
        "public_url_shared": False,
        "display_as_bot": False,
        "username": "",
        "url_private": url,
        "url_private_download": f"{url}?download=1",
        "permalink": url,
        "channels": list(stored.shares),
        "groups": [],
        "ims": [],
        "comments_count": 0,
        "has_rich_preview": False,
    }
    if stored.alt_text:
        made["alt_txt"] = stored.alt_text
    if size := _png_size(stored.content or b""):
        made["original_w"], made["original_h"] = size
    return made


def _png_size(content: bytes) -> tuple[int, int] | None:
    """A PNG's width and height; the page reserves the room before the picture is there."""
    if content[:8] != b"\x89PNG\r\n\x1a\n" or len(content) < 24:
        return None
    width, height = struct.unpack(">II", content[16:24])
    return width, height
