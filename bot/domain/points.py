"""Crash points: the moments at which it matters most that the process may die.

One stands before and after every write to the journal and every call to the outside, named in the code right
there. By itself passing one does nothing. Whoever wants to know which points a run passes, or wants the
process killed at one of them, sets a hook; `bot.wiring.crashing` does so from the environment.

**Names** say what and where: `journal/done/canary/5/weight/before`, `kube/GET deployments/checkout/after`;
they are the same in every run of the same plan. What is random (a question's id) or counts up (a run's
number) stays out of them. A name may be passed often; its passings in one process are told apart by number.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Hook = Callable[[str], None]

_hook: Hook | None = None

# A question's id, as `secrets.token_hex(8)` makes it.
_ID = re.compile(r"[0-9a-f]{16}")


def passing(name: str) -> None:
    """This point is reached."""
    if _hook is not None:
        _hook(name)


@contextmanager
def around(name: str) -> Iterator[None]:
    """`name/before`, then the block, then `name/after`, whatever came of the block."""
    passing(f"{name}/before")
    try:
        yield
    finally:
        passing(f"{name}/after")


def without_ids(key: str) -> str:
    """The words of a key that are the same in every run."""
    return "/".join(word for word in key.split("/") if _ID.fullmatch(word) is None)


def set_hook(hook: Hook | None) -> None:
    """Let `hook` hear of every point from now on, in whichever thread it is passed; None: nobody."""
    global _hook  # noqa: PLW0603 - points lie on every floor; handed through, the hook would hide the code
    _hook = hook
