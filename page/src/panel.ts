/** The controls: a card per event, the events without parameters as buttons above them. */

import { h } from "./dom";
import { fieldOf, type Field } from "./fields";
import { controlsOf, type Control } from "./schema";
import { Throttle } from "./throttle";
import type { JsonObject } from "./wire";

export type Send = (event: string, args: JsonObject) => Promise<void>;

const DRAG_INTERVAL_MS = 50;

export class Panel {
  #shown = "";

  constructor(
    private readonly element: HTMLElement,
    private readonly send: Send,
  ) {}

  /** Builds the controls of a document; the same one again keeps what was typed. */
  show(document: JsonObject): void {
    const text = JSON.stringify(document);
    if (text === this.#shown) return;
    this.#shown = text;
    const controls = controlsOf(document);
    const buttons = controls.filter(({ parameters }) => !parameters.length);
    const cards = controls.filter(({ parameters }) => parameters.length);
    this.element.replaceChildren(
      ...(buttons.length ? [h("div", { class: "buttons" }, ...buttons.map((control) => buttonOf(control, this.send)))] : []),
      ...cards.map((control) => cardOf(control, this.send)),
      ...(controls.length ? [] : [h("p", { class: "empty" }, "This model takes no commands.")]),
    );
  }
}

function buttonOf({ event, label, help }: Control, send: Send): HTMLElement {
  const { error, tick, deliver } = delivery(event, send);
  const button = h("button", { "data-testid": `send-${event}`, title: help, "aria-describedby": error.id }, label, tick);
  const form = h("form", { class: "act", "data-testid": `control-${event}`, novalidate: true }, button, error);
  form.addEventListener("submit", (submission) => {
    submission.preventDefault();
    void deliver(() => ({}), 0);
  });
  return form;
}

function cardOf(control: Control, send: Send): HTMLElement {
  const { event, label, help, parameters } = control;
  const { error, tick, deliver } = delivery(event, send);
  const single = parameters.length === 1;
  // A setter follows the hand; anything else may do something each time it is sent, so it waits for the button.
  const live = single || event.startsWith("set_");
  const drag = new Throttle<void>(DRAG_INTERVAL_MS, () => void deliver(read, Infinity));
  const fields: [string, Field][] = parameters.map((parameter) => [
    parameter.name,
    fieldOf({
      parameter,
      id: `field-${event}-${parameter.name}`,
      testId: `control-${event}-${parameter.name}`,
      errorId: error.id,
      quietLabel: single && label.toLowerCase().endsWith(parameter.label.toLowerCase()),
      onChange: (settled) => {
        if (!live) return;
        drag.push();
        if (settled) drag.flush();
      },
    }),
  ]);
  const read = (): JsonObject => {
    const args: JsonObject = {};
    for (const [name, field] of fields) {
      const value = field.read();
      if (value !== undefined) args[name] = value;
    }
    return args;
  };
  const button = h("button", { class: "send", "data-testid": `send-${event}`, "aria-label": `Send ${label}` }, "Send");
  const form = h(
    "form",
    { class: "card", "data-testid": `control-${event}`, "aria-label": label, novalidate: true },
    h("div", { class: "title" }, h("h3", { title: event }, label), tick, button),
    help && help !== label && !parameters.some((parameter) => parameter.help === help) && h("p", { class: "help" }, help),
    ...fields.map(([, field]) => field.element),
    error,
  );
  form.addEventListener("submit", (submission) => {
    submission.preventDefault();
    // Enter in a number box is a change and a submission: the same values twice at once are sent once.
    void deliver(read, DRAG_INTERVAL_MS);
  });
  return form;
}

/** What a card does with the answers to its commands: a tick, or the error in words. */
function delivery(event: string, send: Send) {
  const error = h("p", { class: "error", id: `error-${event}`, "data-testid": `error-${event}`, role: "alert" });
  const tick = h("span", { class: "tick", "data-testid": `accepted-${event}`, role: "status" });
  let sent = 0;
  let settled = 0;
  let last = { text: "", at: -Infinity };
  let fading: ReturnType<typeof setTimeout> | undefined;
  const settle = (number: number, message: string) => {
    // Answers to a drag may cross: only the newest counts.
    if (number < settled) return;
    settled = number;
    error.textContent = message;
    tick.textContent = message ? "" : "✓";
    clearTimeout(fading);
    fading = setTimeout(() => (tick.textContent = ""), 1500);
  };
  /** Sends what `read` gives, unless the last sending had the same values and is younger than `restMs`. */
  const deliver = async (read: () => JsonObject, restMs: number): Promise<void> => {
    const number = ++sent;
    try {
      const args = read();
      const text = JSON.stringify(args);
      if (text === last.text && performance.now() - last.at < restMs) return;
      last = { text, at: performance.now() };
      await send(event, args);
      settle(number, "");
    } catch (refusal) {
      settle(number, (refusal as Error).message);
    }
  };
  return { error, tick, deliver };
}
