import "./page.css";
import "./inputs.css";
import "./stage.css";
import "./panel.css";
import "./sources.css";
import "./fields.css";
import "./drop.css";
import "./icons.css";
import "./dialog.css";
import "./measure.css";
import "./log.css";
import "./embed.css";
import "./small.css";
import "./play.css";
import "./play-panel.css";
import { askedBy } from "./asked";
import { Client, type State, type View } from "./client";
import { openDialog } from "./dialog";
import { h, part } from "./dom";
import { describe, describeLatency, Meter, type Figures } from "./figures";
import { iconButton } from "./icons";
import { Follower } from "./latency";
import { Log } from "./log";
import { Keep } from "./keep";
import { Measure } from "./measure";
import { Overlay, TITLES } from "./overlay";
import { Panel } from "./panel";
import { Play } from "./play";
import { PlayPanel } from "./play-panel";
import { Sources } from "./sources";
import { openShare } from "./share";
import { Shortcuts, type Shortcut } from "./shortcuts";
import { Speakers } from "./speakers";
import { Stage } from "./stage";
import { Tabs } from "./tabs";
import { Uploads } from "./uploads";
import { applyTheme, switchTheme } from "./theme";
import { RUNG_NAMES, type Rung } from "./transports/transport";
import { Viewing } from "./viewing";
import type { Inbound, JsonObject } from "./wire";

declare global {
  interface Window {
    /** The page for scripts and tests: what it is doing, and one command at a time. */
    reactor: {
      readonly state: State;
      /** Connections opened since the page was loaded. */
      readonly peers: number;
      /** The way to the server in use; null while there is none. */
      readonly transport: Rung | null;
      send(name: string, args?: JsonObject): Promise<void>;
      /** The last measurement, at most a second old; null while not connected. */
      stats(): Figures | null;
      /** From the hand to the picture, ms: the last command with its stages, and quantiles; null before the first. */
      latency(): ReturnType<Follower["figures"]>;
    };
  }
}

const MEASURE_INTERVAL_MS = 1_000;
const TOAST_MS = 15_000;
const TONES: { [state in State]?: "warning" | "failure" } = { lost: "warning", recovering: "warning", failed: "failure" };

const asked = askedBy(location.search);
applyTheme(asked.theme);
document.documentElement.toggleAttribute("data-embed", asked.embed);
part("side").hidden = !asked.controls;

const badge = part("state");
const log = new Log(part("log"));
const follower = new Follower((sight) => client.tell("frameShown", { ...sight }));
const speakers = new Speakers(part("sound"), () => client.mediaArrived());
const stage = new Stage(part("stage"), speakers, (track, frame) => {
  client.mediaArrived();
  follower.see(track, frame);
  const isMeasured = track === stage.tiles.keys().next().value && measure.see(frame);
  return isMeasured || follower.isWaiting;
});
const viewing = new Viewing(part("screen"), part("looks"), stage, (what, why) => log.add(`no ${what}`, why, "warning"));
const measure = new Measure(
  part("measure"),
  part("tools"),
  follower,
  () => part("model").textContent ?? "",
  () => client.tell("requestFigures", {}),
);
const keep = new Keep(part("keep"), stage, speakers, {
  model: () => part("model").textContent ?? "",
  sessionLog: () => ({ state: client.state, connections: client.opened, measured: measure.report(), entries: log.lines }),
  tell: (what, how, tone) => log.add(what, how, tone),
});
const overlay = new Overlay(part("overlay"), () => stage.hasPicture, () => client.restart());
const uploads = new Uploads((reference) => client.tell("fileUploaded", reference));
const panel = new Panel(part("controls"), { send: (event, args) => client.send(event, args), upload: uploads });
const tabs = new Tabs(part("tabs"), [
  { label: "Controls", panel: part("controls") },
  { label: "Play", panel: part("play") },
]);
const play = new Play(part("screen"), part("hands"), {
  send: ({ event, args }, atMs) => client.send(event, args, atMs),
  isBusy: () => client.transport?.isBusy ?? false,
});
part("looks").append(play.button);
new PlayPanel(part("play"), play);
const shortcuts = new Shortcuts((code) => play.isTaken(code));

const sources = new Sources(part("sources"), () => client.transport?.uplink ?? null, (device, why) => log.add(device, why, "warning"));

