"""Credentials of TURN servers that share a secret with us: good for a while, and known to them without being told.

They are what coturn calls `use-auth-secret` ("A REST API For Access To TURN Services"): the username says when it
expires, the password proves that the secret's owner said so.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from reactor_runtime.config import WebRtcConfig
from reactor_runtime.webrtc.peer import IceServer


def credentials(secret: str, name: str, expires_at: int) -> tuple[str, str]:
    """Return a username and a password.

    Args:
        secret: What the TURN servers know as well.
        name: Whose they are; TURN servers count and log by it.
        expires_at: Seconds since 1970. An allocation made before then lives on.
    """
    username = f"{expires_at}:{name}"
    digest = hmac.digest(secret.encode(), username.encode(), hashlib.sha1)
    return username, base64.b64encode(digest).decode()


def ice_servers(config: WebRtcConfig, name: str, at: int) -> tuple[IceServer, ...]:
    """Return the STUN and TURN servers of one client, or of our own peers, with what they need to be let in.

    Args:
        config: Which servers there are.
        name: Whose credentials are made.
        at: Seconds since 1970.
    """
    found = [IceServer((url,)) for url in config.ice_servers]
    for turn in config.turn_servers:
        pair = (turn.username, turn.credential)
        if not turn.username and config.turn_secret is not None:
            pair = credentials(config.turn_secret, name, at + config.turn_ttl)
        found.append(IceServer((turn.url,), *pair))
    return tuple(found)
