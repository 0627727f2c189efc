// @vitest-environment jsdom
import { expect, test } from "vitest";
import { type CommandContext, command } from "./command.ts";
import { makeKeydown } from "./keydown.ts";

test("a key that is held down does not run a cell twice", () => {
  let runs = 0;
  let steps = 0;
  const press = makeKeydown({
    commands: [
      command({ id: "run", label: "Run", keys: ["Ctrl-Enter"], repeats: false, run: () => (runs += 1) }),
      command({ id: "step", label: "Step", keys: ["ArrowDown"], run: () => (steps += 1) }),
    ],
    context: () => ({}) as CommandContext,
    nowMs: () => 0,
    plainKeys: () => true,
  });
  for (const repeat of [false, true, true]) {
    const enter = new KeyboardEvent("keydown", { key: "Enter", ctrlKey: true, repeat, cancelable: true });
    expect(press(enter)).toBe(true);
    // It is still no key of the editor's.
    expect(enter.defaultPrevented).toBe(true);
    press(new KeyboardEvent("keydown", { key: "ArrowDown", repeat }));
  }
  expect([runs, steps]).toEqual([1, 3]);
});
