import { decode as theirDecode, encode as theirEncode } from "@msgpack/msgpack";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decode, encode } from "./msgpack.ts";

/** Theirs refuses the key `__proto__`; ours is tested with it below. */
const values = fc
  .jsonValue({ depthSize: "medium" })
  .filter(value => !JSON.stringify(value).includes("__proto__"));
const numbers = fc.oneof(
  fc.maxSafeInteger(),
  fc.double({ noNaN: true }),
  fc.integer({ min: -40_000, max: 70_000 }),
);

test("what we write, others read, and the other way round", () => {
  fc.assert(
    fc.property(values, value => {
      expect(theirDecode(encode(value))).toEqual(value);
      expect(decode(theirEncode(value))).toEqual(theirDecode(theirEncode(value)));
    }),
  );
});

test("numbers of all sizes come through", () => {
  fc.assert(
    fc.property(numbers, value => {
      expect(decode(encode(value))).toBe(value);
      expect(theirDecode(encode(value))).toBe(value);
      // Theirs writes -0 as an integer.
      expect(decode(theirEncode(value))).toEqual(theirDecode(theirEncode(value)));
    }),
  );
});

test.each([0, 31, 32, 255, 256, 65_535, 65_536])(
  "strings, lists and maps of length %d come through",
  length => {
    const text = "é".repeat(length);
    const list = Array.from({ length }, (_, index) => index);
    const map = Object.fromEntries(list.map(index => [`k${index}`, index]));
    for (const value of [text, "a".repeat(length), list, map]) {
      expect(decode(encode(value))).toEqual(value);
      expect(theirDecode(encode(value))).toEqual(value);
      expect(decode(theirEncode(value))).toEqual(value);
    }
  },
);

test.each([0, 1, 255, 256, 65_535, 65_536])("%d bytes come through", length => {
  const bytes = Uint8Array.from({ length }, (_, index) => index * 7);
  expect(decode(encode({ bytes }))).toEqual({ bytes });
  expect(theirDecode(encode({ bytes }))).toEqual({ bytes });
  expect(decode(theirEncode({ bytes }))).toEqual({ bytes });
});

test("single floats are read", () => {
  expect(decode(theirEncode(0.5, { forceFloat32: true }))).toBe(0.5);
});

test("undefined fields are left out, and what is no value is refused", () => {
  expect(decode(encode({ a: 1, b: undefined }))).toEqual({ a: 1 });
  expect(() => encode({ a: () => 1 })).toThrow(TypeError);
});

test("a key named __proto__ is a key", () => {
  const value = decode(encode(JSON.parse('{"__proto__": {"x": 1}, "y": 2}')));
  expect(Object.keys(Object(value))).toEqual(["__proto__", "y"]);
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
});

test("bytes that end early, and bytes that begin nothing, are refused", () => {
  expect(() => decode(encode("hello").subarray(0, 3))).toThrow("ends early");
  expect(() => decode(new Uint8Array([0xc1]))).toThrow("begins no value");
  expect(() => decode(new Uint8Array([0x81, 0x01, 0x01]))).toThrow("not a string");
});
