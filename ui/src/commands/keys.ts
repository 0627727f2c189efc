/**
 * From key strokes to commands: sequences, modifiers, layouts. Pure; `keydown.ts` reads the browser's events.
 *
 * A letter is what the layout produces, so `Y` is where the user's Y is; where a
 * layout has no Latin letters, the place of the key decides. `Accel` is Cmd on a
 * Mac, else Ctrl.
 */

import type { Command } from "./command.ts";

/** A sequence (`d d`) must be complete within this time. */
export const SEQUENCE_MS = 1_000;

export interface Stroke {
  readonly ctrl: boolean;
  readonly alt: boolean;
  readonly shift: boolean;
  readonly meta: boolean;
  /** As `KeyboardEvent.key`, letters in lower case. */
  readonly key: string;
}

/** Where the focus is: a cell in command mode, a cell's editor, some input, or elsewhere on the page. */
export type Place = "cell" | "editor" | "field" | "page";

export interface KeyEventLike {
  readonly key: string;
  readonly code: string;
  readonly ctrlKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
  readonly metaKey: boolean;
  readonly isComposing: boolean;
  getModifierState(key: string): boolean;
}

/** Return the stroke, or null for what is none: a modifier alone, a dead key, an input method at work. */
export function strokeOf(event: KeyEventLike): Stroke | null {
  const { key } = event;
  if (event.isComposing || ["Control", "Shift", "Alt", "Meta", "AltGraph", "Dead", "Process"].includes(key))
    return null;
  // On Windows, AltGr comes as Ctrl and Alt together; it is there to produce a character.
  const altGraph = event.getModifierState("AltGraph");
  return {
    ctrl: event.ctrlKey && !altGraph,
    alt: event.altKey && !altGraph,
    shift: event.shiftKey,
    meta: event.metaKey,
    key: producedKey(event),
  };
}

function producedKey({ key, code, altKey }: KeyEventLike): string {
  if (key.length > 1) return key;
  const isLatin = key >= " " && key <= "~";
  // With Option held, a Mac produces other characters; without Latin letters, the place decides.
  const place = /^Key([A-Z])$/.exec(code)?.[1] ?? /^Digit([0-9])$/.exec(code)?.[1];
  if ((!isLatin || altKey) && place !== undefined) return place.toLowerCase();
  return key.toLowerCase();
}

/** Read `Accel-Shift-c`. The last part is the key, so `Ctrl--` is Ctrl and minus. */
export function parseStroke(text: string, isMac: boolean): Stroke {
  const parts = text.endsWith("--")
    ? [...text.slice(0, -2).split("-"), "-"]
    : text === "-"
      ? ["-"]
      : text.split("-");
  const key = parts.at(-1) ?? "";
  const modifiers = new Set(parts.slice(0, -1));
  const accel = modifiers.has("Accel");
  return {
    ctrl: modifiers.has("Ctrl") || (accel && !isMac),
    alt: modifiers.has("Alt"),
    shift: modifiers.has("Shift"),
    meta: modifiers.has("Meta") || (accel && isMac),
    key: key === "Space" ? " " : key,
  };
}

function sameStroke(pressed: Stroke, wanted: Stroke): boolean {
  if (pressed.ctrl !== wanted.ctrl || pressed.alt !== wanted.alt || pressed.meta !== wanted.meta)
    return false;
  if (pressed.key !== wanted.key) return false;
  // Which characters need Shift is the layout's business: `?` is `?`. Letters and named keys tell.
  const tellsShift = pressed.key.length > 1 || /^[a-z ]$/.test(pressed.key);
  return !tellsShift || pressed.shift === wanted.shift;
}

/** How people write a key: `Ctrl+Shift+C`, `⌘S`, `D, D`. */
export function keyLabel(keys: string, isMac: boolean): string {
  return keys
    .split(" ")
    .map(stroke => strokeLabel(parseStroke(stroke, isMac), isMac))
    .join(", ");
}

