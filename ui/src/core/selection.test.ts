import { expect, test } from "vitest";
import { NOTHING, only, selectedIds, step, survive } from "./selection.ts";

const ORDER = ["a", "b", "c", "d"];

test("a range is what stands between anchor and active cell, either way round", () => {
  expect(selectedIds({ mode: "command", anchor: "b", active: "d" }, ORDER)).toEqual(["b", "c", "d"]);
  expect(selectedIds({ mode: "command", anchor: "d", active: "b" }, ORDER)).toEqual(["b", "c", "d"]);
  expect(selectedIds(only("c"), ORDER)).toEqual(["c"]);
  expect(selectedIds(NOTHING, ORDER)).toEqual([]);
});

test("a range whose anchor is gone is the active cell", () => {
  expect(selectedIds({ mode: "command", anchor: "x", active: "b" }, ORDER)).toEqual(["b"]);
});

test("steps stop at the ends, and extend when asked to", () => {
  expect(step(only("a"), ORDER, -1)).toEqual(only("a"));
  expect(step(only("c"), ORDER, 9)).toEqual(only("d"));
  expect(step(only("b"), ORDER, 1, { extend: true })).toEqual({ mode: "command", anchor: "b", active: "c" });
  expect(step({ mode: "command", anchor: "a", active: "c" }, ORDER, 1)).toEqual(only("d"));
  expect(step(NOTHING, ORDER, 1)).toEqual(only("a"));
  expect(step(only("a"), [], 1)).toEqual(NOTHING);
});

test("what others insert and move leaves the selection as it is", () => {
  const selection = { mode: "edit", anchor: "b", active: "b" } as const;
  expect(survive(selection, ORDER, ["x", "d", "b", "a"])).toBe(selection);
});

test("when the active cell goes, the next one below takes its place, else the last one above", () => {
  expect(survive(only("b", "edit"), ORDER, ["a", "c", "d"])).toEqual(only("c"));
  expect(survive(only("d"), ORDER, ["a", "b"])).toEqual(only("b"));
  expect(survive(only("b"), ORDER, ["x"])).toEqual(only("x"));
  expect(survive(only("b"), ORDER, [])).toEqual(NOTHING);
});

test("when only the anchor goes, the active cell stays selected", () => {
  expect(survive({ mode: "command", anchor: "a", active: "c" }, ORDER, ["b", "c"])).toEqual(only("c"));
});
