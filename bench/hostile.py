"""What a server must stand: hypothesis strategies of frames, offers and HTTP requests, near what clients send and far.

The property tests draw a few hundred of each; `bench/fuzz.py` draws them for minutes, at a real server.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

OFFERS = {path.stem: path.read_bytes().decode() for path in sorted((Path(__file__).parent / "offers").glob("*.sdp"))}
"""An offer of each engine that published clients use: two lines of video, one of sound, data channels."""
TRACKS = ("main_video", "main_audio", "webcam")
COMMANDS = ("set_n", "set_colour", "requestCapabilities", "nobody_knows")
LABELS = st.sampled_from(["data", "control", "chat", ""])

_WORDS = """
scope type data id uploads event method request_id name size sent_at_ms application runtime ping requestClip
duration_seconds fileUploaded upload_id mime_type frameShown command_ids shown_at_ms received_at_ms decode_ms clock
asked_at_ms client_at_ms request notification publish_track unpublish_track resume_track pause_track n sdp_offer
track_mapping mid candidates candidate sdp_mid sdp_mline_index sdp offer reason moderate extra_args
""".split()  # noqa: SIM905 - a list would be fifty lines
_words = st.sampled_from([*_WORDS, *TRACKS, *COMMANDS])
_texts = st.one_of(
    _words,
    st.text(max_size=12),
    st.sampled_from(["", "\0", "\ud800", "\r\n", "../../x", "x" * 300, "é" * 300, "%00", "[", "{}", "NaN"]),
)
_numbers = st.one_of(
    st.integers(-2, 300),
    st.sampled_from([0, -1, 1001, 5000, 9999, 2**31, 2**53 + 1, -(2**63), 2**64, 10**40]),
    st.floats(),
    st.sampled_from([1e-300, 1e300, 1.7e308]),
)
values = st.recursive(
    st.none() | st.booleans() | _numbers | _texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_texts, inner, max_size=5),
    max_leaves=16,
)
"""Anything JSON can say, and some that it cannot."""


@st.composite
def _damaged(draw: st.DrawFn, value: Any) -> Any:
    """Return a value with one or two of its parts replaced, left out or renamed."""
    for _ in range(draw(st.integers(1, 2))):
        value = _with_damage(draw, value)
    return value


def _with_damage(draw: st.DrawFn, value: Any) -> Any:
    if not isinstance(value, dict | list) or not value or draw(st.integers(0, 4)) == 0:
        return draw(values)
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = draw(st.sampled_from(keys))
    copy = dict(value) if isinstance(value, dict) else dict(enumerate(value))
    match draw(st.integers(0, 5)):
        case 0:
            del copy[key]
        case 1 if isinstance(value, dict):
            copy[draw(_texts)] = copy.pop(key)
        case _:
            copy[key] = _with_damage(draw, copy[key])
    return copy if isinstance(value, dict) else list(copy.values())


def _runtime(kind: str, **data: Any) -> dict[str, Any]:
    return {"scope": "runtime", "data": {"type": kind, "data": data}}


def _track_verb(kind: str, word: str, track: str) -> dict[str, Any]:
    names = {"method": word, "request_id": "ctrl_1"} if kind == "request" else {"event": word}
    return {"type": kind, **names, "data": {"name": track}}


_SAID = [
    {"type": "set_n", "data": {"n": 1}},
    {"scope": "application", "data": {"type": "set_n", "data": {"n": 1}, "id": "c1", "sent_at_ms": 5.0}},
    {"scope": "application", "data": {"type": "set_n", "data": {}, "uploads": {"n": {"upload_id": "u", "size": 3}}}},
    _runtime("ping"),
    _runtime("requestSchema"),
    _runtime("requestCapabilities"),
    _runtime("requestClip", duration_seconds=2),
    _runtime("requestRecording"),
    _runtime("fileUploaded", upload_id="u", name="a.png", mime_type="image/png", size=3),
    _runtime("clock", asked_at_ms=1.0, client_at_ms=2.0),
    _runtime("frameShown", command_ids=["c1"], shown_at_ms=9.0, received_at_ms=7.0, decode_ms=1.0),
    *(_track_verb("notification", f"{verb}_track", "main_video") for verb in ("resume", "pause", "unpublish")),
    _track_verb("request", "publish_track", "webcam"),
]
json_frames = st.sampled_from(_SAID) | st.sampled_from(_SAID).flatmap(_damaged) | values


@st.composite
def _torn(draw: st.DrawFn, whole: bytes) -> bytes:
    """Return bytes with a run of them replaced, left out or doubled."""
    start = draw(st.integers(0, len(whole)))
    end = draw(st.integers(start, min(len(whole), start + 12)))
    put = draw(st.one_of(st.just(b""), st.binary(max_size=6), st.just(whole[start:end] * 2)))
    return whole[:start] + put + whole[end:]


# ---- protobuf -------------------------------------------------------------------------------------------------

_GOLDEN = [
    bytes.fromhex(frame)
    for frame in (
        "1003 5200",
        "1003 8a010c 0a0a6d61696e5f766964656f",
        "1003 82010c 0a0a6d61696e5f766964656f",
        "0a066374726c5f31 1001 5a00",
        "0a066374726c5f32 1001 7a08 0a0677656263616d",
        "0a066374726c5f33 1001 6a09 090000000000000040",
        "0a06646174615f34 1001 5214 0a03736179 120d0a0b0a047465787412031a0164",
    )
]
_FIELD_NUMBERS = st.sampled_from([1, 2, 3, 4, 5, 6, *range(10, 20), 40, 99, 2**29 - 1])


def varint(number: int) -> bytes:
    """Return a whole number as protobuf writes it, a negative one as 64 bit."""
    number &= 2**64 - 1
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def _field(number: int, content: bytes | int | float) -> bytes:
    match content:
        case bytes():
            return varint(number << 3 | 2) + varint(len(content)) + content
        case float():
            return varint(number << 3 | 1) + struct.pack("<d", content)
        case _:
            return varint(number << 3) + varint(content)


_scalars = st.one_of(
    st.integers(-(2**63), 2**64 - 1),
    st.floats(),
    st.binary(max_size=8),
    _texts.map(lambda text: text.encode(errors="surrogatepass")),
)
_messages = st.recursive(
    st.lists(st.builds(_field, _FIELD_NUMBERS, _scalars), max_size=4).map(b"".join),
    lambda inner: st.lists(st.builds(_field, _FIELD_NUMBERS, inner | _scalars), max_size=4).map(b"".join),
    max_leaves=10,
)


def nested_struct(depth: int) -> bytes:
    """Return a command whose argument is a Struct in a Struct, so many times."""
    inner = _field(2, 1.0)
    for _ in range(depth):
        inner = _field(5, _field(1, _field(1, b"x") + _field(2, inner)))
    return _field(10, _field(1, b"set_n") + _field(2, _field(1, _field(1, b"n") + _field(2, inner))))


native_frames = st.one_of(
    st.sampled_from(_GOLDEN),
    st.sampled_from(_GOLDEN).flatmap(_torn),
    _messages,
    st.integers(0, 200).map(nested_struct),
    st.binary(max_size=64),
)


# ---- what data channels carry ---------------------------------------------------------------------------------


def _written(value: Any) -> str:
    return json.dumps(value)


frames = st.one_of(
    json_frames.map(_written),
    json_frames.map(lambda value: _written(value).encode()),
    json_frames.map(lambda value: _written(value).encode()).flatmap(_torn),
    st.text(max_size=40),
    native_frames,
)
conversations = st.lists(st.tuples(LABELS, frames), max_size=12)
"""Frames as one connection may send them, each with the label of its channel."""


# ---- offers ---------------------------------------------------------------------------------------------------

_sdp_texts = st.one_of(
    _texts,
    st.integers(-1, 2**33).map(str),
    st.sampled_from([" ", "\n", "\r", ";", "0" * 50, "a=mid:0", "m=video 9 X 96", "m=audio 9 X 111", "a=sendrecv"]),
)


@st.composite
def offers(draw: st.DrawFn) -> str:
    """A real offer of which some lines are gone, doubled, swapped, changed or new."""
    lines = draw(st.sampled_from(list(OFFERS.values()))).splitlines()
    for _ in range(draw(st.integers(0, 5))):
        at, other = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        match draw(st.integers(0, 6)):
            case 0 if len(lines) > 1:
                del lines[at]
            case 1:
                lines[at:at] = [lines[other]] * draw(st.integers(1, 40))
            case 2:
                lines[at], lines[other] = lines[other], lines[at]
            case 3:
                lines.insert(at, draw(_sdp_texts))
            case 4 if len(lines) > 20:
                del lines[min(at, other) : max(at, other)]
            case _:
                words = lines[at].split(" ")
                words[draw(st.integers(0, len(words) - 1))] = draw(_sdp_texts)
                lines[at] = " ".join(words)
        lines = lines or ["v=0"]
    return draw(st.sampled_from(["\r\n", "\r\n", "\n"])).join(lines) + draw(st.sampled_from(["\r\n", "", "\n\n"]))


# ---- HTTP -----------------------------------------------------------------------------------------------------


OPENED = "opened"
"""Stands in paths for what the client opened last: the key of WHEP or WHIP, or the id of HTTP with its `TOKEN`."""
TOKEN = "token-of-the-opened"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `path` holds the query too; both are sent as they are."""

    method: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