const NAMED: Readonly<Record<string, string>> = {
  " ": "Space",
  ArrowUp: "↑",
  ArrowDown: "↓",
  ArrowLeft: "←",
  ArrowRight: "→",
  Escape: "Esc",
};

function strokeLabel(stroke: Stroke, isMac: boolean): string {
  const key = NAMED[stroke.key] ?? (stroke.key.length === 1 ? stroke.key.toUpperCase() : stroke.key);
  if (isMac) {
    const signs = `${stroke.ctrl ? "⌃" : ""}${stroke.alt ? "⌥" : ""}${stroke.shift ? "⇧" : ""}${stroke.meta ? "⌘" : ""}`;
    return signs + key;
  }
  const names = [stroke.ctrl && "Ctrl", stroke.alt && "Alt", stroke.shift && "Shift", stroke.meta && "Meta"];
  return [...names.filter(name => name !== false), key].join("+");
}

/** What keys need to know of a command. */
type Keyed = Pick<Command, "keys" | "mode">;

interface Binding<Found extends Keyed> {
  readonly strokes: readonly Stroke[];
  readonly command: Found;
}

/** What a stroke leads to. `begun`: the start of a sequence, more must follow. */
export type Match<Found extends Keyed = Command> =
  | { readonly kind: "none" }
  | { readonly kind: "begun" }
  | { readonly kind: "commands"; readonly commands: readonly Found[] };

/** Finds commands for strokes, one after another. */
export class KeyMatcher<Found extends Keyed = Command> {
  readonly #bindings: readonly Binding<Found>[];
  #begun: readonly Stroke[] = [];
  #lastMs = 0;

  constructor(commands: readonly Found[], isMac: boolean) {
    this.#bindings = commands.flatMap(command =>
      command.keys.map(keys => ({ command, strokes: keys.split(" ").map(text => parseStroke(text, isMac)) })),
    );
  }

  /** `plain`: whether single letters act at all (WCAG 2.1.4: they can be switched off). */
  match(stroke: Stroke, place: Place, nowMs: number, plain = true): Match<Found> {
    const before = nowMs - this.#lastMs <= SEQUENCE_MS ? this.#begun : [];
    this.#begun = [];
    const usable = this.#bindings.filter(binding => isUsable(binding, place, plain));
    for (const strokes of before.length > 0 ? [[...before, stroke], [stroke]] : [[stroke]]) {
      const fitting = usable.filter(binding => startsWith(binding.strokes, strokes));
      const complete = fitting.filter(binding => binding.strokes.length === strokes.length);
      if (complete.length > 0)
        return { kind: "commands", commands: complete.map(binding => binding.command) };
      if (fitting.length > 0) {
        this.#begun = strokes;
        this.#lastMs = nowMs;
        return { kind: "begun" };
      }
    }
    return { kind: "none" };
  }
}

function startsWith(wanted: readonly Stroke[], pressed: readonly Stroke[]): boolean {
  return (
    pressed.length <= wanted.length &&
    pressed.every((stroke, index) => {
      const other = wanted[index];
      return other !== undefined && sameStroke(stroke, other);
    })
  );
}

function isUsable({ command, strokes }: Binding<Keyed>, place: Place, plain: boolean): boolean {
  const isPlain = strokes.some(
    stroke => !stroke.ctrl && !stroke.meta && !stroke.alt && stroke.key.length === 1,
  );
  if (isPlain && (!plain || place !== "cell")) return false;
  switch (place) {
    case "cell":
      return command.mode !== "edit";
    case "editor":
      return command.mode !== "command";
    case "page":
      // Shift-Enter works wherever the focus is, but the keys of lists and links stay theirs.
      return command.mode === "both";
    case "field":
      return (
        command.mode === "both" &&
        strokes.every(stroke => (stroke.ctrl || stroke.meta) && stroke.key !== "Enter")
      );
  }
}
