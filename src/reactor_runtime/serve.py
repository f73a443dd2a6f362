"""Puts a server together and runs it: workers first, since weights take longest; HTTP while they load."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reactor_runtime.codec.formats import Codec, may_make
from reactor_runtime.config import Config, WebRtcConfig, environment
from reactor_runtime.errors import OperatorError
from reactor_runtime.log import StatusLine, get_logger
from reactor_runtime.runtime.clock import now, wall_ms
from reactor_runtime.runtime.pool import session_ids
from reactor_runtime.runtime.runtime import Runtime
from reactor_runtime.session.journal import Journal
from reactor_runtime.worker.local_port import LocalPort
from reactor_runtime.worker.messages import Setup
from reactor_runtime.worker.port import ModelPort
from reactor_runtime.worker.process_port import ProcessPort
from reactor_runtime.worker.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reactor_runtime.http.slots import Slot

log = get_logger("reactor.serve")

PAGE_THREADS = 2
"""Threads that read the page's files, the only blocking work of the HTTP routes."""
STATUS_INTERVAL = 0.2
"""Seconds between two looks at what loading is busy with."""
KEEP_ALIVE = 75
"""Seconds that an idle HTTP connection stays: longer than the 60 of proxies, or they send requests into closed ones."""
CLOSE_SSE = 2
"""Seconds that open HTTP responses get to finish once the server stops."""
M_ARENA_MAX = -8
"""What glibc's `mallopt` calls the number of heaps."""


def run(config: Config) -> int:
    """Serve until told to stop. Returns the exit status.

    Raises:
        LoadError: The model's code could not be found or imported.
        OperatorError: The address cannot be listened on.
    """
    import uvloop  # 15 ms that `reactor --version` need not pay

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(config))


async def _serve(config: Config) -> int:
    _bound_arenas()
    listener = _listen(config.http.host, config.http.port)
    runtimes = [_runtime(config, number, name) for number, name in enumerate(session_ids(config.model.workers))]
    for runtime in runtimes:
        runtime.start()
    await asyncio.sleep(0)  # the workers start here and import beside us
    stop = asyncio.Event()
    with _signals(stop.set):
        server, slots, tasks = _http(config, runtimes)
        tasks.append(asyncio.create_task(_show_loading(runtimes[0])))
        tasks.append(asyncio.create_task(server.serve([listener])))
        host, port = listener.getsockname()[:2]
        print(f"Open http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)
        try:
            await _until(stop, runtimes)
        finally:
            await asyncio.gather(*(runtime.stop() for runtime in runtimes))
            for slot in slots.values():
                slot.acceptor.close()
            server.should_exit = True
            for task in tasks[:-1]:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    return 0


def _bound_arenas() -> None:
    """Have threads share two heaps of glibc's, which keeps one of 27 MB for each encoder's thread that was."""
    with suppress(AttributeError):  # another C library, which has no such thing
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)


async def _until(stop: asyncio.Event, runtimes: list[Runtime]) -> None:
    """Return when stopped; raise when a model's code cannot be imported."""
    failures = [runtime.import_failed for runtime in runtimes]
    for failure in failures:
        failure.add_done_callback(lambda _: stop.set())
    await stop.wait()
    for failure in failures:
        if failure.done():
            raise failure.result()


async def _show_loading(runtime: Runtime) -> None:
    status = StatusLine(log, now())
    while (health := runtime.health()).status == "loading":
        progress = health.progress or {"text": "loading the model", "fraction": None}
        status.show(now(), progress["text"], progress["fraction"])
        await asyncio.sleep(STATUS_INTERVAL)
    status.clear()
    if health.status == "ready":
        log.info("the model is ready", seconds=f"{now() - status.began_at:.1f}")
        await asyncio.to_thread(_warm_up)


def _warm_up() -> None:
    """Import what the first viewer needs, 0.3 s of it, before somebody waits for it."""
    import reactor_runtime.codec.ladder
    import reactor_runtime.webrtc.wrtc_peer  # noqa: F401


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno == 98:
            raise OperatorError(f"port {port} on {host} is in use; choose another with --port") from None
        raise OperatorError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    listener.setblocking(False)
    return listener


