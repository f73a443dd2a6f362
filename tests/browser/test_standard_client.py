"""WHEP and WHIP in Chromium, with the client that their author published, on a page of another origin."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page

from tests.clients.install import standard_page
from tests.loopback.standard_clients import serving_studio
from tests.running import RunningServer, eventually

WATCH = """async (url) => {
  const peer = new RTCPeerConnection();
  for (const kind of ["audio", "video"]) peer.addTransceiver(kind, {direction: "recvonly"});
  const video = document.body.appendChild(document.createElement("video"));
  video.muted = video.autoplay = true;
  peer.ontrack = ({streams: [stream]}) => { video.srcObject = stream; };
  globalThis.client = new standard.WHEPClient();
  await client.view(peer, url, "a token");
}"""
COLOUR = """() => {
  const video = document.querySelector("video"), canvas = document.createElement("canvas");
  if (!video.videoWidth) return null;
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}"""
SEND = """async ([url, codec]) => {
  const context = document.createElement("canvas").getContext("2d");
  setInterval(() => { context.fillStyle = "rgb(200, 30, 40)"; context.fillRect(0, 0, 300, 150); }, 33);
  const peer = new RTCPeerConnection();
  const line = peer.addTransceiver(context.canvas.captureStream(30).getVideoTracks()[0], {direction: "sendonly"});
  const {codecs} = RTCRtpSender.getCapabilities("video");
  line.setCodecPreferences(codecs.filter(({mimeType}) => mimeType === `video/${codec}`));
  globalThis.client = new standard.WHIPClient();
  await client.publish(peer, url, "a token");
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serving_studio(tmp_path_factory.mktemp("studio")) as server:
        yield server


def test_the_published_whep_client_watches_and_leaves(server: RunningServer, page: Page) -> None:
    page.goto(standard_page().as_uri())
    page.evaluate(WATCH, f"{server.url}/whep")

    def is_green() -> bool:
        colour: list[int] | None = page.evaluate(COLOUR)
        return colour is not None and all(abs(a - b) < 12 for a, b in zip(colour, (20, 160, 40), strict=True))

    eventually(is_green, what="a green picture")
    page.evaluate("client.stop()")
    eventually(lambda: server.health()["connections"] == 0, what="the end of the connection")


@pytest.mark.parametrize("codec", ["VP8", "VP9", "AV1"])
def test_the_published_whip_client_sends_in_any_codec_of_ours(server: RunningServer, page: Page, codec: str) -> None:
    def taken() -> float:
        figures = httpx.get(f"{server.url}/metrics").text
        found = re.search(r'^reactor_input_frames_total{.*track="webcam"} (\S+)', figures, re.MULTILINE)
        return float(found[1]) if found else 0.0

    before = taken()
    page.goto(standard_page().as_uri())
    page.evaluate(SEND, [f"{server.url}/whip", codec])
    eventually(lambda: taken() > before, what="pictures at the model")
    page.evaluate("client.stop()")
    eventually(lambda: server.health()["connections"] == 0, what="the end of the connection")
