// @vitest-environment jsdom
import { cleanup, fireEvent, render } from "@testing-library/preact";
import { afterEach, expect, test, vi } from "vitest";
import { Palette, rank, score } from "./palette.tsx";

afterEach(cleanup);

const item = (label: string, more: object = {}) => ({ id: label, label, run: () => undefined, ...more });

test("starts beat words, words beat insides, insides beat scattered letters", () => {
  const scores = ["run all", "restart and run", "prune", "rerunning is un"].map(text => score(text, "run"));
  expect(scores).toEqual(scores.toSorted((left, right) => right - left));
  expect(score("interrupt", "xyz")).toBe(-1000);
});

test("what cannot be done now comes last, and other words find it too", () => {
  const items = [
    item("Run all", { disabled: true }),
    item("Rerun"),
    item("Execute", { words: "run" }),
    item("Save"),
  ];
  expect(rank(items, "run").map(found => found.label)).toEqual(["Execute", "Rerun", "Run all"]);
});

test("arrows choose, Enter does it, and what is disabled does nothing", () => {
  const [save, print, close] = [vi.fn(), vi.fn(), vi.fn()];
  const items = [item("Save", { run: save }), item("Print", { run: print, disabled: true })];
  const { getByRole } = render(<Palette items={items} placeholder="What?" onClose={close} />);
  const field = getByRole("combobox", { hidden: true });
  fireEvent.keyDown(field, { key: "ArrowDown" });
  fireEvent.keyDown(field, { key: "Enter" });
  expect(print).not.toHaveBeenCalled();
  fireEvent.keyDown(field, { key: "ArrowDown" });
  fireEvent.keyDown(field, { key: "Enter" });
  expect([save.mock.calls.length, close.mock.calls.length]).toEqual([1, 1]);
});
