import { expect, test } from "vitest";
import { cell, order } from "./headings.sample.ts";
import { outlineOf, sectionOf } from "./outlining.ts";

test("the outline has every heading of text, as it reads", () => {
  const headings = outlineOf(order, cell);
  expect(headings.map(({ cell: id, index, level, text }) => [id, index, level, text])).toEqual([
    ["a", 0, 1, "One"],
    ["c", 0, 2, "Two words x"],
    ["e", 0, 2, "Three"],
    ["f", 0, 1, "Four"],
    ["f", 1, 3, "Four a"],
  ]);
  const only = (source: string) =>
    outlineOf(["x"], () => ({ kind: "markdown", source })).map(one => one.text);
  expect(only("```\n# comment\n```\n# Real ##\n~~~~\n# no\n~~~\n# no\n~~~~\n# Last")).toEqual([
    "Real",
    "Last",
  ]);
  expect(only("# [Link](https://x.org) and `a_b_c` \\*\n#\n# 2 * 3 * 4")).toEqual([
    "Link and a_b_c *",
    "2 * 3 * 4",
  ]);
});

test("a cell stands below the last heading above it", () => {
  const headings = outlineOf(order, cell);
  expect(["a", "b", "c", "d", "f", "g"].map(id => sectionOf(id, headings, order))).toEqual([
    0, 0, 1, 1, 3, 4,
  ]);
  expect(sectionOf(null, headings, order)).toBe(-1);
  expect(sectionOf("b", outlineOf(["b", "c"], cell), ["b", "c"])).toBe(-1);
});
