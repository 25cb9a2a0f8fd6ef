"""Has pictures drawn by a process of their own, which ends when the picture is there."""

import subprocess
import sys
from pathlib import Path

import bot
from bot.clients.process import child_environment
from bot.domain.points import around
from bot.views.items import Picture

# A busy machine takes some seconds for one; after this much something is wrong.
_LIMIT = 60.0
_LAST_WORDS = 500


def draw_apart(picture: Picture) -> bytes:
    """The picture as PNG. Blocks, so it belongs into a thread.

    Raises:
        RuntimeError: it could not be drawn; the last words of the one who drew are in it.
        OSError: no process could be started.
    """
    try:
        with around("picture/draw"):
            done = subprocess.run(
                (sys.executable, "-m", "bot.views"),
                input=picture.model_dump_json().encode(),
                capture_output=True,
                check=True,
                timeout=_LIMIT,
                # `-m` finds the package from here, whether it is installed or only checked out.
                cwd=Path(bot.__file__).parent.parent,
                env=child_environment(),
            )
    except subprocess.CalledProcessError as error:
        words = error.stderr.decode(errors="replace").strip()[-_LAST_WORDS:]
        raise RuntimeError(f"the picture was not drawn: {words}") from error
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"the picture was not drawn within {_LIMIT:.0f} s") from error
    return done.stdout
