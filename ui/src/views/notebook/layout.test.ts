import { describe, expect, test } from "vitest";
import { guessHeight, indexAt, offsetsOf, rangeOf, segmentsOf } from "./layout.ts";

const order = Array.from({ length: 5000 }, (_, index) => `c${index}`);
const offsets = offsetsOf(order, () => 100);

describe("which cells are in the page", () => {
  test("those that touch the span", () => {
    expect(rangeOf(offsets, { top: 250, bottom: 950 })).toEqual({ from: 2, to: 10 });
    expect(rangeOf(offsets, { top: -500, bottom: 50 })).toEqual({ from: 0, to: 1 });
    expect(rangeOf(offsets, { top: 1e9, bottom: 1e9 })).toEqual({ from: 4999, to: 5000 });
    expect(
      rangeOf(
        offsetsOf([], () => 1),
        { top: 0, bottom: 9 },
      ),
    ).toEqual({ from: 0, to: 0 });
  });

  test("an index is found as by looking at all", () => {
    const heights = [30, 0, 70, 5, 200];
    const some = offsetsOf(heights, height => height);
    for (let y = -10; y < 320; y += 7) {
      const slow = heights.findIndex((_height, index) => (some[index + 1] ?? 0) > y);
      expect(indexAt(some, y)).toBe(slow < 0 ? heights.length - 1 : slow);
    }
  });

  test("the one with the focus stays, wherever it is, and the whole height is always there", () => {
    for (const pinned of [[], [0], [4999], [12], [11, 3000]]) {
      const segments = segmentsOf(order, offsets, { from: 10, to: 20 }, pinned);
      const cells = segments.flatMap(segment => (segment.kind === "cell" ? [segment.index] : []));
      const gaps = segments.flatMap(segment => (segment.kind === "gap" ? [segment.height] : []));
      expect(cells).toEqual(
        [...new Set([...pinned, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19])].sort((a, b) => a - b),
      );
      expect(gaps.reduce((sum, height) => sum + height, 0) + cells.length * 100).toBe(500_000);
    }
  });
});

test("guesses grow with what is in a cell", () => {
  const cell = { kind: "code", source: "x", outputs: [], loaded: true };
  const long = guessHeight({ ...cell, source: "x\n".repeat(50) });
  expect(long).toBeGreaterThan(guessHeight(cell) + 49 * 20);
  expect(guessHeight({ ...cell, outputs: [{ output_type: "display_data" }] })).toBeGreaterThan(
    guessHeight(cell),
  );
  expect(guessHeight({ ...cell, loaded: false })).toBeGreaterThan(0);
});
