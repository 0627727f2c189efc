import { expect, test } from "vitest";
import { bounded, DEFAULTS, parseOptions } from "./options.ts";

test("whatever is kept, what comes out can be used", () => {
  for (const text of [null, "", "{", "[]", "null", '{"fontSize":"big","pasteKey":1}']) {
    expect(parseOptions(text)).toEqual(DEFAULTS);
  }
  expect(parseOptions('{"screenReader":true,"pasteKey":false,"fontSize":99}')).toEqual({
    screenReader: true,
    pasteKey: false,
    fontSize: 28,
  });
});

test("text has a size that can be read", () => {
  expect([1, 14.4, 99, Number.NaN].map(bounded)).toEqual([9, 14, 28, 14]);
});
