/** The mapping, to be looked at, tried and changed. */

import { h } from "./dom";
import type { Play } from "./play";
import { DIRECTIONS, nameOf, readMapping, type Binding, type Input } from "./play-mapping";
import { bindingFor, Row } from "./play-row";

const GLOW_MS = 200; // until a movement that ended is seen to have ended
const BUTTON = "touch:0"; // stands for the next button on the screen
/** What cannot be pressed while the page waits for it. */
const CHOICES: Input[] = [
  "mouse:move",
  "wheel",
  "mouse:0",
  "mouse:1",
  "mouse:2",
  "touch:drag",
  BUTTON,
  ...["touch:stick", "stick:0", "stick:1"].flatMap((stick) => [stick, ...DIRECTIONS.map((direction) => `${stick}:${direction}`)]),
];

export class PlayPanel {
  readonly #list = h("ol", { class: "play-list", "data-testid": "play-list" });
  readonly #always = h("input", { type: "checkbox", role: "switch", class: "switch", "data-testid": "play-always" });
  readonly #start = h("button", { type: "button", class: "play-start", "data-testid": "play-start" });
  readonly #foot = h("div", { class: "play-foot" });
  readonly #error = h("p", { class: "error", role: "alert", "data-testid": "play-error" });
  #rows: Row[] = [];
  #shown: unknown;
  #isGlowing = false;
  #dimming: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly element: HTMLElement,
    private readonly play: Play,
  ) {
    play.onChange = () => this.#refresh();
    play.onMove = () => this.#glow();
    this.#start.addEventListener("click", () => play.toggle());
    this.#always.addEventListener("change", () => this.#save());
    addEventListener("keydown", ({ key }) => key === "Escape" && play.isLearning && this.#stopLearning());
    this.#refresh();
  }

  #refresh(): void {
    const { play } = this;
    this.#start.textContent = play.isOn ? "End playing" : "Play";
    this.#start.disabled = !play.mapping.bindings.length;
    if (this.#shown === play.mapping) return;
    this.#shown = play.mapping;
    this.#always.checked = play.mapping.always;
    this.#rows = play.mapping.bindings.map((binding) => this.#row(binding));
    this.#show();
  }

  #row(binding: Binding): Row {
    return new Row(binding, this.play.controls, {
      onChange: () => this.#save(),
      onRemove: (row) => {
        this.#rows = this.#rows.filter((each) => each !== row);
        this.#save();
        this.#show();
      },
      onLearn: (row) => this.#learn((input) => row.addInput(input)),
    });
  }

  #show(): void {
    const { play } = this;
    if (!play.controls.length) {
      this.element.replaceChildren(h("p", { class: "empty" }, play.model ? "This model takes no commands." : "The mapping appears with the model."));
      return;
    }
    this.#list.replaceChildren(...this.#rows.map((row) => row.element));
    const empty = h("p", { class: "empty" }, "No command of this model looks like something for keys or a mouse. Add what you want to play with.");
    const always = h("label", { class: "play-always" }, "Keys and gamepad play at once, without a click on the picture", this.#always);
    const help = h("p", { class: "help" }, "A click on the picture plays, too. Escape ends it.");
    this.element.replaceChildren(this.#start, help, this.#rows.length ? this.#list : empty, this.#error, this.#foot, always);
    this.#stopLearning();
  }

  #stopLearning(): void {
    this.play.learn(null);
    const hadFocus = this.#foot.contains(document.activeElement);
    const tool = (words: string, testId: string, click: () => void) => h("button", { type: "button", "data-testid": testId, click }, words);
    this.#foot.replaceChildren(
      tool("Add", "play-add", () => this.#learn((input) => this.#add(input))),
      tool("Reset", "play-reset", () => this.play.reset()),
      tool("Export", "play-export", () => this.#export()),
      tool("Import", "play-import", () => this.#import()),
    );
    if (hadFocus) this.#foot.querySelector("button")?.focus();
  }

  /** Waits for an input, whatever it plays otherwise. */
  #learn(take: (input: Input) => void): void {
    const done = (input: Input) => {
      this.#stopLearning();
      take(input === BUTTON ? this.#nextButton() : input);
    };
    const list = h("select", { "aria-label": "Choose an input", "data-testid": "play-choose" }, h("option", {}, "or choose…"), ...CHOICES.map((input) => h("option", {}, nameOf(input))));
    list.addEventListener("change", () => done(CHOICES[list.selectedIndex - 1]!));
    const cancel = h("button", { type: "button", class: "quiet", click: () => this.#stopLearning() }, "Cancel");
    const words = h("p", { tabindex: -1 }, "Press a key or a button, click the picture, or move a stick.");
    this.#foot.replaceChildren(h("div", { class: "play-learn", "data-testid": "play-learn" }, words, list, cancel));
    this.#foot.scrollIntoView({ block: "nearest" });
    words.focus(); // where keys are nobody else's, and the words are read aloud
    this.play.learn(done);
  }

  #nextButton(): Input {
    const taken = new Set(this.#rows.flatMap(({ binding }) => binding.inputs));
    let number = 1;
    while (taken.has(`touch:${number}`)) number++;
    return `touch:${number}`;
  }

  #add(input: Input): void {
    const row = this.#row(bindingFor(input, this.play.controls));
    this.#rows.push(row);
    this.#save();
    this.#show();
    row.open(true);
    row.element.scrollIntoView({ block: "nearest" });
  }

  #save(): void {
    this.#error.textContent = "";
    const mapping = { always: this.#always.checked, bindings: this.#rows.map(({ binding }) => binding) };
    this.#shown = mapping;
    this.play.change(mapping);
  }

  #export(): void {
    const text = JSON.stringify(this.play.mapping, null, 2);
    const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    h("a", { href: address, download: `${this.play.model}-play.json` }).click();
    URL.revokeObjectURL(address);
  }

  #import(): void {
    const chooser = h("input", { type: "file", accept: "application/json,.json" });
    chooser.addEventListener("change", async () => {
      const [file] = chooser.files ?? [];
      if (!file) return;
      try {
        this.play.change(readMapping(await file.text()));
      } catch (error) {
        this.#error.textContent = (error as Error).message;
      }
    });
    chooser.click();
  }

  /** Lights what is held. */
  #glow(): void {
    if (this.#isGlowing || this.element.hidden) return;
    this.#isGlowing = true;
    requestAnimationFrame(() => {
      this.#light();
      this.#isGlowing = false;
      clearTimeout(this.#dimming);
      this.#dimming = setTimeout(() => this.#light(), GLOW_MS);
    });
  }

  #light(): void {
    for (const row of this.#rows) row.light(this.play.isPlayed(row.binding));
  }
}
