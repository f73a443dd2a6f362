/** Opens what a person chose to send: a camera, a microphone, a screen, or a file that is played in a loop. */

import { h } from "./dom";
import type { Choice, Kind } from "./choice";
import type { Track } from "./wire";

const NO_DEVICES = "This browser shows no camera, microphone or screen to a page that came over plain HTTP from another machine.";
const PICTURE_FPS = 15;
const FILM_FPS = 30; // where the browser captures no video element itself
const MOST_PIXELS_ACROSS = 1920;

/** One source, open until it is stopped. */
export interface Capture {
  readonly kind: Kind;
  readonly media: MediaStreamTrack;
  /** What a shared screen sounds like, if the person shares that too. */
  readonly sound?: Capture | undefined;
  stop(): void;
}

/**
 * Opens a camera, a microphone or a screen.
 *
 * @throws {Error} As the browser has it, or because it offers none.
 */
export async function openDevice({ kind, device, cleansVoice }: Choice, withSound: boolean): Promise<Capture> {
  if (!navigator.mediaDevices) throw new Error(NO_DEVICES);
  if (kind === "screen") return shared(await navigator.mediaDevices.getDisplayMedia({ video: true, audio: withSound }));
  const cleaning = { echoCancellation: cleansVoice, noiseSuppression: cleansVoice, autoGainControl: cleansVoice };
  const open = (wanted: MediaTrackConstraints) =>
    navigator.mediaDevices.getUserMedia(kind === "camera" ? { video: wanted } : { audio: { ...wanted, ...cleaning } });
  const stream = await open(device ? { deviceId: { exact: device } } : {}).catch((error: Error) => {
    // The one that was chosen another day may be unplugged.
    if (error.name !== "OverconstrainedError") throw error;
    return open({});
  });
  return captureOf(kind, stream.getTracks()[0]!);
}

/**
 * Opens a file as a track of this kind of media.
 *
 * @throws {Error} The browser cannot read it, or the track does not take it.
 */
export async function openFile(file: File, media: Track["kind"]): Promise<Capture> {
  if (media === "audio") return openSound(file);
  return file.type.startsWith("image/") ? openPicture(file) : openFilm(file);
}

function captureOf(kind: Kind, media: MediaStreamTrack, stop = () => {}): Capture {
  return {
    kind,
    media,
    stop: () => {
      media.stop();
      stop();
    },
  };
}

function shared(stream: MediaStream): Capture {
  const [sound] = stream.getAudioTracks().map((track) => captureOf("screen", track));
  return { ...captureOf("screen", stream.getVideoTracks()[0]!, () => sound?.stop()), sound };
}

async function openPicture(file: File): Promise<Capture> {
  const image = await createImageBitmap(file).catch(() => Promise.reject(unreadable(file)));
  return captureOf("file", ...drawn(image, image.width, image.height, PICTURE_FPS));
}

async function openFilm(file: File): Promise<Capture> {
  const video: HTMLVideoElement & { captureStream?: () => MediaStream } = h("video", { playsinline: true });
  video.muted = true;
  const end = await play(video, file);
  if (!video.videoWidth) {
    end();
    throw new Error(`“${file.name}” has no picture: this track takes a video or a picture.`);
  }
  if (!video.captureStream) {
    const [media, stop] = drawn(video, video.videoWidth, video.videoHeight, FILM_FPS);
    return captureOf("file", media, () => (stop(), end()));
  }
  const stream = video.captureStream();
  for (const track of stream.getAudioTracks()) track.stop();
  return captureOf("file", stream.getVideoTracks()[0]!, end);
}

async function openSound(file: File): Promise<Capture> {
  const audio = new Audio();
  const end = await play(audio, file);
  const context = new AudioContext();
  const out = context.createMediaStreamDestination();
  context.createMediaElementSource(audio).connect(out); // and no longer to the person's loudspeaker
  return captureOf("file", out.stream.getAudioTracks()[0]!, () => {
    end();
    void context.close();
  });
}

/** Plays a file over and over; what is returned ends it. */
async function play(element: HTMLMediaElement, file: File): Promise<() => void> {
  const url = URL.createObjectURL(file);
  const end = () => {
    element.removeAttribute("src");
    element.load();
    URL.revokeObjectURL(url);
  };
  element.loop = true;
  element.src = url;
  try {
    await element.play();
  } catch {
    end();
    throw unreadable(file);
  }
  return end;
}

/** A track of what is drawn again and again: a canvas gives a picture only when it was drawn on. */
function drawn(image: CanvasImageSource, width: number, height: number, fps: number): [MediaStreamTrack, () => void] {
  const scale = Math.min(1, MOST_PIXELS_ACROSS / Math.max(width, height));
  const canvas = h("canvas", { width: Math.round(width * scale), height: Math.round(height * scale) });
  const context = canvas.getContext("2d", { alpha: false })!;
  const draw = () => context.drawImage(image, 0, 0, canvas.width, canvas.height);
  draw();
  const [media] = canvas.captureStream().getVideoTracks();
  const timer = setInterval(draw, 1_000 / fps);
  return [media!, () => clearInterval(timer)];
}

function unreadable(file: File): Error {
  return new Error(`This browser cannot play “${file.name}”. MP4, WebM, PNG and JPEG are sure to work, and MP3 and WAV for sound.`);
}