_MAPPING = [{"mid": "0", "name": "main_video", "kind": "video", "direction": "recvonly"}]
_CANDIDATE = {
    "candidate": "candidate:1 1 udp 2122194687 127.0.0.1 9 typ host ufrag c5nS",
    "sdp_mid": "0",
    "sdp_mline_index": 0,
}
_SEGMENTS = st.sampled_from(["local", "local-1", "nobody", "", "%00", "%ff", "..%2f..", "x" * 300, "%C3%A9"])
_IDS = st.sampled_from(["1001", "5000", "5001", "9999", "0", "-1", "abc", "1" * 30, "9" * 5000])
_QUERIES = st.sampled_from(
    [
        "",
        "?session_id=local",
        "?session_id=nobody",
        "?session_id=",
        "?since=1",
        "?since=-9",
        "?since=x",
        "?%ff&&=",
        "?=",
    ]
)
_HEADER_NAMES = ("Host", "Origin", "Content-Type", "Accept", "Authorization", "Last-Event-ID", "Content-Encoding")
_HEADER_VALUES = (
    "",
    "*",
    "[",
    "a:b:c",
    "host:99999",
    "application/json",
    "text/plain",
    "gzip",
    "null",
    "x" * 500,
    "-1",
)
_PAGES = st.sampled_from(["/health", "/session", "/schema", "/metrics", "/ice_servers", "/", "/docs", "/openapi.json"])
_headers = st.dictionaries(
    st.sampled_from([*_HEADER_NAMES, "Access-Control-Request-Method", "Range", "Reactor-WebRTC-Version"]),
    st.sampled_from(_HEADER_VALUES),
    max_size=2,
)
_METHODS = st.sampled_from(["GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH", "TRACE"])


