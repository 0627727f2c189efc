import { expect, test } from "vitest";
import { decode, encode } from "./passkey.ts";

test("bytes come through, whatever they are and however many", () => {
  for (let length = 0; length < 70; length += 1) {
    const bytes = Uint8Array.from({ length }, (_, at) => (at * 37 + 250) % 256);
    expect(encode(bytes.buffer)).not.toMatch(/[+/=]/);
    expect([...decode(encode(bytes.buffer))]).toEqual([...bytes]);
  }
  expect(encode(decode("-_8").buffer)).toBe("-_8");
});