def _runtime(config: Config, number: int, session_id: str) -> Runtime:
    setup = Setup(
        model_dir=str(config.model.path.resolve()),
        config_path=str(config.model.config_path.resolve()) if config.model.config_path else None,
        overrides=config.model.overrides,
        verbose=config.verbose,
        weights_store=config.model.weights_store,
        profiling=config.model.profiling,
        profiling_dir=str(config.model.profiling_dir.resolve()) if config.model.profiling_dir else None,
        development=config.log.development,
    )

    def make_port() -> ModelPort:
        if config.model.in_process:
            return LocalPort()
        cards = _cards() if config.model.workers > 1 else []
        env = {"CUDA_VISIBLE_DEVICES": cards[number % len(cards)]} if cards else None
        return ProcessPort(env)

    def make_supervisor(observe: Callable[[Any], None]) -> Supervisor:
        return Supervisor(make_port, setup, observe, heartbeat_timeout=config.session.heartbeat_timeout)

    return Runtime(session_id, config.session, make_supervisor, Journal(), development=config.log.development)


def _cards() -> list[str]:
    """Return the machine's CUDA cards; several workers take them in turn, one worker sees them all."""
    if declared := environment().get("CUDA_VISIBLE_DEVICES"):
        return declared.split(",")
    return [str(number) for number, _ in enumerate(Path("/proc/driver/nvidia/gpus").glob("*"))]


def _http(config: Config, runtimes: list[Runtime]) -> tuple[Any, dict[str, Slot], list[asyncio.Task[Any]]]:
    # Imported here, half a second of it, while the workers are already importing the author's code.
    import anyio.to_thread
    import uvicorn

    from reactor_runtime.http.app import make_app
    from reactor_runtime.http.shallow import ShallowHttp, ShallowSocket
    from reactor_runtime.http.slots import Slot
    from reactor_runtime.playground import assets
    from reactor_runtime.webrtc.acceptor import Acceptor
    from reactor_runtime.webrtc.peer import Ice, Peer, PeerObserver
    from reactor_runtime.webrtc.turn import ice_servers
    from reactor_runtime.wire.limits import MAX_BYTES

    rtc = config.webrtc
    codecs = _codecs(rtc)
    ports = (rtc.udp_ports.low, rtc.udp_ports.high) if rtc.udp_ports else None

    def make_peer(observer: PeerObserver) -> Peer:
        from reactor_runtime.webrtc.wrtc_peer import WrtcPeer  # imported by `_warm_up`, or here if somebody is quicker

        servers = ice_servers(rtc, "server", wall_ms() // 1000)
        ice = Ice(servers, ports, rtc.advertised_address, relay_only=rtc.ice_transport_policy == "relay")
        return WrtcPeer(observer, ice, codecs)

    slots = {runtime.session_id: Slot(runtime, Acceptor(runtime, config, make_peer)) for runtime in runtimes}
    anyio.to_thread.current_default_thread_limiter().total_tokens = PAGE_THREADS
    app = make_app(slots, page=assets(), max_body_bytes=config.http.max_body_bytes)
    settings = uvicorn.Config(
        app,
        log_level="warning",
        lifespan="off",
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=CLOSE_SSE,
        http=ShallowHttp,
        ws=ShallowSocket,
        ws_max_size=2 * MAX_BYTES,
        ws_per_message_deflate=False,
    )

    class Server(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield  # `_signals` has them: the model must be let go before HTTP closes

    return Server(settings), slots, [asyncio.create_task(slot.acceptor.run()) for slot in slots.values()]


def _codecs(rtc: WebRtcConfig) -> tuple[Codec, ...]:
    """Return the codecs to send: the configured ones that this process may make."""
    may = tuple(codec for codec in rtc.codecs if may_make(codec))
    for codec in set(rtc.codecs).difference(may):
        log.warning(f"{codec} is not sent: its encoder needs real-time priority, which only root may give")
    return may


@contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    """Stop on SIGINT and SIGTERM; a second one leaves at once."""
    loop = asyncio.get_running_loop()
    asked = False

    def on_signal() -> None:
        nonlocal asked
        if asked:
            os._exit(130)
        asked = True
        stop()
        print("Stopping; press Ctrl-C again to leave at once.", file=sys.stderr, flush=True)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


if __name__ == "__main__":
    # The published way to start a server; without arguments `reactor.yaml` and the environment say everything.
    from reactor_runtime.cli import main

    main(sys.argv[1:] or ["run"])
