"""Every setting with its default, unit, flag and environment name: one table, read once at start.

Only this module reads the environment. Precedence: default < reactor.yaml < environment < command line.
The fields below are the table: flags, `reactor.yaml` keys (under `runtime.server`), environment names and
`docs/reference/settings.md` are derived from them.
"""

# ruff: noqa: RUF009 - `_setting` returns a dataclass field

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from reactor_runtime.config_values import IpAddress, PortRange, Secret, StunUrl, TurnServer, parsed
from reactor_runtime.errors import OperatorError

T = TypeVar("T")


def _setting(
    default: T,
    doc: str,
    *,
    flags: Sequence[str] | None = None,
    env: str | None = None,
    only: Literal["flag", "env"] | None = None,
    in_yaml: bool = True,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
) -> T:
    """Return a dataclass field that is one row of the table.

    `flags` and `env` default to names derived from the field's; `only` leaves the other sources out, and
    `in_yaml` false the server's block of reactor.yaml.
    """
    source = {"flags": flags, "env": env, "only": only, "in_yaml": in_yaml}
    meta = {"doc": doc, "unit": unit, "low": low, "high": high, **source}
    made: T = field(default=default, metadata=meta)
    return made


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Which model to run and how it is configured."""

    path: Path = _setting(Path(), "Folder of the model.", flags=("--path", "-p"), only="flag")
    config_path: Path | None = _setting(
        None, "YAML file handed to the model instead of the one it declares.", flags=("--config", "-c"), only="flag"
    )
    overrides: tuple[str, ...] = _setting(
        (), "Sets one value of the model's configuration.", flags=("--model.KEY.SUBKEY",), only="flag"
    )
    workers: int = _setting(1, "Instances of the model, each in its own process.", low=1, high=64)
    in_process: bool = _setting(False, "Run the model inside the server's process (debuggers; no crash isolation).")
    weights_store: str | None = _setting(
        None,
        "Store of weights: a URL, or the name of an S3 bucket (reactor.yaml: `runtime.weights_store`).",
        flags=("--weights-store", "--bucket", "-b"),
        env="REACTOR_WEIGHTS_STORE",
        in_yaml=False,
    )
    profiling: bool = _setting(
        False, "Time the sections that the model marks, and log them after each session.", flags=("--enable-profiling",)
    )
    profiling_dir: Path | None = _setting(
        None, "Folder for those times as JSON.", flags=("--profiling-dir", "--profiling-output-dir")
    )


@dataclass(frozen=True, slots=True)
class HttpConfig:
    """Where the server listens."""

    host: str = _setting("127.0.0.1", "Address to listen on; 0.0.0.0 opens it to the network.", env="HOST")
    port: int = _setting(8080, "Port to listen on; 0 takes a free one.", env="PORT", low=0, high=65535)
    max_body_bytes: int = _setting(1_048_576, "Largest HTTP request body accepted.", unit="bytes", low=1024)


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """Deadlines and limits of a session, and of supervision."""

    orphan_timeout: float = _setting(
        30.0, "How long a session outlives its last client.", env="ORPHAN_TIMEOUT_SECONDS", unit="s", low=0
    )
    ping_timeout: float = _setting(
        20.0,
        "Silence after which a client counts as gone.",
        env="WEBRTC_CLIENT_PING_TIMEOUT_SECONDS",
        unit="s",
        low=1,
    )
    negotiation_timeout: float = _setting(30.0, "From an offer to a working connection.", unit="s", low=1)
    stop_grace: float = _setting(
        5.0, "What a model gets to let go of a session before it is ended.", env="SIGTERM_GRACE_PERIOD", unit="s", low=0
    )
    heartbeat_timeout: float = _setting(
        8.0, "Silence after which a model's process counts as hung and is restarted.", unit="s", low=1
    )
    max_connections: int = _setting(64, "Clients of one session.", low=1)
    max_upload_bytes: int = _setting(268_435_456, "Largest file a client may upload.", unit="bytes", low=1)
    max_upload_total_bytes: int = _setting(
        1_073_741_824, "Room for the files of one session; the ones used longest ago make way.", unit="bytes", low=1
    )
    max_uploads: int = _setting(64, "Files of one session; the ones used longest ago make way.", low=1)


@dataclass(frozen=True, slots=True)
class WebRtcConfig:
    """How clients and the server find a way to each other (docs/topics/networks.md), and video rates."""

    ice_servers: tuple[StunUrl, ...] = _setting(
        (), "STUN servers (`stun:host:port`), comma-separated.", flags=("--stun-server",), env="STUN_SERVERS"
    )
    turn_servers: tuple[TurnServer, ...] = _setting(
        (),
        "TURN servers, each `user;credential;url`, comma-separated; `url` alone where `REACTOR_TURN_SECRET` is set.",
        flags=("--turn-server",),
        env="TURN_SERVERS",
    )
    turn_secret: Secret | None = _setting(
        None,
        "Secret shared with the TURN servers (coturn: `static-auth-secret`): each client's credentials are made of it.",
        env="REACTOR_TURN_SECRET",
        only="env",
    )
    turn_ttl: int = _setting(86_400, "How long a client may use such credentials.", unit="s", low=1)
    ice_transport_policy: Literal["all", "relay"] = _setting(
        "all", "Whether the server uses every way to a client, or only TURN servers.", env="ICE_TRANSPORT_POLICY"
    )
    udp_ports: PortRange | None = _setting(
        None,
        "UDP ports for media, like `50000-50100`: one for each connection. Any if not given.",
        flags=("--udp-ports", "--webrtc-port-range"),
        env="WEBRTC_PORT_RANGE",
    )
    advertised_address: tuple[IpAddress, ...] = _setting(
        (), "Public addresses that stand for the server's own (1:1 NAT), comma-separated; ports stay the same."
    )
    codecs: tuple[Literal["vp8", "vp9", "av1"], ...] = _setting(
        ("vp8",),
        "Codecs to send, comma-separated, the preferred one first: each viewer gets the first that it offers, whatever "
        "its own order, and VP8 if it offers none of them. av1 needs root.",
    )
    top_bps: int = _setting(
        4_000_000,
        "Most that a viewer is sent of a video track; less where its network is slower.",
        unit="bit/s",
        low=100_000,
    )
    min_bps: int = _setting(
        150_000, "Least that a viewer is sent of a video track, however slow its network.", unit="bit/s", low=50_000
    )
    rungs: int = _setting(
        3, "Rates at which a video track may be encoded at once, for viewers with different networks.", low=1, high=3
    )


@dataclass(frozen=True, slots=True)
class HeadlessConfig:
    """What `--runtime headless` does by itself, and where its output goes."""

    script: Path | None = _setting(None, "Commands to run, one per line.", only="flag")
    frames: int | None = _setting(None, "Stop once so many frames are written.", only="flag", low=1)
    seconds: float | None = _setting(None, "Stop after so much of the stream.", only="flag", unit="s", low=0)
    output: Path | None = _setting(
        None,
        "Folder for PNGs, or a file ending in .mp4; ./output/<epoch> if not given.",
        flags=("--output", "-o", "--output-root"),
        only="flag",
    )
    input_folder: tuple[str, ...] = _setting(
        (), "Folder of pictures, film or sound file for an input track: `PATH`, or `TRACK=PATH`.", only="flag"
    )
    input_fps: float | None = _setting(
        None,
        "Pictures per second of the input, whatever the model does. If not given, each waits for the model.",
        only="flag",
        low=0.1,
        high=1000,
    )
    no_ignore_duplicates: bool = _setting(
        False, "Accepted and without effect: each frame is taken once, so none is a duplicate.", only="flag"
    )


@dataclass(frozen=True, slots=True)
class LogConfig:
    """How much is logged, in which form, and who sees it."""

    level: Literal["debug", "info", "warning", "error"] = _setting(
        "info", "Least severe level shown.", env="REACTOR_LOG_LEVEL", only="env"
    )
    format: Literal["text", "json"] = _setting("text", "Form of log lines.", env="REACTOR_LOG_FORMAT", only="env")
    development: bool = _setting(False, "Show clients the model's log lines and tracebacks.", flags=("--dev",))


@dataclass(frozen=True, slots=True)
class Config:
    """All settings of one `reactor run`."""

    model: ModelConfig = field(default_factory=ModelConfig)
    http: HttpConfig = field(default_factory=HttpConfig)
    session: SessionConfig = field(default_factory=SessionConfig)
    webrtc: WebRtcConfig = field(default_factory=WebRtcConfig)
    headless: HeadlessConfig = field(default_factory=HeadlessConfig)
    log: LogConfig = field(default_factory=LogConfig)
    runtime: Literal["http", "headless"] = _setting("http", "Serve over the network, or run without it.", only="flag")
    verbose: bool = _setting(False, "Log at level debug.", flags=("--verbose", "-v"), only="flag")


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table.

    Attributes:
        section: Attribute of `Config` that holds the setting; empty for `Config` itself.
        name: Field name, and its key under `runtime.server` in reactor.yaml where `in_yaml`.
        type: The field's type without `None`.
        flags: Spellings on the command line, the long one first; empty when it has none.
        env: Environment name, None when it has none.
    """

    section: str
    name: str
    type: Any
    default: Any
    doc: str
    flags: tuple[str, ...]
    env: str | None
    in_yaml: bool
    unit: str
    low: float | None
    high: float | None

    @property
    def repeatable(self) -> bool:
        """Whether the setting is a list."""
        return get_origin(self.type) is tuple

    @property
    def is_secret(self) -> bool:
        """Whether its value is never to be shown."""
        return self.type is Secret or TurnServer in get_args(self.type)

    @property
    def choices(self) -> tuple[str, ...]:
        """The words it takes; empty when it takes any."""
        return get_args(self.type) if get_origin(self.type) is Literal else ()

    def parse(self, raw: object) -> Any:
        """Return the value that `raw` (text, or what YAML made of it) stands for.

        Raises:
            ValueError: It is none; the text says what would be.
        """
        if self.repeatable:
            kind = get_args(self.type)[0]
            if isinstance(raw, str):
                raw = raw.split(",")
            elif not isinstance(raw, Sequence):
                raise ValueError("must be a list")
            elif kind is not str:  # text may hold commas of its own where it is one flag of several
                raw = [part for item in raw for part in str(item).split(",")]
            return tuple(parsed(kind, part) for part in raw if str(part).strip())
        value = parsed(self.type, raw)
        if self.low is not None and value < self.low:
            raise ValueError(f"must be at least {self.low:g}")
        if self.high is not None and value > self.high:
            raise ValueError(f"must be at most {self.high:g}")
        return value


