import { expect, test } from "vitest";
import { sizeInWords } from "./size.ts";

test("sizes as people say them", () => {
  expect([0, 1, 912, 1_000, 41_300, 1_260_000_000].map(sizeInWords)).toEqual([
    "0 bytes",
    "1 byte",
    "912 bytes",
    "1.0 kB",
    "41 kB",
    "1.3 GB",
  ]);
});
