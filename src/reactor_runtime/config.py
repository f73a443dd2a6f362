"""Every setting with its default, unit, flag and environment name: one table, read once at start.

Only this module reads the environment. Precedence: default < reactor.yaml < environment < command line.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Which model to run and how it is configured."""

    path: Path = Path()
    config_path: Path | None = None
    overrides: tuple[str, ...] = ()
    workers: int = 1
    in_process: bool = False


@dataclass(frozen=True, slots=True)
class HttpConfig:
    """Where the server listens."""

    host: str = "127.0.0.1"
    port: int = 8080
    max_body_bytes: int = 1_048_576


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """Session and supervision deadlines, in seconds."""

    orphan_timeout: float = 30.0
    ping_timeout: float = 20.0
    negotiation_timeout: float = 30.0
    stop_grace: float = 5.0
    heartbeat_timeout: float = 8.0
    max_connections: int = 64


@dataclass(frozen=True, slots=True)
class WebRtcConfig:
    """ICE servers (URLs) and video rates."""

    ice_servers: tuple[str, ...] = ()
    top_bps: int = 4_000_000
    small_bps: int = 600_000


@dataclass(frozen=True, slots=True)
class Config:
    """All settings of one `reactor run`."""

    model: ModelConfig = field(default_factory=ModelConfig)
    http: HttpConfig = field(default_factory=HttpConfig)
    session: SessionConfig = field(default_factory=SessionConfig)
    webrtc: WebRtcConfig = field(default_factory=WebRtcConfig)
    verbose: bool = False
