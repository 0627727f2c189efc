import { expect, test } from "vitest";
import { imageSize } from "./imagesize.ts";

const base64 = (...bytes: number[]) => btoa(String.fromCharCode(...bytes));
const zeros = (length: number) => Array.from({ length }, () => 0);
const ascii = (text: string) => [...text].map(character => character.charCodeAt(0));

test("PNG", () => {
  const header = [
    0x89,
    ...ascii("PNG"),
    13,
    10,
    26,
    10,
    0,
    0,
    0,
    13,
    ...ascii("IHDR"),
    0,
    0,
    2,
    128,
    0,
    0,
    1,
    224,
  ];
  expect(imageSize(base64(...header))).toEqual({ width: 640, height: 480 });
});

test("GIF", () => {
  expect(imageSize(base64(...ascii("GIF89a"), 44, 1, 200, 0))).toEqual({ width: 300, height: 200 });
});

test("JPEG, behind a profile", () => {
  const profile = [0xff, 0xe1, 0, 6, 1, 2, 3, 4];
  const frame = [0xff, 0xc2, 0, 17, 8, 0, 100, 1, 44, ...zeros(10)];
  expect(imageSize(base64(0xff, 0xd8, ...profile, ...frame))).toEqual({ width: 300, height: 100 });
});

test("WebP, extended", () => {
  const header = [...ascii("RIFF"), ...zeros(4), ...ascii("WEBPVP8X"), ...zeros(8), 43, 1, 0, 99, 0, 0];
  expect(imageSize(base64(...header))).toEqual({ width: 300, height: 100 });
});

test("what is no picture has no size, and throws nothing", () => {
  for (const bad of [
    "",
    "!!!",
    base64(1, 2, 3),
    base64(0xff, 0xd8, 0xff, 0xc0),
    base64(0x89, ...ascii("PNG")),
  ]) {
    expect(imageSize(bad)).toBeUndefined();
  }
});
