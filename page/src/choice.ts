/** What a person chooses to send on an input track, and the words for it. Nothing here touches the page or a device. */

import { humanise } from "./names";
import type { Track } from "./wire";

export type Kind = "camera" | "microphone" | "screen" | "file";

/** What a track's menu and switches were left at. */
export interface Choice {
  kind: Kind;
  /** The browser's id of the camera or microphone; empty for the one that the browser takes by itself. */
  device: string;
  /** Whether a microphone's sound is freed of echo and noise. */
  cleansVoice: boolean;
  showsPreview: boolean;
}

export interface Option {
  value: string;
  label: string;
}

/** What the browser tells of a device; its id and name are empty until the person has let the page use one. */
export type Device = Pick<MediaDeviceInfo, "kind" | "deviceId" | "label">;

const WORDS: Record<Kind, string> = { camera: "Camera", microphone: "Microphone", screen: "Screen", file: "File" };
const INPUTS = { camera: "videoinput", microphone: "audioinput" } as const;
const QUIETEST_DB = -60;

function deviceOf(media: Track["kind"]): "camera" | "microphone" {
  return media === "video" ? "camera" : "microphone";
}

/** Whether this is one of several devices, which the browser has ids for. */
export function isDevice(kind: Kind): kind is keyof typeof INPUTS {
  return kind in INPUTS;
}

/** What a button says: what it sends, and the track's name where the model takes several of one kind. */
export function labelOf({ name, kind }: Track, inputs: Track[], source: Kind = deviceOf(kind)): string {
  const isSound = source === "screen" && kind === "audio";
  const words = isSound ? "Screen sound" : WORDS[source];
  return inputs.filter((other) => other.kind === kind).length > 1 ? `${words} · ${humanise(name)}` : words;
}

/** What can be chosen for a track: devices by name, then what is no device. */
export function optionsOf(media: Track["kind"], devices: Device[], canShareScreen: boolean): Option[] {
  const kind = deviceOf(media);
  const named = devices.filter((device) => device.kind === INPUTS[kind] && device.label);
  const options = named.map(({ deviceId, label }) => ({ value: `${kind}:${deviceId}`, label: nameOf(label) }));
  if (!options.length) options.push({ value: `${kind}:`, label: WORDS[kind] });
  if (media === "video" && canShareScreen) options.push({ value: "screen", label: "Screen or window" });
  options.push({ value: "file", label: media === "video" ? "Video or picture file" : "Sound file" });
  return options;
}

/** The option that a choice stands for; a device that is not there is another of its kind. */
export function valueOf({ kind, device }: Pick<Choice, "kind" | "device">, options: Option[]): string {
  const value = isDevice(kind) ? `${kind}:${device}` : kind;
  return (options.find((option) => option.value === value) ?? options.find((option) => option.value.startsWith(kind)))?.value ?? "";
}

/** What an option's value says about the choice. */
export function chosenBy(value: string): Pick<Choice, "kind" | "device"> {
  const [kind, ...device] = value.split(":");
  return { kind: kind as Kind, device: device.join(":") };
}

/** Reads a remembered choice; what is missing or unknown is as at first. */
export function readChoice(text: string | null, media: Track["kind"]): Choice {
  const kinds: Kind[] = media === "video" ? ["camera", "screen", "file"] : ["microphone", "file"];
  let kept: Partial<Choice> = {};
  try {
    kept = (JSON.parse(text ?? "{}") ?? {}) as Partial<Choice>;
  } catch {
    // As good as none.
  }
  return {
    kind: kinds.find((kind) => kind === kept.kind) ?? deviceOf(media),
    device: typeof kept.device === "string" ? kept.device : "",
    cleansVoice: kept.cleansVoice !== false,
    showsPreview: kept.showsPreview !== false,
  };
}

/** Why nothing is sent, whose doing it is and what helps, from what the browser or the server said. */
export function explain(error: { name: string; message: string; code?: unknown }, kind: Kind, isEmbedded = false): string {
  const device = WORDS[kind].toLowerCase();
  if (error.code === "publish_refused") {
    return "Another client sends on this track. It has to stop or leave before this page can send.";
  }
  switch (error.name) {
    case "NotAllowedError": {
      if (kind === "screen") return "Nothing is shared: it was declined, or this system keeps its screen from the browser.";
      const outside = isEmbedded ? `, and the page around this one has to pass it on with allow="${device}"` : "";
      return `This browser does not let the page use the ${device}. Allow it in the site settings beside the address${outside}; then try again.`;
    }
    case "NotFoundError":
      return `This machine has no ${device}, or the system hides it. Connect one and try again.`;
    case "NotReadableError":
    case "AbortError":
      return `The ${device} does not open: another program may be using it. Close that program and try again.`;
    default:
      return error.message;
  }
}

/** How loud samples are to a person, from 0 at -60 dB to 1 at the loudest there is. */
export function levelOf(samples: Float32Array): number {
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  const decibels = 10 * Math.log10(power || Number.MIN_VALUE);
  return Math.min(1, Math.max(0, 1 - decibels / QUIETEST_DB));
}

/** Names end in the maker's numbers where Chromium tells them. */
function nameOf(label: string): string {
  return label.replace(/ \([0-9a-f]{4}:[0-9a-f]{4}\)$/i, "");
}
