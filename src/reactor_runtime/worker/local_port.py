"""A model in a thread of this process: for debuggers, headless runs and tests."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

from reactor_runtime.log import get_logger
from reactor_runtime.worker.instance import FAILED, LEFT, Instance
from reactor_runtime.worker.messages import Setup
from reactor_runtime.worker.pipe import ModelEnd
from reactor_runtime.worker.piped_port import PipedPort

log = get_logger("reactor.worker")


class LocalPort(PipedPort):
    """A `ModelPort` to a thread: the same pipe and the same rings, but none of a process's protection.

    A thread cannot be killed: `stop` leaves one that does not end behind, cut off from the server. A model that
    crashes or holds the GIL takes the server along.
    """

    def _launch(self, model: socket.socket, first_ring: int) -> None:
        arguments = (model, first_ring, threading.get_ident())
        threading.Thread(target=self._live, args=arguments, name="reactor-model", daemon=True).start()

    def _live(self, model: socket.socket, first_ring: int, servers_thread: int) -> None:
        status = FAILED
        try:
            pipe = ModelEnd(model)
            setup = pipe.receive()
            if isinstance(setup, Setup):
                status = Instance(pipe, first_ring, lambda status: None, servers_thread).run(setup)
            else:
                pipe.close()
        except SystemExit as asked:
            status = asked.code if isinstance(asked.code, int) else LEFT if asked.code is None else 1
        finally:
            with suppress(RuntimeError):  # the loop is closed: nobody is left to tell
                self._loop.call_soon_threadsafe(self._ended, f"exited with status {status}")

    def _pipe_ended(self, why: str | None) -> None:
        """Wait for the thread, which is on its way out."""

    async def _kill(self) -> None:
        log.warning("the model does not let go, and a thread cannot be killed: it goes on unheard")
        self._ended("was left behind")