def _bodies(valid: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    written = (valid | valid.flatmap(_damaged) | values).map(lambda value: _written(value).encode())
    return st.one_of(written, written, written.flatmap(_torn), st.binary(max_size=40), st.just(b"[" * 100_000))


def _asks(method: str, path: st.SearchStrategy[str] | str, valid: Any) -> st.SearchStrategy[Request]:
    paths = st.just(path) if isinstance(path, str) else path
    bodies = _bodies(valid if isinstance(valid, st.SearchStrategy) else st.just(valid))
    headers = st.builds(lambda more: {"Content-Type": "application/json", **more}, st.just({}) | _headers)
    return st.builds(Request, st.just(method), paths, bodies, headers)


_FRAGMENT = "application/trickle-ice-sdpfrag"
_FRAGMENT_LINES = st.one_of(
    st.sampled_from(
        [
            "a=ice-ufrag:c5nS",
            "a=ice-pwd:0123456789abcdefghijkl",
            "a=mid:0",
            "m=video 9 UDP/TLS/RTP/SAVPF 0",
            f"a={_CANDIDATE['candidate']}",
            "a=end-of-candidates",
            "a=group:BUNDLE 0",
        ]
    ),
    _sdp_texts,
)
_fragments = st.lists(_FRAGMENT_LINES, max_size=8).map("\r\n".join)
_standard = st.sampled_from(["whep", "whip"])
_keys = st.just(OPENED) | _SEGMENTS


def _sends(method: str, path: st.SearchStrategy[str], media_type: str, text: st.SearchStrategy[str]) -> Any:
    """Return requests whose body is text of a type that is none of JSON's."""
    bodies = text.map(lambda written: written.encode(errors="replace"))
    headers = st.builds(lambda more: {"Content-Type": media_type, **more}, _conditions | _headers)
    return st.builds(Request, st.just(method), path, bodies | bodies.flatmap(_torn), headers)


_conditions = st.dictionaries(st.just("If-Match"), st.sampled_from(["*", '"x"', "", "x" * 300]), max_size=1)
_sessions = st.just("local") | _SEGMENTS
_of_http = st.builds("/sessions/{}/transport/http/connections".format, _sessions)
_of_an_opened = st.builds("{}/{}".format, _of_http, st.just(OPENED) | _IDS)
_tokens = st.builds("?token={}".format, st.just(TOKEN) | _SEGMENTS)
_of_a_session = st.builds("/sessions/{}/transport/webrtc".format, _sessions)
_of_a_connection = st.one_of(_of_a_session, st.builds("{}/connections/{}".format, _of_a_session, _IDS))
_offer_bodies = st.builds(lambda sdp: {"sdp_offer": sdp, "track_mapping": _MAPPING}, offers())
requests = st.one_of(
    _asks("POST", "/start_session", {"extra_args": {"a": 1}}),
    _asks("POST", _QUERIES.map("/stop_session{}".format), {"reason": "enough", "moderate": True}),
    _asks("POST", "/sdp_params", st.builds(lambda sdp: {"sdp": sdp, "type": "offer"}, offers())),
    _asks("POST", _of_a_session.map("{}/connections".format), {}),
    _asks("POST", _of_a_connection.map("{}/sdp_params".format), _offer_bodies),
    _asks("PUT", _of_a_connection.map("{}/sdp_params".format), _offer_bodies),
    _asks("POST", _of_a_connection.map("{}/ice_candidates".format), {"candidates": [_CANDIDATE], "is_final": False}),
    _asks(
        "POST",
        _sessions.map("/sessions/{}/uploads".format),
        {"name": "a.png", "size": 3, "mime_type": "image/png", "upload_id": "u"},
    ),
    _sends("POST", _standard.map("/{}".format), "application/sdp", offers()),
    _sends("POST", st.builds("/sessions/{}/{}".format, _sessions, _standard), "application/sdp", offers()),
    _sends("PATCH", st.builds("/{}/{}".format, _standard, _keys), _FRAGMENT, _fragments),
    st.builds(Request, st.just("DELETE"), st.builds("/{}/{}".format, _standard, _keys)),
    _asks("POST", _of_http, {"connection_id": 1001}),
    _asks("POST", st.builds("{}/messages{}".format, _of_an_opened, _tokens), json_frames),
    st.builds(Request, st.just("DELETE"), st.builds("{}{}".format, _of_an_opened, _tokens)),
    st.builds(Request, st.just("PUT"), _SEGMENTS.map("/uploads/{}".format), st.binary(max_size=9), _headers),
    st.builds(Request, st.just("PUT"), st.just("/uploads/u"), st.binary(max_size=9), _headers),
    st.builds(Request, st.just("GET"), _of_a_connection.map("{}/sdp_params".format), st.just(b""), _headers),
    st.builds(
        Request,
        _METHODS,
        st.builds(
            "{}{}".format,
            _PAGES | st.builds("/{}/{}".format, _SEGMENTS, _SEGMENTS),
            _QUERIES,
        ),
        st.binary(max_size=9),
        _headers,
    ),
)
"""Requests near what the routes take. None of them follows the journal or a connection, which never end."""
