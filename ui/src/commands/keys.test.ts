import { expect, test } from "vitest";
import { COMMANDS } from "./all.ts";
import { command } from "./command.ts";
import {
  type KeyEventLike,
  KeyMatcher,
  keyLabel,
  type Match,
  parseStroke,
  SEQUENCE_MS,
  type Stroke,
  strokeOf,
} from "./keys.ts";

function anEvent(key: string, options: Partial<KeyEventLike> & { altGraph?: boolean } = {}): KeyEventLike {
  const { altGraph = false, ...rest } = options;
  return {
    key,
    code: "",
    ctrlKey: false,
    altKey: false,
    shiftKey: false,
    metaKey: false,
    isComposing: false,
    getModifierState: name => name === "AltGraph" && altGraph,
    ...rest,
  };
}

function stroke(text: string): Stroke {
  return parseStroke(text, false);
}

const ids = (match: Match): readonly string[] | string =>
  match.kind === "commands" ? match.commands.map(one => one.id) : match.kind;

test("strokes are read and written as people write them", () => {
  expect(stroke("Accel-Shift-c")).toEqual({ ctrl: true, alt: false, shift: true, meta: false, key: "c" });
  expect(parseStroke("Accel-s", true)).toMatchObject({ ctrl: false, meta: true, key: "s" });
  expect(stroke("Ctrl-Shift--")).toMatchObject({ ctrl: true, shift: true, key: "-" });
  expect(stroke("-")).toMatchObject({ key: "-" });
  expect(keyLabel("Accel-Shift-c", false)).toBe("Ctrl+Shift+C");
  expect(keyLabel("Accel-Shift-c", true)).toBe("⇧⌘C");
  expect(keyLabel("d d", false)).toBe("D, D");
  expect(keyLabel("Shift-Space", false)).toBe("Shift+Space");
});

test("a letter is what the layout produces; without Latin letters, where it lies", () => {
  expect(strokeOf(anEvent("y", { code: "KeyZ" }))?.key).toBe("y");
  expect(strokeOf(anEvent("ф", { code: "KeyA" }))?.key).toBe("a");
  expect(strokeOf(anEvent("å", { code: "KeyA", altKey: true }))?.key).toBe("a");
});

test("AltGr is for producing characters, and no modifier", () => {
  const pressed = strokeOf(anEvent("@", { ctrlKey: true, altKey: true, altGraph: true }));
  expect(pressed).toEqual({ ctrl: false, alt: false, shift: false, meta: false, key: "@" });
});

test("modifiers alone, dead keys and input methods are no strokes", () => {
  for (const key of ["Shift", "Control", "Dead", "Process"]) expect(strokeOf(anEvent(key))).toBeNull();
  expect(strokeOf(anEvent("a", { isComposing: true }))).toBeNull();
});

test("a sequence must be complete within a second", () => {
  const matcher = new KeyMatcher(COMMANDS, false);
  expect(ids(matcher.match(stroke("d"), "cell", 0))).toBe("begun");
  expect(ids(matcher.match(stroke("d"), "cell", SEQUENCE_MS))).toEqual(["cells.delete"]);
  expect(ids(matcher.match(stroke("d"), "cell", 5_000))).toBe("begun");
  expect(ids(matcher.match(stroke("d"), "cell", 5_001 + SEQUENCE_MS))).toBe("begun");
});

test("another key in between begins anew and does its own", () => {
  const matcher = new KeyMatcher(COMMANDS, false);
  matcher.match(stroke("d"), "cell", 0);
  expect(ids(matcher.match(stroke("a"), "cell", 10))).toEqual(["cell.insert-above"]);
  expect(ids(matcher.match(stroke("d"), "cell", 20))).toBe("begun");
});

test("single letters act on cells only, and can be switched off", () => {
  const matcher = new KeyMatcher(COMMANDS, false);
  expect(ids(matcher.match(stroke("b"), "cell", 0))).toEqual(["cell.insert-below"]);
  for (const place of ["editor", "field", "page"] as const)
    expect(ids(matcher.match(stroke("b"), place, 0))).toBe("none");
  expect(ids(matcher.match(stroke("b"), "cell", 0, false))).toBe("none");
  expect(ids(matcher.match(stroke("ArrowDown"), "cell", 0, false))).toEqual(["selection.next"]);
});

test("in an input, only what has Ctrl or Cmd acts, and running does not", () => {
  const matcher = new KeyMatcher(COMMANDS, false);
  expect(ids(matcher.match(stroke("Ctrl-s"), "field", 0))).toEqual(["notebook.save"]);
  expect(ids(matcher.match(stroke("Shift-Enter"), "field", 0))).toBe("none");
  expect(ids(matcher.match(stroke("Ctrl-Enter"), "field", 0))).toBe("none");
});

test("an editor keeps the keys of text", () => {
  const matcher = new KeyMatcher(COMMANDS, false);
  for (const text of ["Ctrl-z", "Ctrl-x", "Ctrl-a", "ArrowUp", "Enter", "Escape", "Tab"]) {
    expect(ids(matcher.match(stroke(text), "editor", 0)), text).toBe("none");
  }
  expect(ids(matcher.match(stroke("Shift-Enter"), "editor", 0))).toEqual(["cell.run"]);
  expect(ids(matcher.match(stroke("Ctrl-Shift--"), "editor", 0))).toEqual(["cell.split"]);
});

test("Shift tells for letters and named keys; for signs, the layout decides", () => {
  const matcher = new KeyMatcher([command({ id: "x", label: "x", keys: ["?"], run: () => {} })], false);
  expect(ids(matcher.match({ ...stroke("?"), shift: true }, "cell", 0))).toEqual(["x"]);
  const all = new KeyMatcher(COMMANDS, false);
  expect(ids(all.match(stroke("Shift-v"), "cell", 0))).toEqual(["cells.paste-above"]);
  expect(ids(all.match(stroke("v"), "cell", 0))).toEqual(["cells.paste-below"]);
});

test("on a Mac, Ctrl-Enter and Cmd-Enter both run", () => {
  const matcher = new KeyMatcher(COMMANDS, true);
  for (const text of ["Ctrl-Enter", "Meta-Enter"]) {
    expect(ids(matcher.match(parseStroke(text, true), "editor", 0))).toContain("cell.run-in-place");
  }
});
