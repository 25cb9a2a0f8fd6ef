"""Who is gone and who may still be alive."""

import os
import socket
import subprocess
import sys

import pytest

from bot.wiring.identity import OWN, at_the_console, is_gone

_HOST = socket.gethostname()


def test_a_process_that_ended_is_gone():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()

    assert is_gone(f"{_HOST}/{ended.pid}/abc")


def test_this_process_and_one_that_runs_are_not_gone():
    assert not is_gone(OWN)
    assert not is_gone(f"{_HOST}/{os.getppid()}/abc")


def test_a_former_process_with_our_number_is_gone():
    assert is_gone(f"{_HOST}/{os.getpid()}/former")


@pytest.mark.parametrize(
    "owner", ["elsewhere/1/abc", f"{_HOST}/x/abc", f"{_HOST}/²/abc", f"{_HOST}/{10**30}/abc", ""]
)
def test_nothing_is_known_of_another_machine_or_of_what_is_no_number(owner: str):
    assert not is_gone(owner)


def test_a_user_without_a_name_can_work_at_the_console(monkeypatch: pytest.MonkeyPatch):
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 4_294_967_294)  # such as some containers give

    assert at_the_console().name == "console"