const view: View = {
  showState(state, reason) {
    badge.textContent = state;
    badge.dataset["state"] = state;
    part("state-reason").textContent = reason;
    overlay.setState(state, reason);
    if (state !== "waiting") part("spoken").textContent = `${TITLES[state] || "Live."} ${reason}`; // waiting lasts a moment
    log.add(state, reason, TONES[state] ?? "note");
    if (state === "lost" || state === "ended") play.disconnected();
    if (state === "waiting") stage.look();
  },
  showLoading: (progress) => overlay.setProgress(progress),
  showModel,
  showDevelopment: (isDevelopment) => log.setDevelopment(isDevelopment),
  showSession(session) {
    log.follow(session.session_id);
    showModel(session.model.name);
    uploads.begin(session.session_id);
    const tracks = session.capabilities?.tracks ?? [];
    stage.declare(tracks);
    sources.declare(tracks);
  },
  onTrack: (name, track) => stage.attach(name, track),
  onPicture: (name, picture) => stage.draw(name, picture),
  onCommand() {
    follower.sent();
    stage.look();
  },
  showConnection({ rung, hasSound }) {
    badge.title = `Connected by ${RUNG_NAMES[rung]}`;
    log.add("connection", RUNG_NAMES[rung], "note");
    follower.reset(); // every connection has timestamps of its own
    measure.reset();
    speakers.hear(hasSound);
    sources.resume();
    play.connected();
  },
  keepPictures() {
    keep.endRecording("The connection ended.");
    stage.keepPictures();
  },
  showMessage,
};
const client = new Client(view, asked.transport);

function showModel(name: string): void {
  part("model").textContent = name;
  document.title = `${name} · Reactor`;
}

function showMessage(message: Inbound): void {
  switch (message.kind) {
    case "message":
      panel.note(message);
      return log.add(message.type, JSON.stringify(message.data));
    case "schema":
      panel.show(message.document);
      if (asked.controls) play.show(part("model").textContent, message.document);
      return;
    case "rejected":
      if (play.isRepeated(message.command, message.message)) return;
      return log.add(`${message.command} refused`, message.message || message.code, "warning");
    case "failed":
      // What raises in a handler or a hook spoils one call and leaves the model running.
      if (message.where === "handler" || message.where === "hook") {
        return log.add(`the model's ${message.where} failed`, message.summary, "warning");
      }
      toast(message.summary);
      return log.add("the model failed", message.summary, "failure");
    case "answers":
      return follower.expect(message.track, message.rtpTimestamp, message.ids);
    case "traced":
      return follower.note(message.traced);
    case "figures":
      return measure.hear(message.figures);
    case "unreadable":
      return log.add("unreadable", message.reason, "warning");
    default:
      return; // shown where it belongs: at the control, on the picture, in the badge
  }
}

function toast(summary: string): void {
  const close = h("button", { "aria-label": "Dismiss", click: () => box.remove() }, "×");
  const box = h("div", { class: "toast", role: "alert", "data-testid": "toast" }, h("div", {}, h("b", {}, "The model failed"), summary), close);
  part("toasts").replaceChildren(box);
  setTimeout(() => box.remove(), TOAST_MS);
}

function keysOf(all: readonly Shortcut[]): HTMLElement {
  const rows = all.map(({ key, words }) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, words)));
  return h("dl", { class: "keys", "data-testid": "shortcuts" }, ...rows);
}

shortcuts.add(
  ...viewing.shortcuts,
  ...keep.shortcuts,
  { key: "m", words: "Sound on and off", act: () => speakers.toggle() },
  { key: "i", words: "Measure", act: () => measure.toggle() },
);

const share = () => openShare(part("model").textContent);
const listKeys = () => openDialog("Keys", keysOf(shortcuts.all));
part("tools").append(
  iconButton("share", "Share", { "data-testid": "share", click: share }),
  iconButton("theme", "Dark or light", { "data-testid": "theme", "aria-keyshortcuts": "t", click: switchTheme }),
  iconButton("keyboard", "Keys", { id: "keys", "data-testid": "keys", "aria-keyshortcuts": "?", click: listKeys }),
);
shortcuts.add({ key: "l", words: "Filter the log", act: () => log.focusFilter() });
shortcuts.add({ key: "t", words: "Dark or light", act: switchTheme }, { key: "?", words: "This list", act: listKeys });

shortcuts.add({
  key: "/",
  words: "Search the controls",
  act: () => {
    tabs.choose(0);
    panel.focus();
  },
});

const meter = new Meter(stage);
let figures: Figures | null = null;
setInterval(async () => {
  const { transport } = client;
  figures = transport ? await meter.measure(transport) : null;
  const words = (figures ? describe(figures) : []).map((word) => h("span", {}, word));
  const latency = follower.figures();
  if (figures && latency) {
    const [word, title] = describeLatency(latency);
    words.push(h("span", { "data-testid": "latency", title }, word));
  }
  part("figures").replaceChildren(...words);
  measure.tick(figures);
}, MEASURE_INTERVAL_MS);

window.reactor = {
  get state() {
    return client.state;
  },
  get peers() {
    return client.opened;
  },
  get transport() {
    return client.transport?.rung ?? null;
  },
  send: (name, args) => client.send(name, args),
  stats: () => figures,
  latency: () => follower.figures(),
};

addEventListener("pagehide", () => {
  sources.close();
  client.close();
});
// A page brought back from the browser's history has no connection left to heal.
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());

void client.run();
