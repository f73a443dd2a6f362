"""The frames of the JSON family "multi", as published clients send and expect them.

Literals only: a failure here breaks clients that exist.
"""

from __future__ import annotations

import pytest

from reactor_runtime.errors import ClientError
from reactor_runtime.wire.messages import (
    AskClock,
    Capabilities,
    ClockTold,
    Command,
    CommandAnswered,
    CommandTraced,
    Figures,
    FileUploaded,
    FrameAnswers,
    FrameShown,
    Inbound,
    LoadingProgress,
    ModelFailed,
    ModelSaid,
    Outbound,
    PauseTrack,
    Ping,
    PublishTrack,
    RecordingRefused,
    RequestCapabilities,
    RequestFigures,
    RequestRecording,
    RequestSchema,
    ResumeTrack,
    RungTold,
    Schema,
    SessionEnded,
    SessionStateChanged,
    TrackAnswered,
    UnpublishTrack,
    Unreadable,
)
from reactor_runtime.wire.multi import decode, encode

UPLOAD = {"upload_id": "4932", "name": "probe.txt", "mime_type": "text/plain", "size": 3011}

FROM_CLIENTS: list[tuple[str, str, Inbound]] = [
    (
        "data",
        '{"scope":"application","data":{"type":"set_color","data":{"r":220,"g":30,"b":40}}}',
        Command("set_color", {"r": 220, "g": 30, "b": 40}),
    ),
    (
        "data",
        '{"scope":"application","data":{"type":"set_prompt","data":{"prompt":"a meadow ✓"},"id":"c1"}}',
        Command("set_prompt", {"prompt": "a meadow ✓"}, "c1"),
    ),
    (
        "data",
        '{"scope":"application","data":{"type":"set_image","data":{},"uploads":{"image":{"upload_id":"4932",'
        '"name":"probe.txt","mime_type":"text/plain","size":3011}}}}',
        Command("set_image", {}, None, {"image": UPLOAD}),
    ),
    ("data", '{"scope":"application","data":{"type":"reset"}}', Command("reset", {})),
    ("data", '{"scope":"application","data":{"type":"reset","data":null}}', Command("reset", {})),
    ("data", '{"type":"set_color","data":{"r":220}}', Command("set_color", {"r": 220})),
    (
        "data",
        '{"scope":"application","data":{"type":"reset","data":{},"id":"c1","sent_at_ms":1500.5}}',
        Command("reset", {}, "c1", sent_at=1.5005),
    ),
    (
        "data",
        '{"scope":"runtime","data":{"type":"clock","data":{"asked_at_ms":2500,"client_at_ms":1500}}}',
        ClockTold(2.5, 1.5),
    ),
    (
        "data",
        '{"scope":"runtime","data":{"type":"frameShown","data":{"command_ids":["c1"],"shown_at_ms":1500}}}',
        FrameShown(["c1"], 1.5),
    ),
    (
        "data",
        '{"scope":"runtime","data":{"type":"frameShown","data":{"command_ids":["c1"],"shown_at_ms":1500,'
        '"received_at_ms":1250,"decode_ms":3}}}',
        FrameShown(["c1"], 1.5, 1.25, 0.003),
    ),
    ("data", '{"scope":"runtime","data":{"type":"ping","data":{}}}', Ping()),
    ("data", '{"scope":"runtime","data":{"type":"requestCapabilities","data":{}}}', RequestCapabilities()),
    ("data", '{"scope":"runtime","data":{"type":"requestSchema","data":{}}}', RequestSchema()),
    ("data", '{"scope":"runtime","data":{"type":"requestFigures","data":{},"id":"f1"}}', RequestFigures("f1")),
    (
        "data",
        '{"scope":"runtime","data":{"type":"fileUploaded","data":{"upload_id":"4932","name":"probe.txt",'
        '"mime_type":"text/plain","size":3011}}}',
        FileUploaded("4932", "probe.txt", "text/plain", 3011),
    ),
    ("data", '{"scope":"runtime","data":{"type":"requestClip","data":{"duration_seconds":2}}}', RequestRecording(2.0)),
    ("data", '{"scope":"runtime","data":{"type":"requestRecording","data":{}}}', RequestRecording(None)),
    (
        "control",
        '{"type":"notification","event":"resume_track","data":{"name":"main_video"}}',
        ResumeTrack("main_video"),
    ),
    (
        "control",
        '{"type":"notification","event":"pause_track","data":{"name":"main_video"}}',
        PauseTrack("main_video"),
    ),
    (
        "control",
        '{"type":"request","method":"publish_track","request_id":"ctrl_1","data":{"name":"webcam"}}',
        PublishTrack("webcam", "ctrl_1"),
    ),
    ("control", '{"type":"notification","event":"unpublish_track","data":{"name":"webcam"}}', UnpublishTrack("webcam")),
]

