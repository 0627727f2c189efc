import { expect, test } from "vitest";
import { isNumeric, parseTable } from "./csv.ts";
import { decodeUtf8 } from "./textfile.ts";

test("quotes, line ends and separators as they are written out there", () => {
  expect(parseTable('a,b\r\n"x, ""y""","1\n2"\r\n,\r\n', 100)).toEqual([
    ["a", "b"],
    ['x, "y"', "1\n2"],
    ["", ""],
  ]);
  expect(parseTable("\ufeffa;b\n1,5;2", 100)).toEqual([
    ["a", "b"],
    ["1,5", "2"],
  ]);
  expect(parseTable("a\tb\n1\t2\n3\t4\n", 2)).toHaveLength(2);
  expect(parseTable("", 5)).toEqual([]);
});

test("columns of numbers", () => {
  const rows = parseTable("n,t,m\n1.5,x,\n-2e3,y,\n,z,", 100);
  expect([0, 1, 2].map(column => isNumeric(rows, column))).toEqual([true, false, false]);
});

test("what is text", () => {
  expect(decodeUtf8(new TextEncoder().encode("ü\n").buffer)).toBe("ü\n");
  expect(decodeUtf8(new Uint8Array([0xff, 0xfe, 0]).buffer)).toBeUndefined();
  expect(decodeUtf8(new Uint8Array([65, 0, 66]).buffer)).toBeUndefined();
});
