"""Whether anything a client can send brings a server down: every decoder, every HTTP body, every data channel.

`python bench/fuzz.py [--minutes 10] [--seed N]`: rounds of hostile input (`hostile.py`) at a real server process, each
with a seed of its own, which repeats it. Exits with 1 when anything but a refusal came back (a status above 4xx other
than 503 with Retry-After), when the server logged a traceback, when it is not healthy afterwards, or when it holds more
memory, threads, files or connections than after the first round.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import webrtc
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from hostile import LABELS, OPENED, TOKEN, Request, conversations, frames, native_frames, offers, requests
from reactor_runtime.errors import ClientError
from reactor_runtime.webrtc.offer import chosen_codec, media_lines, prepared, putting_first, with_start_rate
from reactor_runtime.wire import flat, multi, native
from receiver import memory_mb
from rig import HERE, REACTOR, Server, free_port, print_table, say_where, serving
from viewer import Viewer, open_session

MODEL = HERE.parent / "examples" / "webcam"
CASES = {"decoders": 600, "offers": 300, "HTTP": 500, "raw bytes": 100, "data channels": 100, "sockets": 100}
ANSWER_TIMEOUT, SETTLE_TIMEOUT = 20.0, 60.0  # seconds; the second is longer than a silent connection lives
GROWTH_MB, GROWTH = 30.0, 8  # memory of the first round's caches still to fill; threads and files


class Wrong(AssertionError):
    """The server did what it must not."""


def check_decoder(case: tuple[Callable[..., object], str, str | bytes]) -> str:
    decode, label, data = case
    try:
        said = decode(label, data)
    except ClientError:
        return "refused"
    return "read" if said is not None else "ignored"


def check_offer(sdp: str) -> str:
    media_lines(sdp)
    with_start_rate(putting_first(prepared(sdp), chosen_codec(sdp, ("vp9", "vp8"))))
    return "read"


class Fuzz:
    """One server under fire. `answers` counts what became of the cases of each kind."""

    def __init__(self, server: Server, runner: asyncio.Runner) -> None:
        self.answers: dict[str, Counter[str]] = {name: Counter() for name in CASES}
        self.seconds = dict.fromkeys(CASES, 0.0)
        self.failures: list[str] = []
        self._server = server
        self._run = runner.run
        address = urlsplit(server.url)
        self._host, self._port = str(address.hostname), int(address.port or 80)
        self._talker: Talker | None = None
        self._opened = {OPENED: OPENED, TOKEN: TOKEN}
        decoders = st.sampled_from([multi.decode, multi.decode_either, flat.decode, native.decode])
        self._targets: dict[str, tuple[st.SearchStrategy[Any], Callable[[Any], str]]] = {
            "decoders": (st.tuples(decoders, LABELS, frames | native_frames), check_decoder),
            "offers": (offers(), check_offer),
            "HTTP": (requests, self._check_request),
            "raw bytes": (st.binary(max_size=200) | requests.map(_torn_request), self._check_bytes),
            "data channels": (conversations, self._check_conversation),
            "sockets": (conversations, self._check_socket),
        }

    def round(self, number: int) -> None:
        """Fire each kind once."""
        for name in self._targets:
            began = time.monotonic()
            try:
                self._fire(name, number)
            except Exception as error:
                notes = "\n".join(getattr(error, "__notes__", ()))
                self.failures.append(f"{name}, seed {number}: {type(error).__name__}: {error}\n{notes}")
            self.seconds[name] += time.monotonic() - began
        self._hang_up()

    def _fire(self, name: str, number: int) -> None:
        strategy, check = self._targets[name]
        lasting = {"database": None, "deadline": None, "suppress_health_check": list(HealthCheck)}

        @seed(number)
        @settings(max_examples=CASES[name], phases=(Phase.generate, Phase.shrink), **lasting)
        @given(strategy)
        def fire(case: Any) -> None:
            self.answers[name][check(case)] += 1

        fire()

    def _check_request(self, request: Request) -> str:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=ANSWER_TIMEOUT)
        try:
            path = request.path
            for name, known in self._opened.items():
                path = path.replace(name, known)
            connection.putrequest(request.method, path, skip_host=True, skip_accept_encoding=True)
            headers = {"Host": "host", "Content-Length": str(len(request.body)), **request.headers}
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders(request.body)
            answer = connection.getresponse()
            if answer.status >= 500 and not (answer.status == 503 and answer.getheader("Retry-After")):
                raise Wrong(f"{answer.status}: {answer.read(300)!r}")
            if answer.status == 201:
                self._remember(answer)
            return str(answer.status)
        finally:
            connection.close()

    def _remember(self, answer: http.client.HTTPResponse) -> None:
        """Note the connection that an answer opens, for the requests that are about it."""
        if location := answer.getheader("Location"):
            self._opened[OPENED] = location.rpartition("/")[2]
        elif "token" in (body := json.loads(answer.read())):
            self._opened |= {OPENED: str(body["connection_id"]), TOKEN: body["token"]}

    def _check_bytes(self, data: bytes) -> str:
        with socket.create_connection((self._host, self._port), timeout=ANSWER_TIMEOUT) as wire:
            wire.sendall(data)
            wire.shutdown(socket.SHUT_WR)
            try:
                head = wire.recv(64)
            except ConnectionResetError:
                return "reset"
        status = head[9:12].decode(errors="replace")
        if status.startswith("5") and status != "503":
            raise Wrong(repr(head))
        return status or "closed"

    def _check_conversation(self, said: list[tuple[str, str | bytes]]) -> str:
        if self._talker is None:
            self._talker = self._run(talk_to(self._server.url))
        try:
            self._run(self._talker.say(said))
        except webrtc.RTCException:
            self._hang_up()
            return "was hung up"
        return "heard"

    def _check_socket(self, said: list[tuple[str, str | bytes]]) -> str:
        httpx.post(f"{self._server.url}/start_session", timeout=ANSWER_TIMEOUT)
        url = f"ws://{self._host}:{self._port}/sessions/local/transport/socket"
        try:
            with connect(url, open_timeout=ANSWER_TIMEOUT) as wire:
                for _, data in said:
                    with suppress(UnicodeEncodeError):
                        wire.send(data)
                wire.recv(ANSWER_TIMEOUT)  # the greeting: it was there to hear
        except ConnectionClosed:
            return "was hung up"
        return "heard"

    def _hang_up(self) -> None:
        if self._talker is not None:
            self._run(self._talker.leave())
            self._talker = None

    def settle(self) -> dict[str, float]:
        """End the session, wait until nothing is connected, and return what the server holds."""
        httpx.post(f"{self._server.url}/stop_session", timeout=ANSWER_TIMEOUT)
        until = time.monotonic() + SETTLE_TIMEOUT
        health = {"connections": -1}
        while time.monotonic() < until:
            health = httpx.get(f"{self._server.url}/health", timeout=ANSWER_TIMEOUT).json()
            if health["connections"] == 0 and health["state"] == "READY":
                break
            time.sleep(0.2)
        process = psutil.Process(self._server.pid)
        return {
            "memory MB": memory_mb(self._server.pid),
            "threads": process.num_threads(),
            "files": process.num_fds(),
            "connections": health["connections"],
            "restarts": len([line for line in self._server.said().splitlines() if "starting it again" in line]),
        }


class Talker(Viewer):
    """A viewer that says whatever it is given; it has two channels of one name, and one that means nothing."""

    def __init__(self, http: httpx.AsyncClient, session: dict[str, Any]) -> None:
        super().__init__(http, session)
        more = {"chat": self._peer.create_data_channel("chat"), "": self._peer.create_data_channel("data")}
        self._channels = {"data": self._data, "control": self._control, **more}
        self._client = http

    async def say(self, said: list[tuple[str, str | bytes]]) -> None:
        """Send frames, and let the engine work."""
        for label, data in said:
            with suppress(UnicodeEncodeError):  # half a character, which no engine sends
                self._channels[label].send(data)
        await asyncio.sleep(0.002)

    async def leave(self) -> None:
        """Hang up."""
        self.close()
        await self._client.aclose()


async def talk_to(url: str) -> Talker:
    http = httpx.AsyncClient(base_url=url, timeout=ANSWER_TIMEOUT)
    async with asyncio.timeout(ANSWER_TIMEOUT):
        while (await http.get("/session")).json()["state"] == "CLOSING":  # noqa: ASYNC110 - polled
            await asyncio.sleep(0.1)
    talker = Talker(http, await open_session(http))
    await talker.connect()
    return talker


def _torn_request(request: Request) -> bytes:
    """Return a request whose head was made with no care at all."""
    head = "".join(f"{name}: {value}\n" for name, value in request.headers.items())
    return f"{request.method} {request.path} HTTP/1.1\r\n{head}\r\n".encode(errors="replace") + request.body


def rounds(first_seed: int, minutes: float) -> Iterator[int]:
    until = time.monotonic() + 60 * minutes
    number = first_seed
    while number == first_seed or time.monotonic() < until:
        yield number
        number += 1


def missed(first: dict[str, float], last: dict[str, float], said: str) -> list[str]:
    """Return what does not hold."""
    wrong = []
    if last["memory MB"] > first["memory MB"] + GROWTH_MB:
        wrong.append(f"memory grew from {first['memory MB']:.0f} to {last['memory MB']:.0f} MB")
    wrong += [
        f"{name} grew from {first[name]:.0f} to {last[name]:.0f}"
        for name in ("threads", "files")
        if last[name] > first[name] + GROWTH
    ]
    if last["connections"]:
        wrong.append(f"{last['connections']:.0f} connections are left")
    if "Traceback" in said:
        wrong.append(f"the server logged: {said[max(0, said.index('Traceback') - 300) :][:3000]}")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    say_where()
    port = free_port()
    command = [REACTOR, "run", "-p", str(MODEL), "--port", str(port)]
    with serving(command, port) as server, asyncio.Runner() as runner:
        fuzz = Fuzz(server, runner)
        held: list[dict[str, float]] = []
        for number in rounds(options.seed, options.minutes):
            fuzz.round(number)
            if not held:
                held.append(fuzz.settle())
        held.append(fuzz.settle())
        healthy = httpx.get(f"{server.url}/health", timeout=ANSWER_TIMEOUT).json()
        wrong = fuzz.failures + missed(*held, server.said())
    rows = [
        [name, counts.total(), fuzz.seconds[name], ", ".join(f"{key}: {n}" for key, n in counts.most_common())]
        for name, counts in fuzz.answers.items()
    ]
    print_table(f"{number - options.seed + 1} rounds, seeds {options.seed} to {number}", TITLES, rows)
    print_table(
        "What the server holds", ["after", *held[0]], [["round 1", *held[0].values()], ["all", *held[1].values()]]
    )
    print(f"health afterwards: {healthy['status']}")
    if wrong or healthy["status"] != "ready":
        sys.exit("\n".join(wrong) or "it is not healthy")


TITLES = ["kind", "cases", "seconds", "what became of them"]

if __name__ == "__main__":
    main()
