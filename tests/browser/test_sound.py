"""What the model plays is heard in the browser, beside its picture."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from playwright.sync_api import Page

from tests.browser.conftest import Viewer
from tests.models import HEAD, write_model
from tests.running import eventually, serving

SINGER = dedent("""
    class Sung(Output):
        main_video: Video
        main_audio: Audio


    class Singer(ReactorModel):
        fps = 25

        def __init__(self):
            self.loudness = 0.0
            self.step = 0

        @event(name="sing", description="")
        def sing(self, loudness: float = InputField(default=0.5, ge=0, le=1)):
            self.loudness = loudness

        async def run(self):
            while True:
                await self.connected.wait()
                self.step += 1
                moments = (np.arange(1920) + self.step * 1920) / 48000
                tone = (np.sin(2 * np.pi * 440 * moments) * self.loudness * 30000).astype(np.int16)
                await self.emit(Sung(main_video=picture((90, 90, 200), self.step), main_audio=tone))
""")

LOUDEST_FREQUENCY = """async () => {
  const sounding = [...document.querySelectorAll('audio, video')].find(
      (element) => element.srcObject && element.srcObject.getAudioTracks().length);
  if (!sounding) return null;
  const context = new AudioContext();
  await context.resume();
  const analyser = context.createAnalyser();
  analyser.fftSize = 4096;
  context.createMediaStreamSource(sounding.srcObject).connect(analyser);
  await new Promise((resolve) => setTimeout(resolve, 400));
  const bins = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(bins);
  const loudest = bins.indexOf(Math.max(...bins));
  const frequency = loudest * context.sampleRate / analyser.fftSize;
  await context.close();
  return {frequency, decibels: bins[loudest]};
}"""


def test_a_tone_sung_by_the_model_is_heard_at_its_pitch(tmp_path: Path, page: Page) -> None:
    head = HEAD.replace("import InputField", "import Audio, InputField")
    with serving(write_model(tmp_path, SINGER, name="Singer", head=head)) as server:
        server.wait_ready()
        viewer = Viewer(page, server.url)
        viewer.wait_moving()
        silent = eventually(lambda: page.evaluate(LOUDEST_FREQUENCY), what="an audio track")
        assert silent["decibels"] is None or silent["decibels"] < -80
        assert viewer.send("sing", loudness=0.5)["ok"]

        def heard() -> bool:
            sound = page.evaluate(LOUDEST_FREQUENCY)
            return sound["decibels"] is not None and sound["decibels"] > -40 and abs(sound["frequency"] - 440) < 15

        eventually(heard, within=10, what="a tone of 440 Hz")
