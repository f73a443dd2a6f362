"""The routes of a server that a client needs, over HTTP; each call takes a thread for as long as it lasts."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from http.client import HTTPException
from typing import IO, Any
from urllib.parse import quote, urljoin, urlsplit

from reactor_runtime.client.values import NotConnected, Refused, Upload
from reactor_runtime.version import __version__

DEFAULT_URL = "http://127.0.0.1:8080"
PATIENCE = 10.0
"""Seconds without a byte after which a request is given up."""

Json = dict[str, Any]
_RUNNING = {"waiting", "streaming", "orphaned", "recovering"}
_CLIENT = {"sdk_type": "python", "sdk_version": __version__}


def base_of(url: str) -> str:
    """Return the address of a server as a person may write it: without a scheme, a path of its own kept.

    Raises:
        ValueError: It is no address.
    """
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is no address of a server: write it as {DEFAULT_URL}")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


class Server:
    """One server. Every method raises `Refused` for an answer of 400 and above, `NotConnected` for none."""

    def __init__(self, url: str, token: str) -> None:
        self.url = base_of(url)
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Reactor-API-Version": "1",
            "Reactor-API-Accept-Version": "1",
            "Reactor-WebRTC-Version": "1.0",
        }

    async def health(self) -> Json:
        """Return what the server says of the model, ready or not."""
        return (await self._ask("GET", "/health", legal=(503,)))[1]

    async def find_session(self, known: str = "", *, is_bound: bool = False) -> Json:
        """Describe the session that runs, after starting one where none does.

        Args:
            known: A session to prefer while it runs.
            is_bound: Take no other.
        """
        if known:
            try:
                former = await self.session(known)
            except Refused:
                if is_bound:
                    raise
            else:
                if is_running(former):
                    return former
                if is_bound:
                    raise Refused("no_session", f"session {known} does not run")
        try:
            return await self._describe("POST", "/start_session", {})
        except Refused as refused:
            if refused.http_status != 409:
                raise
            # A server that does not let a second client start lets it join.
            running = await self.session()
            if not is_running(running):
                raise
            return running

    async def session(self, session_id: str | None = None) -> Json:
        """Describe a session, running or not."""
        return await self._describe("GET", f"/session{_query(session_id)}")

    async def stop_session(self, session_id: str) -> None:
        """End a session for all; none to end is no error."""
        await self._ask("POST", f"/stop_session{_query(session_id)}", {}, legal=(400, 409))

    async def ice_servers(self, session_id: str) -> list[Json]:
        """Return the STUN and TURN servers to use."""
        answer = await self._ask("GET", f"{_transport(session_id)}/ice_servers")
        servers: list[Json] = answer[1].get("ice_servers", [])
        return servers

    async def register(self, session_id: str) -> int:
        """Return the id of a new connection."""
        _, answer = await self._ask("POST", f"{_transport(session_id)}/connections")
        return int(self._found(answer, "connection_id"))

    async def offer(
        self, session_id: str, connection_id: int, sdp: str, mapping: Sequence[Mapping[str, Any]], *, again: bool
    ) -> None:
        """Hand over an offer; `again` takes the place of a lost one of this id."""
        body = {"sdp_offer": sdp, "client_info": _CLIENT, "track_mapping": list(mapping)}
        await self._ask("PUT" if again else "POST", _sdp_params(session_id, connection_id), body)

    async def answer(self, session_id: str, connection_id: int) -> str | None:
        """Return the answer to an offer, None while it is being made."""
        status, body = await self._ask("GET", _sdp_params(session_id, connection_id))
        return None if status == 202 else str(self._found(body, "sdp_answer"))

    async def add_candidates(
        self, session_id: str, connection_id: int, candidates: Sequence[Json], *, is_final: bool
    ) -> None:
        """Hand over candidates that were found after the offer."""
        body = {"candidates": list(candidates), "is_final": is_final, "client_info": _CLIENT}
        await self._ask("POST", f"{_transport(session_id)}/connections/{connection_id}/ice_candidates", body)

    async def upload(self, session_id: str, content: bytes | IO[bytes], name: str, mime_type: str, size: int) -> Upload:
        """Announce a file, send it, and return what refers to it."""
        announced = {"name": name, "size": size, "mime_type": mime_type}
        _, reserved = await self._ask("POST", f"/sessions/{quote(session_id)}/uploads", announced)
        # The server may know itself by another name than we do, where its address is one of its own.
        there = urlsplit(urljoin(f"{self.url}/", str(self._found(reserved, "presigned_url"))))
        url = f"{self.url}{there.path}" if there.path.startswith("/uploads/") else there.geturl()
        headers = {"Content-Type": mime_type, "Content-Length": str(size)}
        await self._request("PUT", url, content, headers)
        return Upload(str(self._found(reserved, "presigned_id")), name, mime_type, size)

    async def _describe(self, method: str, path: str, body: Json | None = None) -> Json:
        _, session = await self._ask(method, path, body)
        self._found(session, "session_id")
        return session

    def _found(self, answer: Json, key: str) -> Any:
        if key not in answer:
            raise Refused("not_of_this_wire", f"{self.url} does not answer as a server of this wire: no {key}")
        return answer[key]

    async def _ask(
        self, method: str, path: str, body: Json | None = None, legal: Iterable[int] = ()
    ) -> tuple[int, Json]:
        content = None if body is None else json.dumps(body).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        return await self._request(method, f"{self.url}{path}", content, headers, legal)

    async def _request(
        self,
        method: str,
        url: str,
        content: bytes | IO[bytes] | None,
        headers: Mapping[str, str],
        legal: Iterable[int] = (),
    ) -> tuple[int, Json]:
        asked = urllib.request.Request(url, content, {**self._headers, **headers}, method=method)
        status, raw, retry_after = await asyncio.to_thread(_fetch, asked)
        try:
            answer = json.loads(raw or b"null")
        except ValueError:
            answer = None
        found = answer if isinstance(answer, dict) else {}
        if status < 400 or status in legal:
            return status, found
        detail = found.get("detail") or found.get("error") or f"{method} {url} was answered with {status}"
        raise Refused(
            str(found.get("code") or f"http_{status}"), str(detail), http_status=status, retry_after=retry_after
        )


def _fetch(asked: urllib.request.Request) -> tuple[int, bytes, float | None]:
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
            return answer.status, answer.read(), None
    except urllib.error.HTTPError as refused:
        with refused:
            wait = refused.headers.get("Retry-After", "")
            return refused.code, refused.read(), float(wait) if wait.isdecimal() else None
    except (OSError, HTTPException) as failed:
        reason = getattr(failed, "reason", failed)
        why = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        raise NotConnected(f"{urlsplit(asked.full_url).netloc} does not answer: {why}") from None


def is_running(session: Json) -> bool:
    """Tell whether a described session runs, in the words of any generation."""
    return str(session.get("state", "")).lower() in _RUNNING


def _query(session_id: str | None) -> str:
    return "" if session_id is None else f"?session_id={quote(session_id, safe='')}"


def _transport(session_id: str) -> str:
    return f"/sessions/{quote(session_id, safe='')}/transport/webrtc"


def _sdp_params(session_id: str, connection_id: int) -> str:
    return f"{_transport(session_id)}/connections/{connection_id}/sdp_params"
