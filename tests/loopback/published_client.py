"""A client of the wire families "multi" and "v1" in Python: signalling over HTTP, media over the engine."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import httpx
import webrtc

T = TypeVar("T")
WAIT, GATHERING = 20.0, 2.0


async def until(probe: Callable[[], T], what: str = "the condition") -> T:
    try:
        async with asyncio.timeout(WAIT):
            while not (value := probe()):  # noqa: ASYNC110 - filled by callbacks of the engine
                await asyncio.sleep(0.01)
            return value
    except TimeoutError:
        raise AssertionError(f"{what} did not come within {WAIT:g} s") from None


class PublishedClient:
    """One client of a running server. `said` keeps what the model said, newest last.

    With `speaks_verbs` off it is of the family v1: no control channel, no connection id.
    """

    def __init__(self, url: str, *, speaks_verbs: bool = True) -> None:
        self.said: list[dict[str, Any]] = []
        self.answers: dict[str, dict[str, Any]] = {}
        self.senders: dict[str, webrtc.RTCRtpSender] = {}
        self._speaks_verbs = speaks_verbs
        self._http = httpx.AsyncClient(base_url=url, timeout=10)
        self._requests = itertools.count(1)
        self.connection_id: int | None = None

    async def connect(self) -> PublishedClient:
        """Join the session, starting one if none runs; again on the same connection id where there is one."""
        session = (await self._http.post("/start_session", json={})).raise_for_status().json()
        base = f"/sessions/{session['session_id']}/transport/webrtc"
        told = (await self._http.get(f"{base}/ice_servers")).raise_for_status().json()["ice_servers"]
        servers = [
            webrtc.RTCIceServer(server["uris"], login.get("username"), login.get("password"))
            for server in told
            for login in [server.get("credentials", {})]
        ]
        self._pc = webrtc.RTCPeerConnection(webrtc.RTCConfiguration(ice_servers=servers))
        labels = ("control", "data") if self._speaks_verbs else ("data",)
        self._channels = {label: self._pc.create_data_channel(label) for label in labels}
        for channel in self._channels.values():
            channel.on("message", self._on_message)
        if self._speaks_verbs:
            if self.connection_id is None:
                registered = (await self._http.post(f"{base}/connections")).raise_for_status()
                self.connection_id = registered.json()["connection_id"]
            base += f"/connections/{self.connection_id}"
        mapping = []
        for track in session["capabilities"]["tracks"]:
            init = webrtc.RTCRtpTransceiverInit(direction=track["direction"])
            mapping.append((track, self._pc.add_transceiver(track["kind"], init)))
        await self._pc.set_local_description(await self._pc.create_offer())
        # A TURN server behind a firewall that says nothing is given up only after half a minute.
        with suppress(TimeoutError):
            async with asyncio.timeout(GATHERING):
                while self._pc.ice_gathering_state != "complete":  # noqa: ASYNC110 - a state of the engine's
                    await asyncio.sleep(0.01)
        self.senders = {track["name"]: t.sender for track, t in mapping if track["direction"] == "sendonly"}
        description = self._pc.local_description
        assert description is not None
        offer = {"sdp_offer": description.sdp, "track_mapping": [{"mid": t.mid, **track} for track, t in mapping]}
        (await self._http.put(f"{base}/sdp_params", json=offer)).raise_for_status()
        async with asyncio.timeout(WAIT):
            while (answer := await self._http.get(f"{base}/sdp_params")).status_code == 202:  # noqa: ASYNC110 - polled
                await asyncio.sleep(0.05)
        sdp = answer.raise_for_status().json()["sdp_answer"]
        await self._pc.set_remote_description(webrtc.RTCSessionDescriptionInit(webrtc.RTCSdpType.answer, sdp))
        opened = webrtc.RTCDataChannelState.open
        await until(lambda: all(c.ready_state == opened for c in self._channels.values()), "open channels")
        # As published clients do at once: who has not spoken is told nothing yet.
        self._channels["data"].send('{"scope":"runtime","data":{"type":"ping","data":{}}}')
        return self

    async def publish(self, track: str, source: webrtc.MediaStreamTrack) -> dict[str, Any]:
        """Ask for an input track, send on it if granted, and return the answer."""
        request_id = f"ctrl_{next(self._requests)}"
        request = {"type": "request", "method": "publish_track", "request_id": request_id, "data": {"name": track}}
        self._channels["control"].send(json.dumps(request))
        answer = await until(lambda: self.answers.get(request_id), "an answer")
        if "error" not in answer:
            await self.senders[track].replace_track(source)
        return answer

    async def unpublish(self, track: str) -> None:
        """Stop sending, as published clients do: the media first, then the word."""
        await self.senders[track].replace_track(None)
        self._channels["control"].send(
            json.dumps({"type": "notification", "event": "unpublish_track", "data": {"name": track}})
        )

    async def way(self) -> dict[str, Any]:
        """Return the statistics of the own candidate in use."""
        report = await self._pc.get_stats()
        transport = next(entry for entry in report.values() if entry.type == "transport")
        pair = report[transport.selected_candidate_pair_id]
        return dict(vars(report[pair.local_candidate_id]))

    async def stop_session(self) -> None:
        """End the session for all."""
        (await self._http.post("/stop_session")).raise_for_status()

    def heard(self, kind: str, where: Callable[[dict[str, Any]], bool] = lambda data: True) -> list[dict[str, Any]]:
        """Return the content of the model's messages of one kind."""
        return [said["data"] for said in self.said if said["type"] == kind and where(said["data"])]

    def hang_up(self) -> None:
        """Leave, and keep the connection id for a reconnect."""
        for channel in self._channels.values():
            channel.off()
        self._pc.close()

    async def close(self) -> None:
        """Leave for good."""
        self.hang_up()
        await self._http.aclose()

    def _on_message(self, event: Any) -> None:
        frame = json.loads(event.data)
        if frame.get("type") == "response":
            self.answers[frame["request_id"]] = frame
        elif frame.get("scope") == "application":
            self.said.append(frame["data"])
