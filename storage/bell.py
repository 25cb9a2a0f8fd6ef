"""News between the processes of one bot: which run has something new for whoever drives it.

With PostgreSQL it goes through the database (NOTIFY), in the very transaction that commits what is new. A
file has one process, which needs no telling. News that is lost costs a moment: whoever drives a run also
looks.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from sqlalchemy import URL, text
from sqlalchemy.orm import Session

_CHANNEL = "slackwater"


def ring(session: Session, run: str) -> None:
    """Tell every process of the run, once this transaction is committed."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_notify(:channel, :run)"), {"channel": _CHANNEL, "run": run})


async def listen(url: URL, heard: Callable[[str], None]) -> None:
    """Until cancelled, or until the connection breaks.

    Raises:
        OSError: the database does not answer, or does not any more.
    """
    if url.get_backend_name() != "postgresql":
        await asyncio.Event().wait()
        return
    import psycopg

    where = url.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        async with await psycopg.AsyncConnection.connect(where, autocommit=True, **KEPT_ALIVE) as connection:
            await connection.execute(f"LISTEN {_CHANNEL}")
            async for news in connection.notifies():
                heard(news.payload)
    except psycopg.Error as error:
        raise OSError(f"no news from the database: {type(error).__name__}") from error


# A connection whose other end is gone without a word is noticed within some seconds.
KEPT_ALIVE: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 3,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 7_000,
}
