"""Who is gone and who may still be alive."""

import os
import socket
import subprocess
import sys

from bot.wiring.identity import OWN, is_gone

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


def test_nothing_is_known_of_another_machine():
    assert not is_gone("elsewhere/1/abc")
