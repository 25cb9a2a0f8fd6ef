"""A PostgreSQL server of the tests' own, from Debian's package; without it tests are skipped, saying so."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

_databases = count(1)


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
    binaries = _binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="slackwater-postgresql-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    data, log = folder / "data", folder / "log"
    initdb = _as_owner(binaries / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-N", "-E", "UTF8")
    subprocess.run(initdb, cwd="/", check=True, capture_output=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Durability is the server's business and is not what is tested; without it a test takes milliseconds.
    options = f"-c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c port={port} -c fsync=off"
    control = _as_owner(binaries / "pg_ctl", "-D", data)
    try:
        subprocess.run(
            [*control, "-l", str(log), "-o", options, "-w", "start"],
            cwd="/",
            check=True,
            stdout=subprocess.DEVNULL,  # a pipe would stay open for as long as the server runs
            stderr=subprocess.DEVNULL,
        )
        yield f"postgresql+psycopg://postgres@127.0.0.1:{port}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], cwd="/", check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgresql_url(postgresql_server: str) -> str:
    """A fresh database on it."""
    import psycopg

    name = f"slackwater_{next(_databases)}_{time.monotonic_ns()}"
    with psycopg.connect(postgresql_server.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return f"{postgresql_server}/{name}"
