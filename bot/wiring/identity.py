"""Who this process is in the journal, and whether another one is gone.

A bot that was killed and started again need not wait for its predecessor's lease to run out if it sees
that the predecessor is dead. It can only where both share one machine, which a database file says they do;
the lease's number keeps a wrong guess harmless.
"""

import getpass
import os
import secrets
import socket

from bot.domain.people import Person

OWN = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"


def is_gone(owner: str) -> bool:
    """Whether the process of that name cannot be alive any more."""
    host, _, rest = owner.partition("/")
    pid, _, _ = rest.partition("/")
    if owner == OWN or host != socket.gethostname() or not pid.isdecimal():
        return False
    if int(pid) == os.getpid():
        return True  # its number is ours now, as it always is in a container
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def at_the_console() -> Person:
    """Whoever typed the command; a container's user may have no name."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "console"
    return Person(id="console", name=name)