TO_CLIENTS: list[tuple[Outbound, list[tuple[str, str]]]] = [
    (
        ModelSaid({"n": 1}, "tick"),
        [("data", '{"scope":"application","data":{"type":"tick","data":{"n":1}}}')],
    ),
    (
        ModelSaid({"type": "said", "data": {"text": "héllo ✓", "n": 7}}),
        [("data", '{"scope":"application","data":{"type":"said","data":{"text":"héllo ✓","n":7}}}')],
    ),
    (
        ModelSaid({"step": 3}),
        [("data", '{"scope":"application","data":{"step":3}}')],
    ),
    (CommandAnswered(None, "set_color"), []),
    (
        CommandAnswered("c1", "set_color"),
        [("data", '{"scope":"runtime","data":{"type":"commandAccepted","data":{"id":"c1","command":"set_color"}}}')],
    ),
    (
        CommandAnswered(None, "say", "said", {"text": "d"}),
        [("data", '{"scope":"application","data":{"type":"said","data":{"text":"d"}}}')],
    ),
    (
        CommandAnswered("c2", "say", "said", {"text": "d"}),
        [
            ("data", '{"scope":"application","data":{"type":"said","data":{"text":"d"}}}'),
            (
                "data",
                '{"scope":"runtime","data":{"type":"commandAccepted","data":{"id":"c2","command":"say",'
                '"replied":true}}}',
            ),
        ],
    ),
    (
        CommandAnswered(None, "warp", error_code="invalid_command", error_message="unknown command 'warp'"),
        [
            (
                "data",
                '{"scope":"runtime","data":{"type":"commandRejected","data":{"id":null,"command":"warp",'
                '"code":"invalid_command","message":"unknown command \'warp\'"}}}',
            )
        ],
    ),
    (
        CommandAnswered("c3", "say", error_code="busy", error_message="later"),
        [
            (
                "data",
                '{"scope":"runtime","data":{"type":"commandRejected","data":{"id":"c3","command":"say",'
                '"code":"busy","message":"later"}}}',
            )
        ],
    ),
    (
        TrackAnswered("webcam", "ctrl_1"),
        [("control", '{"type":"response","method":"publish_track","request_id":"ctrl_1","data":{}}')],
    ),
    (
        TrackAnswered("webcam", "ctrl_1", "publish_refused", "webcam is held by another connection"),
        [
            (
                "control",
                '{"type":"response","method":"publish_track","request_id":"ctrl_1","error":{"code":"publish_refused",'
                '"message":"webcam is held by another connection"}}',
            )
        ],
    ),
    (TrackAnswered("webcam", None), []),
    (
        Schema({"openapi": "3.1.0"}),
        [("data", '{"scope":"runtime","data":{"type":"modelSchema","data":{"openapi":"3.1.0"}}}')],
    ),
    (
        Capabilities({"protocol_version": "1.0", "tracks": []}),
        [
            (
                "data",
                '{"scope":"runtime","data":{"type":"modelCapabilities","data":{"protocol_version":"1.0","tracks":[]}}}',
            )
        ],
    ),
    (
        SessionStateChanged("RECOVERING", "killed by SIGKILL"),
        [
            (
                "data",
                '{"scope":"runtime","data":{"type":"sessionState","data":{"state":"RECOVERING",'
                '"reason":"killed by SIGKILL"}}}',
            )
        ],
    ),
    (
        SessionEnded("everybody left"),
        [("data", '{"scope":"runtime","data":{"type":"sessionEnded","data":{"reason":"everybody left"}}}')],
    ),
    (
        RecordingRefused("recording is off"),
        [("data", '{"scope":"runtime","data":{"type":"clipFailed","data":{"reason":"recording is off"}}}')],
    ),
    (
        ModelFailed("run", "run() raised ValueError"),
        [
            (
                "data",
                '{"scope":"runtime","data":{"type":"modelFailed","data":{"where":"run",'
                '"summary":"run() raised ValueError"}}}',
            )
        ],
    ),
    (
        LoadingProgress("weights", 0.5),
        [("data", '{"scope":"runtime","data":{"type":"loading","data":{"text":"weights","fraction":0.5}}}')],
    ),
    (
        LoadingProgress("compiling"),
        [("data", '{"scope":"runtime","data":{"type":"loading","data":{"text":"compiling","fraction":null}}}')],
    ),
    (
        Unreadable("JSON is malformed"),
        [("data", '{"scope":"runtime","data":{"type":"unreadable","data":{"reason":"JSON is malformed"}}}')],
    ),
    (
        FrameAnswers("main_video", 4_000_000_000, ["c1", "c2"]),
        [
            (
                "data",
                '{"scope":"runtime","data":{"type":"frameAnswers","data":{"track":"main_video",'
                '"rtp_timestamp":4000000000,"command_ids":["c1","c2"]}}}',
            )
        ],
    ),
    (AskClock(2.5), [("data", '{"scope":"runtime","data":{"type":"clock","data":{"asked_at_ms":2500.0}}}')]),
    (
        CommandTraced("c1", "reset", {"wait": 0.0123456, "total": 0.05}),
        [
            (
                "data",
                '{"scope":"runtime","data":{"type":"commandTraced","data":{"id":"c1","command":"reset",'
                '"stages_ms":{"wait":12.35,"total":50.0}}}}',
            )
        ],
    ),
    (
        Figures(
            at=2.5,
            version="0.1.0",
            generated=90,
            shown=80,
            dropped=8,
            queued=2,
            rate=30.0,
            lead=0.0123,
            rungs={"main_video": RungTold(1, 2, "vp8", 640, 360, 600_000, 1)},
            estimate_bps=900_000.0,
            units_lost=3,
            request_id="f1",
        ),
        [
            (
                "data",
                '{"scope":"runtime","data":{"type":"figures","data":{"id":"f1","at_ms":2500.0,"lead_ms":12.3,'
                '"version":"0.1.0","generated":90,"shown":80,"dropped":8,"queued":2,"rate":30.0,'
                '"rungs":{"main_video":{"place":1,"of":2,"codec":"vp8","width":640,"height":360,'
                '"bitrate_bps":600000,"viewers":1}},"estimate_bps":900000.0,"units_lost":3}}}',
            )
        ],
    ),
]


