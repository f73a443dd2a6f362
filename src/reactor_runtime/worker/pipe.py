"""The control pipe: length-prefixed msgpack over a socket pair, descriptors beside it. No pickle.

The model's end blocks and may be used from any thread; the server's end belongs to the event loop and never blocks.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable

import msgspec

from reactor_runtime.errors import AuthorError
from reactor_runtime.worker.messages import FromModel, RingOpened, ToModel

LIMIT = 64 * 1024 * 1024
"""Bytes of one encoded message."""

_LENGTH = struct.Struct(">I")
_READ = 256 * 1024
_MAX_FDS = 16


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """Return the two ends of a fresh pipe: the server's and the model's."""
    server, model = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    server.setblocking(False)
    return server, model


def _encode(message: ToModel | FromModel) -> bytes:
    body = msgspec.msgpack.encode(message)
    if len(body) > LIMIT:
        raise AuthorError(f"{len(body)} bytes are too much for one message; the limit is {LIMIT}")
    return _LENGTH.pack(len(body)) + body


class ModelEnd:
    """The end inside the model's process: sends from any thread, receives on one."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._stream = sock.makefile("rb")
        self._decoder = msgspec.msgpack.Decoder[ToModel](ToModel)
        self._sending = threading.Lock()

    def send(self, message: FromModel, fd: int | None = None) -> bool:
        """Send one message, a descriptor beside it if given; wait while the pipe is full.

        Returns:
            False when the server is gone.

        Raises:
            AuthorError: The encoded message is larger than `LIMIT`.
        """
        frame = memoryview(_encode(message))
        with self._sending:
            try:
                sent = 0 if fd is None else socket.send_fds(self._sock, [frame], [fd])
                self._sock.sendall(frame[sent:])
            except OSError:
                return False
        return True

    def receive(self) -> ToModel | None:
        """Wait for the next message; None once the server is gone. Thread: one."""
        try:
            head = self._stream.read(_LENGTH.size)
            if len(head) < _LENGTH.size:
                return None
            (size,) = _LENGTH.unpack(head)
            body = self._stream.read(size)
        except OSError:
            return None
        return self._decoder.decode(body) if len(body) == size else None

    def close(self) -> None:
        """Close this end; the server reads the end of the stream."""
        self._stream.close()
        self._sock.close()


class ServerEnd:
    """The end inside the server. All methods run on the event loop; so do the callbacks."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        received: Callable[[FromModel, int | None], None],
        ended: Callable[[str | None], None],
    ) -> None:
        """Take over `sock` and begin to read.

        Args:
            loop: The running loop.
            sock: A non-blocking stream socket.
            received: Called with each message; the descriptor beside a `RingOpened` is closed afterwards.
            ended: Called at most once, with None at the end of the stream, else with what was wrong in it.
        """
        self._loop = loop
        self._sock = sock
        self._received = received
        self._ended = ended
        self._decoder = msgspec.msgpack.Decoder[FromModel](FromModel)
        self._inbound = bytearray()
        self._descriptors: deque[int] = deque()
        self._outbound = bytearray()
        self._closed = False
        loop.add_reader(sock.fileno(), self._readable)

    def send(self, message: ToModel) -> None:
        """Queue one message; never blocks. Ignored once the other end is gone."""
        if self._closed:
            return
        idle = not self._outbound
        self._outbound += _encode(message)
        if idle:
            self._writable()
            if self._outbound:
                self._loop.add_writer(self._sock.fileno(), self._writable)

    def drain(self) -> None:
        """Receive everything that has arrived, without waiting for more."""
        while not self._closed and self._readable():
            pass

    def close(self) -> None:
        """Stop reading and close; what was not yet received is lost. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._sock.fileno())
        self._loop.remove_writer(self._sock.fileno())
        self._sock.close()
        while self._descriptors:
            os.close(self._descriptors.popleft())

    def _writable(self) -> None:
        try:
            sent = self._sock.send(self._outbound)
        except BlockingIOError:
            return
        except OSError:
            # The reader sees the end of the stream and reports it.
            sent = len(self._outbound)
        del self._outbound[:sent]
        if not self._outbound:
            self._loop.remove_writer(self._sock.fileno())

    def _readable(self) -> bool:
        """Read once and hand on what is whole; tell whether there may be more."""
        try:
            data, descriptors, _, _ = socket.recv_fds(self._sock, _READ, _MAX_FDS, socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return False
        except OSError:
            data, descriptors = b"", []
        self._descriptors.extend(descriptors)
        self._inbound += data
        while (message := self._next()) is not None:
            fd = self._descriptors.popleft() if isinstance(message, RingOpened) and self._descriptors else None
            try:
                self._received(message, fd)
            finally:
                if fd is not None:
                    os.close(fd)
        if not data:
            self._stop_reading(None)
        return bool(data)

    def _next(self) -> FromModel | None:
        """Take the next whole message out of what has arrived."""
        if self._closed or len(self._inbound) < _LENGTH.size:
            return None
        (size,) = _LENGTH.unpack_from(self._inbound)
        end = _LENGTH.size + size
        if size > LIMIT:
            self._stop_reading(f"a message of {size} bytes")
            return None
        if len(self._inbound) < end:
            return None
        body = bytes(memoryview(self._inbound)[_LENGTH.size : end])
        del self._inbound[:end]
        try:
            message: FromModel = self._decoder.decode(body)
        except msgspec.DecodeError as error:
            self._stop_reading(str(error))
            return None
        return message

    def _stop_reading(self, why: str | None) -> None:
        if not self._closed:
            self._loop.remove_reader(self._sock.fileno())
            self._ended(why)
