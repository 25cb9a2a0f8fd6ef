"""How long `slackwater demo` takes until it is ready: `python tests/bench/demo_ready.py [TIMES]`.

Real seconds from the start of the process to its `Ready:` line, with the real bot connected, each time in a
fresh folder. The first start of a fresh environment also compiles everything; give its figure with that said.
"""

import os
import signal
import subprocess
import sys
import time

_LONGEST = 90.0


def measured() -> float:
    command = [sys.executable, "-m", "bot", "demo", "--port", "0", "--no-browser"]
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as demo:
        try:
            assert demo.stdout is not None
            line = demo.stdout.readline()
            took = time.perf_counter() - begun
        finally:
            demo.send_signal(signal.SIGTERM)
            demo.communicate(timeout=_LONGEST)
    if not line.startswith("Ready: "):
        sys.exit(f"the demo did not become ready: {line!r}")
    return took


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    for number in range(1, times + 1):
        print(f"demo ready, start {number}: {measured():.2f} s", flush=True)


if __name__ == "__main__":
    main()
