"""`python -m tests.faults`: meet every fault once, and print what came of it as a table in Markdown.

    python -m tests.faults                     # all; without PostgreSQL or a C compiler, some are not run
    python -m tests.faults -k slack            # further words go to pytest
    python -m tests.faults > docs/faults.md    # the page

What pytest says goes to the standard error. The exit status is pytest's.
"""

import contextlib
import sys
from pathlib import Path

import pytest

from tests.faults.recorder import Recorder
from tests.faults.registry import faults
from tests.faults.table import table

_INTRODUCTION = """\
# Faults on every edge

What happens where something outside is wrong. Printed by `python -m tests.faults`, which lets the real
adapters meet each fault and notes what it sees; run it again rather than edit this page. Where a whole run
matters, the real engine drives one: against the simulated cluster, in virtual time, or as the real process.

The rule: **traffic never moves forward on missing knowledge, and a rollback is never delayed by Slack or by
metrics being down.**
"""


def main(words: list[str]) -> int:
    recorder = Recorder()
    here = Path(__file__).parent
    # The test of the page looks at what is printed here.
    chosen = (str(here), f"--ignore={here / 'test_page.py'}", "-m", "not bench and not model", "-q")
    with contextlib.redirect_stdout(sys.stderr):
        status = pytest.main([*chosen, *words], plugins=[recorder])
    print(_INTRODUCTION)
    print(table(faults(), recorder.seen))
    print(f"\n{recorder.counted()}")
    return int(status)


sys.exit(main(sys.argv[1:]))