def _rows(cls: type[Any], section: str = "") -> Iterator[Setting]:
    types = get_type_hints(cls)
    for row in fields(cls):
        meta = row.metadata
        if not meta:
            yield from _rows(types[row.name], row.name)
            continue
        name, only = row.name, meta["only"]
        derived = f"REACTOR_{name.upper()}" if only is None else None
        yield Setting(
            section=section,
            name=name,
            type=next((t for t in get_args(types[name]) if type(None) in get_args(types[name])), types[name]),
            default=row.default,
            doc=meta["doc"],
            flags=() if only == "env" else tuple(meta["flags"] or ("--" + name.replace("_", "-"),)),
            env=meta["env"] or derived,
            in_yaml=only is None and meta["in_yaml"],
            unit=meta["unit"],
            low=meta["low"],
            high=meta["high"],
        )


SETTINGS: tuple[Setting, ...] = tuple(_rows(Config))
"""The whole table, in declaration order."""


def load(flags: Mapping[str, object], env: Mapping[str, str], manifest: Mapping[str, Any] | None) -> Config:
    """Return the settings of one run.

    Args:
        flags: Field name to what the command line gave; None means not given.
        env: The environment; see `environment`. Empty values count as not set.
        manifest: Parsed `reactor.yaml`; only its `runtime.server` mapping is read.

    Raises:
        OperatorError: Some values are bad; the message names every one with its source.
    """
    server, problems = _server_block(manifest)
    values: dict[str, dict[str, Any]] = {}
    for row in SETTINGS:
        sources = (
            (row.flags[0] if row.flags else "", flags.get(row.name)),
            (row.env or "", (env.get(row.env) or None) if row.env else None),
            (f"runtime.server.{row.name} in reactor.yaml", server.get(row.name) if row.in_yaml else None),
        )
        source, raw = next(((s, r) for s, r in sources if r is not None), ("", None))
        if raw is None:
            continue
        try:
            values.setdefault(row.section, {})[row.name] = row.parse(raw)
        except ValueError as error:
            shown = "" if row.is_secret else f" (got {str(raw)!r})"
            problems.append(f"{source} {error}{shown}")
    rtc = values.get("webrtc", {})
    bare = [turn.url for turn in rtc.get("turn_servers", ()) if not turn.username]
    if bare and "turn_secret" not in rtc:
        problems.append(f'{bare[0]} needs "user;credential;" before it, or a secret in REACTOR_TURN_SECRET')
    if problems:
        raise OperatorError("; ".join(problems))
    hints = get_type_hints(Config)
    own = values.pop("", {})
    if own.get("verbose"):
        values.setdefault("log", {})["level"] = "debug"
    return Config(**{section: hints[section](**given) for section, given in values.items()}, **own)


