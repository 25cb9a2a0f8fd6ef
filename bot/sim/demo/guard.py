"""Ends the bot when the demo is gone, however it went: run as a program, with the bot's process group.

Its standard input is a pipe that only the demo holds open. A demo that is killed cannot clean up after
itself; the pipe's end is then the only sign, on Linux and macOS alike. Needs the standard library alone.
"""

import os
import signal
import sys
import time

_GRACE = 5.0


def main() -> None:
    group = int(sys.argv[1])
    sys.stdin.buffer.read()
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(group, number)
        except ProcessLookupError:
            return
        time.sleep(_GRACE)


if __name__ == "__main__":
    main()
