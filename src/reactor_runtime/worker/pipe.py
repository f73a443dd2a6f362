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


class _Inbound:
    """What arrived at one end: bytes, and the descriptors that came beside them, in the order of their messages."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._descriptors: deque[int] = deque()

    def read(self, sock: socket.socket) -> bool:
        """Read once; False at the end of the stream. Raises what the socket raises."""
        data, descriptors, _, _ = socket.recv_fds(sock, _READ, _MAX_FDS, socket.MSG_CMSG_CLOEXEC)
        self._descriptors.extend(descriptors)
        self._bytes += data
        return bool(data)

    def take(self) -> bytes | None:
        """Take out the next whole message, None until there is one.

        Raises:
            ValueError: It is larger than `LIMIT`.
        """
        if len(self._bytes) < _LENGTH.size:
            return None
        (size,) = _LENGTH.unpack_from(self._bytes)
        end = _LENGTH.size + size
        if size > LIMIT:
            raise ValueError(f"a message of {size} bytes")
        if len(self._bytes) < end:
            return None
        body = bytes(memoryview(self._bytes)[_LENGTH.size : end])
        del self._bytes[:end]
        return body

    def take_descriptor(self) -> int | None:
        """Take out the next descriptor, to be closed by the caller."""
        return self._descriptors.popleft() if self._descriptors else None

    def close(self) -> None:
        """Close the descriptors that nobody took."""
        while self._descriptors:
            os.close(self._descriptors.popleft())


class ModelEnd:
    """The end inside the model's process: sends from any thread, receives on one."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._inbound = _Inbound()
        self._decoder = msgspec.msgpack.Decoder[ToModel](ToModel)
        self._sending = threading.Lock()
        self._told: deque[FromModel] = deque()

    def send(self, message: FromModel, fd: int | None = None) -> bool:
        """Send one message, a descriptor beside it if given; wait while the pipe is full.

        Returns:
            False when the server is gone.

        Raises:
            AuthorError: The encoded message is larger than `LIMIT`.
        """
        frame = memoryview(_encode(message))
        try:
            with self._sending:
                sent = 0 if fd is None else socket.send_fds(self._sock, [frame], [fd])
                self._sock.sendall(frame[sent:])
        except OSError:
            return False
        finally:
            self._send_told()
        return True

    def tell(self, message: FromModel) -> None:
        """Send one message, or leave it to the thread that is sending: never waits for that one.

        A thread may be interrupted while it sends, by a signal or a finalizer of the author's that logs.
        """
        self._told.append(message)
        self._send_told()

    def _send_told(self) -> None:
        while self._told and self._sending.acquire(blocking=False):
            try:
                while self._told:
                    self._sock.sendall(_encode(self._told.popleft()))
            except OSError:
                self._told.clear()  # the server is gone
            finally:
                self._sending.release()

    def receive(self) -> ToModel | None:
        """Wait for the next message; None once the server is gone. Thread: one."""
        while (body := self._inbound.take()) is None:
            try:
                if not self._inbound.read(self._sock):
                    return None
            except OSError:
                return None
        message: ToModel = self._decoder.decode(body)
        return message

    def take_descriptor(self) -> int | None:
        """Return the descriptor beside the `InputRingOpened` just received, to be closed by the caller."""
        return self._inbound.take_descriptor()

    def close(self) -> None:
        """Close this end; the server reads the end of the stream."""
        self._sock.close()
        self._inbound.close()


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
        self._inbound = _Inbound()
        self._outbound: deque[_Run] = deque()
        self._closed = False
        loop.add_reader(sock.fileno(), self._readable)

    def send(self, message: ToModel, fd: int | None = None) -> None:
        """Queue one message, a descriptor beside it if given; never blocks. Ignored once the other end is gone.

        `fd` stays the caller's, who may close it at once.
        """
        if self._closed:
            return
        frame = _encode(message)
        idle = not self._outbound
        if idle or fd is not None:
            self._outbound.append(_Run(None if fd is None else os.dup(fd)))
        self._outbound[-1].data += frame
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
        self._inbound.close()
        self._forget_outbound()

    def _writable(self) -> None:
        try:
            while self._outbound:
                if self._outbound[0].send(self._sock):
                    self._outbound.popleft()
        except BlockingIOError:
            return
        except OSError:
            # The reader sees the end of the stream and reports it.
            self._forget_outbound()
        self._loop.remove_writer(self._sock.fileno())

    def _forget_outbound(self) -> None:
        for run in self._outbound:
            run.close()
        self._outbound.clear()

    def _readable(self) -> bool:
        """Read once and hand on what is whole; tell whether there may be more."""
        try:
            more = self._inbound.read(self._sock)
        except BlockingIOError:
            return False
        except OSError:
            more = False
        while (message := self._next()) is not None:
            fd = self._inbound.take_descriptor() if isinstance(message, RingOpened) else None
            try:
                self._received(message, fd)
            finally:
                if fd is not None:
                    os.close(fd)
        if not more:
            self._stop_reading(None)
        return more

    def _next(self) -> FromModel | None:
        """Take the next whole message out of what has arrived."""
        if self._closed:
            return None
        try:
            body = self._inbound.take()
            message: FromModel | None = None if body is None else self._decoder.decode(body)
        except (ValueError, msgspec.DecodeError) as error:
            self._stop_reading(str(error))
            return None
        return message

    def _stop_reading(self, why: str | None) -> None:
        if not self._closed:
            self._loop.remove_reader(self._sock.fileno())
            self._ended(why)


class _Run:
    """Messages on their way out, the first of them with a descriptor beside it or not."""

    def __init__(self, fd: int | None) -> None:
        self.data = bytearray()
        self._fd = fd

    def send(self, sock: socket.socket) -> bool:
        """Send what the socket takes; True once everything is out. Raises what the socket raises."""
        if self._fd is None:
            sent = sock.send(self.data)
        else:
            sent = socket.send_fds(sock, [self.data], [self._fd])
            self.close()
        del self.data[:sent]
        return not self.data

    def close(self) -> None:
        """Close the descriptor if it was not sent."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
