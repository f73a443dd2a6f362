/** One input track's card: what is sent on it, and all that a person does about it. */

import { openDevice, openFile, type Capture } from "./capture";
import { chosenBy, explain, isDevice, labelOf, optionsOf, readChoice, valueOf, type Choice, type Device, type Option } from "./choice";
import { h } from "./dom";
import { memory } from "./memory";
import { Outlet } from "./outlet";
import { Level, Preview } from "./preview";
import { Refusal, type Uplink } from "./transports/transport";
import type { Track } from "./wire";

/** What the cards share. */
export interface Surroundings {
  uplink(): Uplink | null;
  /** Notes for later what the card says at once. */
  complain(label: string, why: string): void;
  /** The person may have let the page use a device: names are known from here on. */
  deviceOpened(): void;
}

const SCREEN_SOUND: Option = { value: "screen", label: "Sound of the screen" };

export class Source {
  readonly outlet: Outlet;
  readonly element: HTMLElement;
  readonly #button: HTMLButtonElement;
  readonly #menu: HTMLSelectElement;
  readonly #mute: HTMLButtonElement;
  readonly #picker: HTMLInputElement;
  readonly #browse: HTMLButtonElement;
  readonly #live: HTMLElement;
  readonly #fold: HTMLButtonElement;
  readonly #voice: HTMLElement;
  readonly #trouble: HTMLElement;
  readonly #view: Preview | Level;

  #choice: Choice;
  #sent: Choice; // what was chosen when that which is sent was opened
  #devices: Device[] = [];
  #viewed: Capture | undefined;
  #file: File | undefined;
  #turn = 0; // the latest wish wins over one that still waits for the person or the device
  #isOpening = false;

  /** @param forSound Where the sound of a shared screen goes. */
  constructor(
    private readonly track: Track,
    private readonly inputs: Track[],
    private readonly around: Surroundings,
    forSound?: Outlet,
  ) {
    const { name, kind } = track;
    const isVideo = kind === "video";
    const label = labelOf(track, inputs);
    this.#choice = this.#sent = readChoice(memory.getItem(`reactor.source.${name}`), kind);
    const events = { onChange: () => this.#changed(), onTrouble: (error: Error) => this.#say(explain(error, this.#sent.kind)) };
    this.outlet = new Outlet(name, () => around.uplink(), events, forSound);

    this.#button = h("button", { "data-testid": `source-${name}`, click: () => this.#press() });
    this.#menu = h("select", { "data-testid": `pick-${name}`, "aria-label": `Source of ${label}`, change: () => this.#choose() });
    this.#mute = h("button", { "data-testid": `mute-${name}`, click: () => this.outlet.mute(!this.outlet.isMuted) });
    this.#picker = h("input", {
      type: "file",
      hidden: true,
      "data-testid": `file-${name}`,
      accept: isVideo ? "video/*,image/*" : "audio/*,video/*",
      change: () => this.#take(this.#picker.files?.[0]),
      cancel: () => this.#goBack(),
    });
    this.#browse = h("button", { class: "browse", click: () => this.#picker.click() });
    this.#view = isVideo ? new Preview(name, async () => (await around.uplink()?.sent(name)) ?? null) : new Level(name);
    this.#fold = h("button", { class: "quiet", "data-testid": `fold-${name}`, click: () => this.#keep({ showsPreview: !this.#choice.showsPreview }) });
    const cleans: HTMLInputElement = h("input", {
      type: "checkbox",
      class: "switch",
      "data-testid": `voice-${name}`,
      checked: this.#choice.cleansVoice,
      change: () => this.#clean(cleans.checked),
    });
    this.#voice = h("label", { class: "voice", title: "Without echo and noise, at an even loudness" }, "Clean up voice", cleans);
    this.#live = h("div", { class: "source-live" }, this.#view.element, isVideo ? this.#fold : this.#voice, this.#mute);
    this.#trouble = h("p", { class: "error", role: "alert", "data-testid": `trouble-${name}` });
    this.element = h(
      "div",
      {
        class: "source",
        role: "group",
        "aria-label": label,
        dragover: (event) => this.#invite(event as DragEvent),
        dragleave: () => this.element.classList.remove("inviting"),
        drop: (event) => this.#drop(event as DragEvent),
      },
      h("div", { class: "source-row" }, this.#button, this.#menu),
      this.#browse,
      this.#picker,
      this.#live,
      this.#trouble,
    );
    this.draw();
  }

  /** Names the devices in the menu. */
  list(devices: Device[]): void {
    this.#devices = devices;
    this.draw();
  }

