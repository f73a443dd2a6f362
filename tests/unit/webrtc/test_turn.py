"""Credentials that TURN servers with a shared secret take."""

from __future__ import annotations

import time
from typing import Any

from reactor_runtime.config import Config, WebRtcConfig
from reactor_runtime.config_values import Secret, StunUrl, TurnServer
from reactor_runtime.webrtc.acceptor import Acceptor
from reactor_runtime.webrtc.peer import Ice, IceServer
from reactor_runtime.webrtc.turn import credentials, ice_servers


def test_credentials_are_the_expiry_and_its_hmac() -> None:
    # printf '1700086400:alice' | openssl dgst -sha1 -hmac north -binary | base64
    assert credentials("north", "alice", 1_700_086_400) == ("1700086400:alice", "SXua5ne/+mDhiHTp0pQJzRO4ESg=")


def test_only_servers_without_credentials_get_those_of_the_secret() -> None:
    config = WebRtcConfig(
        ice_servers=(StunUrl("stun:s"),),
        turn_servers=(TurnServer("turn:t", "me", "hush"), TurnServer("turn:u?transport=tcp")),
        turn_secret=Secret("north"),
        turn_ttl=86_400,
    )
    assert ice_servers(config, "alice", 1_700_000_000) == (
        IceServer(("stun:s",)),
        IceServer(("turn:t",), "me", "hush"),
        IceServer(("turn:u?transport=tcp",), "1700086400:alice", "SXua5ne/+mDhiHTp0pQJzRO4ESg="),
    )


def test_a_turn_server_is_told_from_a_stun_server() -> None:
    assert not Ice((IceServer(("stun:s",)),)).has_turn
    assert Ice((IceServer(("stun:s",)), IceServer(("turns:t",), "me", "hush"))).has_turn


def test_each_client_is_told_credentials_of_its_own() -> None:
    rtc = WebRtcConfig(
        ice_servers=(StunUrl("stun:s"),), turn_servers=(TurnServer("turn:t"),), turn_secret=Secret("north"), turn_ttl=60
    )
    nothing: Any = None
    acceptor = Acceptor(nothing, Config(webrtc=rtc), nothing)
    (stun, one), (_, two) = acceptor.ice_servers(), acceptor.ice_servers()
    assert stun == {"uris": ["stun:s"]}
    assert one["uris"] == ["turn:t"]
    assert one["credentials"] != two["credentials"]
    expiry, name = one["credentials"]["username"].split(":")
    assert 0 < int(expiry) - time.time() <= 60
    assert credentials("north", name, int(expiry))[1] == one["credentials"]["password"]
