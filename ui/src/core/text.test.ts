import fc from "fast-check";
import { expect, test } from "vitest";
import vectorText from "../../../tests/vectors/text.json?raw";
import {
  applyTo,
  diff,
  fromCodePoints,
  fromJson,
  inverse,
  replacing,
  sameChange,
  toCodePoints,
  toJson,
} from "./text.ts";

// biome-ignore lint/suspicious/noExplicitAny: the shape of the vectors is what the test reads
const vectors: { cases: any[] } = JSON.parse(vectorText);

const anyText = fc
  .array(fc.constantFrom("a", "bc", "é", "😀", " ", "\n", "x = 1", "\r", "\t"), { maxLength: 12 })
  .map(parts => parts.join(""));

test("tx1 vectors: changes apply, map and compose to strings as the server's do", () => {
  expect(vectors.cases.length).toBeGreaterThan(100);
  for (const one of vectors.cases) {
    const a = fromJson(one.a);
    const b = fromJson(one.b);
    expect(applyTo(a, one.doc)).toBe(one.after_a);
    expect(applyTo(b, one.doc)).toBe(one.after_b);
    expect(toJson(b.map(a))).toEqual(one.b_map_a);
    expect(toJson(a.map(b, true))).toEqual(one.a_map_b_before);
    expect(applyTo(a.compose(b.map(a)), one.doc)).toBe(one.after_both);
    expect(applyTo(inverse(a, one.doc), one.after_a)).toBe(one.doc);
  }
});

test("a change for another text is refused", () => {
  expect(() => applyTo(replacing(3, 0, 1, "x"), "ab")).toThrow(RangeError);
});

test("diff then apply gives the wanted text", () => {
  fc.assert(
    fc.property(anyText, anyText, (before, after) => {
      expect(applyTo(diff(before, after), before)).toBe(after);
    }),
  );
});

test("diff keeps the words both texts share, so that a change in them keeps its place", () => {
  const change = diff("a = one + two", "bb = one - two");
  expect(toJson(change)).toEqual([[1, "bb"], 7, [1, "-"], 4]);
});

test("diff of texts with nothing in common replaces all, and does not take for ever", () => {
  const before = Array.from({ length: 3000 }, (_, i) => `a${i}`).join(" ");
  const after = Array.from({ length: 3000 }, (_, i) => `b${i}`).join("-");
  expect(applyTo(diff(before, after), before)).toBe(after);
});

test("same changes are the same, others are not", () => {
  expect(sameChange(replacing(3, 1, 2, "x"), replacing(3, 1, 2, "x"))).toBe(true);
  expect(sameChange(replacing(3, 1, 2, "x"), replacing(3, 1, 2, "y"))).toBe(false);
  expect(sameChange(replacing(3, 1, 2, "x"), replacing(4, 1, 2, "x"))).toBe(false);
});

test("offsets go to code points and back", () => {
  const text = "a😀b";
  expect([0, 1, 3, 4].map(offset => toCodePoints(text, offset))).toEqual([0, 1, 2, 3]);
  expect([0, 1, 2, 3, 9].map(points => fromCodePoints(text, points))).toEqual([0, 1, 3, 4, 4]);
});
