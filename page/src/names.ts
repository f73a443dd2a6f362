/** What a name in code says to a person. Pure. */

const UNITS: Record<string, string> = {
  ms: "ms",
  milliseconds: "ms",
  s: "s",
  sec: "s",
  secs: "s",
  second: "s",
  seconds: "s",
  minutes: "min",
  hours: "h",
  hz: "Hz",
  khz: "kHz",
  bpm: "bpm",
  px: "px",
  pixels: "px",
  mm: "mm",
  cm: "cm",
  meters: "m",
  metres: "m",
  deg: "°",
  degrees: "°",
  rad: "rad",
  radians: "rad",
  percent: "%",
  pct: "%",
  db: "dB",
  bytes: "B",
  kb: "kB",
  mb: "MB",
};

/** `set_prompt` as a person would write it: `Set prompt`. */
export function humanise(name: string): string {
  const words = name.replace(/[_-]+/g, " ").trim();
  return words ? words[0]!.toUpperCase() + words.slice(1) : name;
}

/** A number's name without the unit it ends in, and that unit: `delay_ms` is a `delay` in `ms`. */
export function unitIn(name: string): { stem: string; unit: string } {
  const cut = name.lastIndexOf("_");
  const unit = cut > 0 ? UNITS[name.slice(cut + 1).toLowerCase()] : undefined;
  return unit === undefined ? { stem: name, unit: "" } : { stem: name.slice(0, cut), unit };
}

/** What one of several is called: `bursts` holds a `burst`. */
export function singular(name: string): string {
  if (/ies$/.test(name)) return `${name.slice(0, -3)}y`;
  return /[^s]s$/.test(name) ? name.slice(0, -1) : name;
}
