import { expect, test } from "vitest";
import { arrow, binaryBytes, endedWords, withCtrl } from "./typing.ts";

test("Ctrl with a letter, a sign, and with what has no control character", () => {
  expect(["c", "C", "[", " ", "?", "@"].map(withCtrl)).toEqual(["\x03", "\x03", "\x1b", "\0", "\x7f", "\0"]);
  expect(["1", "é", "ab", "\x1b[A"].map(withCtrl)).toEqual(["1", "é", "ab", "\x1b[A"]);
});

test("arrows in both forms, and with Ctrl", () => {
  expect(arrow("up", false, false)).toBe("\x1b[A");
  expect(arrow("left", true, false)).toBe("\x1bOD");
  expect(arrow("right", true, true)).toBe("\x1b[1;5C");
});

test("binary is bytes, not UTF-8", () => {
  expect([...binaryBytes("\x1b[M\xff")]).toEqual([0x1b, 0x5b, 0x4d, 0xff]);
});

test("how a shell ended", () => {
  expect([0, 3, -9, -11].map(endedWords)).toEqual([
    "The shell has ended.",
    "The shell has ended with exit code 3.",
    "The shell was killed (signal 9).",
    "The shell was ended by signal 11.",
  ]);
});
