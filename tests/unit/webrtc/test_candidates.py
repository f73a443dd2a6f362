"""What an answer says of where the server can be reached."""

from __future__ import annotations

from reactor_runtime.webrtc.candidates import advertising, is_reachable

HOST = "a=candidate:1 1 udp 2122260223 10.0.0.5 50000 typ host generation 0 network-id 1\r\n"
HOST6 = "a=candidate:2 1 udp 2122197247 fd00::5 50000 typ host generation 0 network-id 2\r\n"
LOOPBACK = "a=candidate:3 1 udp 2122063615 127.0.0.1 50001 typ host generation 0 network-id 3\r\n"
ACTIVE = "a=candidate:4 1 tcp 1518214911 10.0.0.5 9 typ host tcptype active generation 0\r\n"
MAPPED = "a=candidate:5 1 udp 1686052607 198.51.100.9 50000 typ srflx raddr 10.0.0.5 rport 50000 generation 0\r\n"
RELAY = "a=candidate:6 1 udp 41885439 198.51.100.7 60001 typ relay raddr 198.51.100.9 rport 50000 generation 0\r\n"
HEAD = "m=video 50000 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 10.0.0.5\r\n"


def test_an_advertised_address_stands_for_the_own_ones_of_its_family_and_keeps_their_ports() -> None:
    told = advertising(HEAD + HOST + HOST6 + MAPPED, ["203.0.113.5"])
    assert "10.0.0.5" not in told
    assert HOST.replace("10.0.0.5", "203.0.113.5") in told
    assert HOST6 in told
    assert MAPPED.replace("10.0.0.5", "203.0.113.5") in told
    assert "c=IN IP4 203.0.113.5\r\n" in told


def test_each_family_has_its_own() -> None:
    told = advertising(HOST + HOST6, ["203.0.113.5", "2001:db8::5"])
    assert told == HOST.replace("10.0.0.5", "203.0.113.5") + HOST6.replace("fd00::5", "2001:db8::5")


def test_of_several_addresses_all_are_told() -> None:
    told = advertising(HOST, ["203.0.113.5", "10.0.0.5"])
    assert told == HOST.replace("10.0.0.5", "203.0.113.5") + HOST


def test_what_others_gave_and_what_only_this_machine_reaches_stay() -> None:
    assert advertising(LOOPBACK + RELAY, ["203.0.113.5"]) == LOOPBACK + RELAY.replace(
        "raddr 198.51.100.9", "raddr 203.0.113.5"
    )


def test_without_advertised_addresses_nothing_changes() -> None:
    everything = HEAD + HOST + HOST6 + LOOPBACK + ACTIVE + MAPPED + RELAY
    assert advertising(everything, []) == everything


def test_a_server_that_only_calls_out_is_not_reachable() -> None:
    assert not is_reachable(HEAD + ACTIVE)
    assert is_reachable(HEAD + ACTIVE + RELAY)
