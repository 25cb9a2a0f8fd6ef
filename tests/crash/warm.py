"""An interpreter with the libraries loaded; it forks for each process of a world (`tests.crash.starting`).

One JSON object a line on stdin starts a process; lines on stdout tell its number and, once it is over, its
status. At the end of stdin every process that is left is killed.

`bot.wiring` is left to be loaded by each fork: it gives a process its name in the journal.
"""

import json
import os
import random
import selectors
import signal
import sys
import tempfile
from importlib import import_module
from typing import Any

_LOADED = (
    *("aiohttp.web", "alembic.command", "kubernetes.aio.client"),
    *("kubernetes.aio.config", "prometheus_api_client", "promql_parser", "slack_bolt.async_app", "sqlmodel"),
    *("slack_bolt.adapter.socket_mode.async_handler", "slack_sdk.web.async_client", "structlog", "typer"),
    *("unidiff", "yaml", "bot.config", "bot.engine", "bot.platforms.kubernetes", "bot.sim.standalone"),
    *("bot.gates.runner", "bot.slack", "bot.sources.health", "bot.sources.prometheus"),
    *("bot.sources.repository", "bot.steps", "bot.views.messages", "handlers.app", "handlers.http"),
    *("storage", "strategies.canary"),
)


def main() -> None:
    for name in _LOADED:
        import_module(name)
    assert "bot.wiring" not in sys.modules, "it names a process when it is loaded"
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin.fileno(), selectors.EVENT_READ, "asked")
        selector.register(woken, selectors.EVENT_READ, "ended")
        _serve(selector, woken)


def _serve(selector: selectors.BaseSelector, woken: int) -> None:
    children: set[int] = set()
    unread = b""
    while True:
        for key, _ in selector.select():
            if key.data == "ended":
                os.read(woken, 4096)
                _reap(children)
                continue
            data = os.read(sys.stdin.fileno(), 65_536)
            if not data:
                for child in children:
                    os.kill(child, signal.SIGKILL)
                return
            *lines, unread = (unread + data).split(b"\n")
            for line in lines:
                children.add(_forked(json.loads(line)))


def _reap(children: set[int]) -> None:
    for child in list(children):
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            children.discard(pid)
            _tell({"pid": pid, "status": os.waitstatus_to_exitcode(status)})


def _tell(what: dict[str, Any]) -> None:
    os.write(1, f"{json.dumps(what)}\n".encode())


def _forked(told: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        _tell({"pid": pid})
        return pid
    status = 1
    try:
        status = _become(told)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _become(told: dict[str, Any]) -> int:
    """What a new interpreter would be like with these words, variables and files; its exit status."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, told["stdout"], os.O_WRONLY | os.O_CREAT | os.O_APPEND),
        (2, told["stderr"], os.O_WRONLY | os.O_CREAT | os.O_APPEND),
    ):
        os.dup2(os.open(path, flags, 0o600), number)
    os.environ.clear()
    os.environ.update(told["environ"])
    tempfile.tempdir = None
    random.seed()
    sys.argv = ["slackwater", *told["words"]]
    from bot.__main__ import main as slackwater

    try:
        slackwater()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


if __name__ == "__main__":
    main()