  draw(): void {
    const { capture, isMuted } = this.outlet;
    const hasUplink = this.around.uplink() !== null;
    this.#button.textContent = labelOf(this.track, this.inputs, capture?.kind ?? this.#choice.kind);
    // Where nothing can be sent, what is on can still be switched off.
    this.#button.disabled = !hasUplink && !capture;
    this.#button.setAttribute("aria-pressed", String(hasUplink && capture !== undefined));
    this.#button.setAttribute("aria-busy", String(this.#isOpening));
    this.#drawMenu();
    this.#live.hidden = !capture;
    this.#mute.textContent = isMuted ? "Muted" : "Mute";
    this.#mute.setAttribute("aria-label", `${this.#mute.textContent}: ${labelOf(this.track, this.inputs)}`);
    this.#mute.setAttribute("aria-pressed", String(isMuted));
    this.#browse.hidden = this.#choice.kind !== "file";
    this.#browse.textContent = this.#file?.name ?? "Choose a file, or drop it here";
    this.#fold.textContent = this.#choice.showsPreview ? "Hide" : "Show";
    this.#fold.setAttribute("aria-label", `${this.#fold.textContent} preview`);
    this.#voice.hidden = capture?.kind !== "microphone";
    this.element.classList.toggle("muted", isMuted);
    this.element.classList.toggle("folded", !this.#choice.showsPreview);
  }

  #drawMenu(): void {
    const { kind } = this.track;
    const options = optionsOf(kind, this.#devices, "getDisplayMedia" in (navigator.mediaDevices ?? {}));
    const isSound = kind === "audio" && this.outlet.capture?.kind === "screen";
    if (isSound) options.push(SCREEN_SOUND);
    // A menu that a person has open is left alone unless it says something else.
    if (JSON.stringify(options) !== this.#menu.dataset["options"]) {
      this.#menu.dataset["options"] = JSON.stringify(options);
      this.#menu.replaceChildren(...options.map(({ value, label }) => h("option", { value }, label)));
    }
    this.#menu.value = isSound ? SCREEN_SOUND.value : valueOf(this.#choice, options);
  }

  #press(): void {
    if (!this.#isOpening && !this.outlet.capture) return void this.#start();
    this.#turn++;
    this.#isOpening = false;
    this.draw();
    void this.outlet.stop();
  }

  #choose(): void {
    this.#keep(chosenBy(this.#menu.value));
    if (this.outlet.capture || this.#isOpening) void this.#start();
  }

  /** Opens what is chosen and sends it, in place of what is sent already. */
  async #start(): Promise<void> {
    const choice = this.#choice;
    if (choice.kind === "file" && !this.#file) return this.#picker.click();
    const turn = ++this.#turn;
    this.#say("");
    this.#isOpening = true;
    this.draw();
    try {
      const capture = await this.#open(choice);
      if (turn !== this.#turn) return capture.stop();
      this.#sent = choice;
      await this.outlet.send(capture);
      const { deviceId } = capture.media.getSettings();
      if (turn !== this.#turn || !isDevice(choice.kind)) return;
      this.#keep({ device: deviceId ?? "" }); // which the browser may have chosen
      this.#sent = this.#choice;
    } catch (error) {
      // Of what the person has thought better of, a refusal counts all the same.
      if (turn !== this.#turn && !(error instanceof Refusal)) return;
      this.#say(explain(error as Error, choice.kind, window !== top));
      this.#goBack();
    } finally {
      if (turn === this.#turn) this.#isOpening = false;
      this.around.deviceOpened();
      this.draw();
    }
  }

  async #open(choice: Choice): Promise<Capture> {
    const open = () =>
      choice.kind === "file" ? openFile(this.#file!, this.track.kind) : openDevice(choice, this.outlet.takesSound);
    try {
      return await open();
    } catch (error) {
      // Phones open one camera at a time: what is sent may be in the way of what is to come.
      if ((error as Error).name !== "NotReadableError" || !this.outlet.capture) throw error;
      await this.outlet.stop();
      return open();
    }
  }

  #take(file: File | undefined): void {
    if (!file) return;
    this.#file = file;
    this.#picker.value = ""; // so that the same file can be chosen again
    this.#keep({ kind: "file" });
    void this.#start();
  }

  /** Shows the choice that is in force, once another came to nothing. */
  #goBack(): void {
    if (this.outlet.capture) this.#keep({ kind: this.#sent.kind, device: this.#sent.device });
  }

  #clean(cleansVoice: boolean): void {
    this.#keep({ cleansVoice });
    void this.#start();
  }

  #keep(change: Partial<Choice>): void {
    this.#choice = { ...this.#choice, ...change };
    memory.setItem(`reactor.source.${this.track.name}`, JSON.stringify(this.#choice));
    this.draw();
  }

  #invite(event: DragEvent): void {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    this.element.classList.add("inviting");
  }

  #drop(event: DragEvent): void {
    event.preventDefault();
    this.element.classList.remove("inviting");
    this.#take(event.dataTransfer?.files[0]);
  }

  #changed(): void {
    const { capture } = this.outlet;
    if (capture !== this.#viewed) {
      if (capture) this.#view.start(capture);
      else this.#view.stop();
      this.#viewed = capture;
    }
    this.draw();
  }

  #say(trouble: string): void {
    this.#trouble.textContent = trouble;
    if (trouble) this.around.complain(this.#button.textContent ?? "", trouble);
  }
}
