"""Runs one server and ends it when whoever asked for it is gone, however that happened.

Standard input is the leash: while the other end is open, the server runs; at its end (also by
kill -9 of the tests) the server is stopped and its folder removed. It must not import the product.

    python -m tests.support.guard [--remove FOLDER] [--stop-signal INT] -- COMMAND…
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading

#: Seconds a server gets to end by itself before it is killed.
PATIENCE_S = 5.0


def main(arguments: list[str]) -> int:
    """Run the command until it ends or standard input does; give its exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--remove")
    parser.add_argument("--stop-signal", default="TERM")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)
    server = subprocess.Popen(options.command, stdin=subprocess.DEVNULL, start_new_session=True)
    stop = signal.Signals[f"SIG{options.stop_signal}"]
    threading.Thread(target=_stop_at_end_of_input, args=(server, stop), daemon=True).start()
    code = server.wait()
    if options.remove:
        shutil.rmtree(options.remove, ignore_errors=True)
    return code


def _stop_at_end_of_input(server: subprocess.Popen[bytes], stop: signal.Signals) -> None:
    sys.stdin.buffer.read()
    server.send_signal(stop)
    try:
        server.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)


if __name__ == "__main__":
    # Not sys.exit: the thread that still reads standard input would make the end an abort.
    os._exit(main(sys.argv[1:]))
