"""The demo's application: "checkout", a small shop service with a real history.

It is what the gates are tried on: three people, five tags, its own tests, linter and build, on the standard
library alone.

    v2.3.0  orders over HTTP
    v2.4.0  discount codes; what runs when the demo starts
    v2.5.0  user preferences; every gate passes
    v2.5.1  a small fix on top
    v2.6.0  recommendations, and everything a gate is there for: a swallowed error, a print, a token and a
            host in the code, code that was commented out, a broken test, too little coverage

The history is `checkout.fast-import`, git's own export format as text. To change it: `create` a repository,
commit, and write it back with `git fast-export --branches --tags`.
"""

from datetime import timedelta
from pathlib import Path

from bot.clients.git import import_history

REPOSITORY = "checkout"
RUNNING = "v2.4.0"
GOOD = "v2.5.0"
BAD = "v2.6.0"

_HISTORY = Path(__file__).with_name("checkout.fast-import")
_LIMIT = timedelta(seconds=30)


async def create(folder: Path) -> Path:
    """The sample's repository in `folder`/checkout, made if it is not there; its commits are always the same.

    Raises:
        OutsideError: git is missing or refused.
    """
    repository = folder / REPOSITORY
    if not (repository / "HEAD").exists():
        await import_history(_HISTORY, repository, limit=_LIMIT)
    return repository
