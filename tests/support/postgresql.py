"""A PostgreSQL server of the tests' own, from Debian's package; without it tests are skipped, saying so."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

_databases = count(1)
_MISSING = "PostgreSQL is not installed (apt-get install postgresql)"


def _binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


def _as_owner(*command: str | Path) -> list[str]:
    """PostgreSQL refuses to run as root, so root lets the package's own user do it."""
    words = [str(word) for word in command]
    return ["runuser", "-u", "postgres", "--", *words] if os.geteuid() == 0 else words


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The URL of an empty server on loopback, without the database's name."""
    skip_without_postgresql()
    with server() as url:
        yield url


class Server:
    """One server with its data in a folder of its own; it keeps its port when it is started again."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        data = folder / "data"
        initdb = _as_owner(
            *(binaries / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-N", "-E", "UTF8")
        )
        subprocess.run(initdb, cwd="/", check=True, capture_output=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._control = _as_owner(binaries / "pg_ctl", "-D", data)
        self._log = folder / "log"

    @property
    def url(self) -> str:
        """Without the database's name."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}"

    def start(self) -> None:
        # Durability is the server's business and is not what is tested; without it a test takes milliseconds.
        options = (
            f"-c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c port={self.port} -c fsync=off"
        )
        subprocess.run(
            [*self._control, "-l", str(self._log), "-o", options, "-w", "start"],
            cwd="/",
            check=True,
            stdout=subprocess.DEVNULL,  # a pipe would stay open for as long as the server runs
            stderr=subprocess.DEVNULL,
        )

    def stop(self) -> None:
        """As a crash would; fine if it does not run."""
        subprocess.run([*self._control, "-m", "immediate", "stop"], cwd="/", check=False, capture_output=True)


@contextmanager
def server() -> Iterator[str]:
    """As the fixture, for whoever is not run by pytest; ends with a sentence where the package is missing."""
    with running_server() as running:
        yield running.url


@contextmanager
def running_server() -> Iterator[Server]:
    """As `server`, for whoever wants to stop it and to start it again."""
    binaries = _binaries()
    if binaries is None:
        raise SystemExit(_MISSING)
    folder = Path(tempfile.mkdtemp(prefix="slackwater-postgresql-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    running = Server(binaries, folder)
    try:
        running.start()
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


def skip_without_postgresql() -> None:
    """On a machine without the package the test is skipped, saying so."""
    if _binaries() is None:
        pytest.skip(_MISSING)


@pytest.fixture
def postgresql_url(postgresql_server: str) -> str:
    """A fresh database on it."""
    return fresh_database(postgresql_server)


def fresh_database(server_url: str) -> str:
    """The URL of a new, empty database on that server."""
    import psycopg

    name = f"slackwater_{next(_databases)}_{time.monotonic_ns()}"
    with psycopg.connect(server_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return f"{server_url}/{name}"
