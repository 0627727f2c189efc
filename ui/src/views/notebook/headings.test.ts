import { expect, test } from "vitest";
import { cell, order } from "./headings.sample.ts";
import { cellWithHeading, headingLevel, hiddenBelow, visibleCells } from "./headings.ts";

test("only text that begins with a heading is one", () => {
  expect(order.map(id => headingLevel(cell(id)))).toEqual([1, 0, 2, 0, 2, 1, 0]);
});

test("a folded heading hides what is below it, up to the next of its level", () => {
  expect(visibleCells(order, new Set(["c"]), cell)).toEqual(["a", "b", "c", "e", "f", "g"]);
  expect(visibleCells(order, new Set(["a", "c"]), cell)).toEqual(["a", "f", "g"]);
  expect(visibleCells(order, new Set(), cell)).toBe(order);
  expect([
    hiddenBelow("a", order, cell),
    hiddenBelow("c", order, cell),
    hiddenBelow("f", order, cell),
  ]).toEqual([4, 1, 1]);
});

test("an address finds its heading, also inside a cell", () => {
  expect(cellWithHeading("Two-words-x", order, cell)).toBe("c");
  expect(cellWithHeading("four-a", order, cell)).toBe("f");
  expect(cellWithHeading("none", order, cell)).toBeUndefined();
});