@pytest.mark.parametrize(("channel", "text", "meant"), FROM_CLIENTS)
def test_a_frame_of_a_client_is_understood(channel: str, text: str, meant: Inbound) -> None:
    assert decode(channel, text) == meant
    assert decode(channel, text.encode()) == meant


@pytest.mark.parametrize(("message", "frames"), TO_CLIENTS)
def test_a_message_is_said_in_the_frames_clients_expect(message: Outbound, frames: list[tuple[str, str]]) -> None:
    assert encode(message) == frames


@pytest.mark.parametrize(
    ("channel", "text"),
    [
        ("data", '{"scope":"runtime","data":{"type":"clientStats","data":{"rtt":0.1}}}'),
        ("control", '{"type":"notification","event":"dance","data":{}}'),
        ("control", '{"type":"response","method":"publish_track","request_id":"ctrl_1","data":{}}'),
        ("chat", '{"type":"hello"}'),
    ],
)
def test_what_means_nothing_here_is_ignored(channel: str, text: str) -> None:
    assert decode(channel, text) is None


@pytest.mark.parametrize(
    ("channel", "text"),
    [
        ("data", ""),
        ("data", "hello"),
        ("data", "[]"),
        ("data", "7"),
        ("data", "{}"),
        ("data", '{"type":7}'),
        ("data", '{"type":"reset","data":[]}'),
        ("data", '{"type":"reset","id":7}'),
        ("data", '{"type":"reset","id":"c1","sent_at_ms":"now"}'),
        ("data", '{"scope":"runtime","data":{"type":"frameShown","data":{"command_ids":"c1","shown_at_ms":1}}}'),
        ("data", '{"scope":"runtime","data":{"type":"clock","data":{"asked_at_ms":null,"client_at_ms":1}}}'),
        ("data", '{"type":"set_image","uploads":{"image":"4932"}}'),
        ("data", '{"scope":"application"}'),
        ("data", '{"scope":"application","data":{"data":{}}}'),
        ("data", '{"scope":"somewhere","data":{"type":"reset"}}'),
        ("data", '{"scope":"runtime","data":{"type":"fileUploaded","data":{"upload_id":"4932"}}}'),
        ("data", '{"scope":"runtime","data":{"type":"requestClip","data":{"duration_seconds":"2"}}}'),
        ("control", '{"type":"notification","event":"resume_track","data":{}}'),
        ("control", '{"type":"request","method":"publish_track","request_id":1,"data":{"name":"webcam"}}'),
        ("control", '{"event":"resume_track"}'),
    ],
)
def test_what_cannot_be_read_is_the_clients_fault(channel: str, text: str) -> None:
    with pytest.raises(ClientError) as error:
        decode(channel, text)
    assert error.value.code == "unreadable"
