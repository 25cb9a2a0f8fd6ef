import asyncio
import os
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from bot.clients.process import run
from bot.clients.redaction import redact
from bot.domain.errors import NotFound, Rejected

SOON = timedelta(seconds=20)


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


async def gone(pid: int) -> bool:
    for _ in range(200):
        if not is_alive(pid):
            return True
        await asyncio.sleep(0.01)
    return False


async def test_a_command_comes_back_with_its_output_and_status(tmp_path: Path):
    code = "import os, sys; print(os.getcwd()); print('so', file=sys.stderr); sys.exit(3)"

    finished = await run(python(code), cwd=tmp_path, limit=SOON)

    assert finished.status == 3
    assert not finished.succeeded
    assert finished.stdout.strip() == str(tmp_path)
    assert finished.stderr == "so\n"
    assert not finished.truncated


async def test_words_are_never_read_by_a_shell(tmp_path: Path):
    finished = await run(
        (*python("import sys; print(sys.argv[1])"), "$HOME; rm -rf /"), cwd=tmp_path, limit=SOON
    )

    assert finished.stdout == "$HOME; rm -rf /\n"


async def test_the_bots_tokens_are_not_handed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")

    finished = await run(
        python("import os; print(sorted(os.environ))"), cwd=tmp_path, limit=SOON, environment={"CI": "1"}
    )

    assert "SLACK_BOT_TOKEN" not in finished.stdout
    assert "'LC_ALL'" in finished.stdout
    assert "'CI'" in finished.stdout


async def test_the_bots_own_python_comes_first(tmp_path: Path):
    finished = await run(
        python("import os; print(os.environ['PATH'].split(os.pathsep)[0])"), cwd=tmp_path, limit=SOON
    )

    assert finished.stdout.strip() == str(Path(sys.executable).parent)


async def test_of_endless_output_the_end_is_kept(tmp_path: Path):
    code = "import sys\nfor n in range(100_000): print('line', n)\nprint('the reason')"

    finished = await run(python(code), cwd=tmp_path, limit=SOON, keep=1_000)

    assert finished.truncated
    assert len(finished.stdout) <= 1_000
    assert finished.stdout.endswith("the reason\n")


async def test_output_that_is_not_utf_8_is_still_text(tmp_path: Path):
    finished = await run(python(r"import sys; sys.stdout.buffer.write(b'a\xffb')"), cwd=tmp_path, limit=SOON)

    assert finished.stdout == "a\ufffdb"


async def test_a_hanging_command_ends_with_its_children_and_what_it_printed(tmp_path: Path):
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)"
    )

    finished = await run(python(code), cwd=tmp_path, limit=timedelta(seconds=0.5))

    assert finished.timed_out
    assert not finished.succeeded
    assert await gone(int(finished.stdout))


async def test_a_command_that_ignores_the_request_to_end_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("bot.clients.process._GRACE", 0.1)
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"

    finished = await run(python(code), cwd=tmp_path, limit=timedelta(seconds=0.5))

    assert finished.status == -9
    assert finished.timed_out


async def test_a_server_left_in_the_background_does_not_hold_the_gate(tmp_path: Path):
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid, flush=True)"
    )
    started = time.monotonic()

    finished = await run(python(code), cwd=tmp_path, limit=SOON)

    assert finished.succeeded
    assert time.monotonic() - started < 5
    assert await gone(int(finished.stdout))


async def test_cancelling_ends_the_whole_group(tmp_path: Path):
    pid_file = tmp_path / "pid"
    code = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    task = asyncio.create_task(run(python(code), cwd=tmp_path, limit=SOON))
    while not (pid_file.exists() and pid_file.read_text()):  # noqa: ASYNC110 - another process writes it
        await asyncio.sleep(0.01)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await gone(int(pid_file.read_text()))


async def test_a_missing_tool_is_named_with_what_to_do(tmp_path: Path):
    with pytest.raises(NotFound, match="no-such-tool: not found on PATH; install it"):
        await run(("no-such-tool", "--version"), cwd=tmp_path, limit=SOON)


async def test_a_missing_folder_is_not_mistaken_for_a_missing_tool(tmp_path: Path):
    with pytest.raises(NotFound, match="folder"):
        await run(python(""), cwd=tmp_path / "gone", limit=SOON)


async def test_a_file_that_is_no_program_is_refused(tmp_path: Path):
    (tmp_path / "tool").write_text("no program")

    with pytest.raises(Rejected, match="cannot be started"):
        await run((str(tmp_path / "tool"),), cwd=tmp_path, limit=SOON)


async def test_secrets_are_taken_out_of_output_and_command(tmp_path: Path):
    argv = (*python("import sys; print(sys.argv[1])"), "--password=hunter2")

    shown = await run(argv, cwd=tmp_path, limit=SOON)
    parsed = await run(argv, cwd=tmp_path, limit=SOON, raw=True)

    assert shown.stdout == "--password=[redacted]\n"
    assert "hunter2" not in shown.command
    assert parsed.stdout == "--password=hunter2\n"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Authorization: Bearer abc.def", "Authorization: [redacted]"),
        ('{"authorization": "token abc"}', '{"authorization": "[redacted]"}'),
        ("cloning https://bo:pa55@git.example.com/x", "cloning https://[redacted]@git.example.com/x"),
        ("token xoxb-123456-abcdef here", "token [redacted] here"),
        ("ghp_0123456789abcdef0123 failed", "[redacted] failed"),
        ("key AKIAABCDEFGHIJKLMNOP.", "key [redacted]."),
        ("DB_PASSWORD='a b c' next", "DB_PASSWORD=[redacted] next"),
        ("-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\nok", "[redacted]\nok"),
        ("3 tests passed, 1 token bucket", "3 tests passed, 1 token bucket"),
    ],
)
def test_what_looks_like_a_secret_is_not_shown(said: str, shown: str):
    assert redact(said) == shown
