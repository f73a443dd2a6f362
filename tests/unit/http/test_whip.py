from __future__ import annotations

from reactor_runtime.http.whip import links


def test_ice_servers_are_told_one_link_each_with_their_credentials() -> None:
    servers = [
        {"uris": ["stun:stun.example.net"]},
        {
            "uris": ["turn:turn.example.net?transport=udp", "turns:turn.example.net"],
            "credentials": {"username": 'a "user"', "password": "back\\slash"},
        },
    ]
    told = r'rel="ice-server"; username="a \"user\""; credential="back\\slash"; credential-type="password"'
    assert links(servers) == [
        '<stun:stun.example.net>; rel="ice-server"',
        f"<turn:turn.example.net?transport=udp>; {told}",
        f"<turns:turn.example.net>; {told}",
    ]
