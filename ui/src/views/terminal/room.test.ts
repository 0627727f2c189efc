import { expect, test } from "vitest";
import { sizeIn } from "./room.ts";

test("as many whole characters as have room beside the scroll bar", () => {
  const cell = { width: 8.4287, height: 20 };

  expect(sizeIn(1250, 744, cell)).toEqual({ rows: 37, columns: 146 });
  expect(sizeIn(14 + 147 * 8.4287, 740, cell)).toEqual({ rows: 37, columns: 147 });
  expect(sizeIn(14 + 147 * 8.4287 - 0.01, 739.9, cell)).toEqual({ rows: 36, columns: 146 });
});

test("a window of nothing still has a size that a shell can live with", () => {
  expect(sizeIn(3, 3, { width: 8, height: 20 })).toEqual({ rows: 1, columns: 2 });
});