def _server_block(manifest: Mapping[str, Any] | None) -> tuple[Mapping[str, Any], list[str]]:
    """Return `runtime.server` of the manifest and what is wrong with its keys."""
    runtime = (manifest or {}).get("runtime")
    server = runtime.get("server") if isinstance(runtime, Mapping) else None
    if server is None:
        return {}, []
    if not isinstance(server, Mapping):
        return {}, ["runtime.server in reactor.yaml must be a mapping"]
    known = [row.name for row in SETTINGS if row.in_yaml]
    problems = []
    for key in server:
        if key not in known:
            near = get_close_matches(str(key), known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            problems.append(f"runtime.server.{key} in reactor.yaml is no setting{hint}")
    return server, problems


def environment() -> dict[str, str]:
    """Return a copy of the process's environment, with generation 1's name for the store of weights read as ours."""
    env = dict(os.environ)
    if bucket := env.get("REACTOR_MODELS_BUCKET"):
        env["REACTOR_WEIGHTS_STORE"] = env.get("REACTOR_WEIGHTS_STORE") or bucket
    return env


def weights_roots(declared: Path | None = None, beside: Path | None = None) -> tuple[Path, ...]:
    """Return the folders under which weights may lie, the nearest first.

    `$REACTOR_WEIGHTS_PATH`, what `reactor.yaml` says (`declared`), the one beside the model, the user's cache.
    """
    given = os.environ.get("REACTOR_WEIGHTS_PATH")
    cache = Path("~/.cache/reactor_registry").expanduser()
    roots = (Path(given).expanduser() if given else None, declared, beside, cache)
    return tuple(dict.fromkeys(root for root in roots if root))


def weights_store(declared: str | None = None) -> str | None:
    """Return the store of weights that the environment names, else the `declared` one."""
    return environment().get("REACTOR_WEIGHTS_STORE") or declared
