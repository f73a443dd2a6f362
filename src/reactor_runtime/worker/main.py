"""The worker process: `python -m reactor_runtime.worker.main --fd N`."""

from __future__ import annotations

import argparse
import ctypes
import faulthandler
import os
import signal
import socket
import sys

from reactor_runtime.config import environment, load
from reactor_runtime.log import configure
from reactor_runtime.worker.instance import ABANDONED, Instance
from reactor_runtime.worker.messages import Setup
from reactor_runtime.worker.pipe import ModelEnd

EXIT_PATIENCE = 2.0
"""Seconds that the author's threads and exit handlers get once the model is done."""

_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Run one model and return the exit status."""
    parser = argparse.ArgumentParser(prog="reactor_runtime.worker.main")
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--first-ring", type=int, default=0)
    options = parser.parse_args()
    del sys.argv[1:]  # an author's module that parses arguments as it is imported finds none
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # Only the server decides when a model ends; SIGUSR1 comes before it ends one that hangs, to show where.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1)
    sock = socket.socket(fileno=options.fd)
    sock.set_inheritable(False)
    pipe = ModelEnd(sock)
    setup = pipe.receive()
    if not isinstance(setup, Setup):
        return ABANDONED
    log = load({"verbose": setup.verbose}, environment(), None).log
    configure(log.level, log.format, sys.stderr)  # itself: log lines are no prints where these are told
    try:
        return Instance(pipe, options.first_ring, os._exit).run(setup)
    finally:
        faulthandler.dump_traceback_later(EXIT_PATIENCE, exit=True)


if __name__ == "__main__":
    sys.exit(main())
