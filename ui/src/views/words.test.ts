import { expect, test } from "vitest";
import { ago, clock, count, duration } from "./words.ts";

test("how long, as people say it", () => {
  expect([0.4, 31, 99, 100, 412, 9_940, 12_300, 67_000, 7_389_000].map(duration)).toEqual([
    "0 ms",
    "31 ms",
    "99 ms",
    "0.1 s",
    "0.4 s",
    "9.9 s",
    "12 s",
    "1:07",
    "2:03:09",
  ]);
  expect([-50, 900, 59_999, 60_000].map(clock)).toEqual(["0 s", "0 s", "59 s", "1:00"]);
});

test("when, as people say it", () => {
  const now = new Date(2026, 10, 23, 14, 0).getTime();
  const before = (...parts: [number, number, number, number?, number?]) =>
    ago(new Date(...parts).getTime(), now);
  expect(ago(now - 1000, now)).toBe("just now");
  expect(ago(now + 5000, now)).toBe("just now");
  expect(ago(now - 12_000, now)).toBe("12 s ago");
  expect(before(2026, 10, 23, 13, 40)).toBe("20 min ago");
  expect(before(2026, 10, 23, 9, 0)).toBe("5 h ago");
  expect(before(2026, 10, 22, 9, 0)).toBe("yesterday");
  expect(before(2026, 10, 20, 9, 0)).toBe("3 days ago");
  expect(before(2026, 10, 3)).toBe("3 Nov");
  expect(before(2025, 10, 3)).toBe("3 Nov 2025");
});

test("counting", () => {
  expect([count(1, "cell"), count(0, "cell"), count(1234, "line")]).toEqual([
    "1 cell",
    "0 cells",
    "1,234 lines",
  ]);
});
