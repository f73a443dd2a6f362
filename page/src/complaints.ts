/** Which part of a form an error is about. Pure. */

/** Names and indices from a parameter inwards. */
export type Path = readonly string[];

/** A value that cannot be sent, said where it stands before anybody is asked. */
export class Unreadable extends Error {
  constructor(
    message: string,
    readonly path: Path = [],
  ) {
    super(message);
  }

  /** The same, seen from one step further out. */
  within(step: string): Unreadable {
    return new Unreadable(this.message, [step, ...this.path]);
  }
}

/** The path that a refusal begins with: `scene.tags[0]: expected string`, or `paint: scene.tags.0: ...` in generation 1. */
export function pathIn(message: string, event: string, parameters: string[]): Path {
  const rest = message.startsWith(`${event}: `) && !parameters.includes(event) ? message.slice(event.length + 2) : message;
  const [said] = rest.split(": ", 1);
  const path = said!.split(/[.[\]]+/).filter(Boolean);
  return parameters.includes(path[0] ?? "") ? path : [];
}
