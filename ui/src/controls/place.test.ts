import { expect, test } from "vitest";
import { placeBeside } from "./place.ts";

const screen = { width: 400, height: 300 };
const box = (left: number, top: number) => ({ left, top, right: left + 40, bottom: top + 20 });

test("below the anchor, where there is room", () => {
  expect(placeBeside(box(50, 40), { width: 100, height: 80 }, screen)).toEqual({ left: 50, top: 64 });
});

test("above it at the bottom of the screen", () => {
  expect(placeBeside(box(50, 260), { width: 100, height: 80 }, screen)).toEqual({ left: 50, top: 176 });
});

test("never over an edge", () => {
  expect(placeBeside(box(390, 0), { width: 100, height: 80 }, screen).left).toBe(292);
  expect(placeBeside(box(-30, 0), { width: 100, height: 80 }, screen).left).toBe(8);
});
