import { expect, test } from "vitest";
import type { BlobRef, Json } from "../core/wire.ts";
import { chooseMime, metadataOf, textOf } from "./mime.ts";

const bundle = (data: Record<string, Json>, blobs: Record<string, BlobRef> = {}) => ({
  data,
  blobs,
  metadata: {},
});
const blob: BlobRef = { sha256: "a".repeat(64), size_bytes: 5, media_type: "image/png", newline: false };

test("the richest type wins, here or in a blob", () => {
  expect(chooseMime(bundle({ "text/plain": "x", "text/html": "<b>x</b>" }))).toEqual({
    family: "html",
    mime: "text/html",
    value: "<b>x</b>",
  });
  expect(chooseMime(bundle({ "text/plain": "x" }, { "image/png": blob }))).toEqual({
    family: "image",
    mime: "image/png",
    blob,
  });
});

test("xs15 of a bundle, the first of these is shown", () => {
  const order = [
    "application/vnd.jupyter.widget-view+json",
    "text/html",
    "text/markdown",
    "text/latex",
    "image/svg+xml",
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/avif",
    "image/bmp",
    "application/pdf",
    "application/geo+json",
    "application/json",
    "application/javascript",
    "text/plain",
    "application/x-own+json",
  ];
  const shown: unknown[] = [];
  for (let first = 0; first < order.length; first += 1) {
    const left = order.slice(first).reverse();
    const chosen = chooseMime(bundle(Object.fromEntries(left.map(mime => [mime, "x"]))));
    shown.push("mime" in chosen ? chosen.mime : chosen.family);
  }
  expect(shown).toEqual(order);
});

test("an empty rich form gives way to plain text", () => {
  expect(chooseMime(bundle({ "text/html": "", "text/plain": "x" }))).toMatchObject({ family: "text" });
});

test("a widget is a widget even with HTML beside it", () => {
  const widget = { "application/vnd.jupyter.widget-view+json": { model_id: "m" }, "text/html": "<p>" };
  expect(chooseMime(bundle(widget))).toMatchObject({ family: "widget" });
});

test("unknown types are named; unknown JSON is shown as JSON", () => {
  expect(chooseMime(bundle({ "application/x-b": 1, "application/x-a": 2 }))).toEqual({
    family: "unknown",
    mimes: ["application/x-a", "application/x-b"],
  });
  expect(chooseMime(bundle({ "application/ld+json": { a: 1 } }))).toMatchObject({
    family: "json",
    value: { a: 1 },
  });
});

test("text may be a list of lines", () => {
  expect(textOf(["a\n", "b"])).toBe("a\nb");
  expect(textOf({ a: 1 })).toBe('{\n  "a": 1\n}');
});

test("metadata of the type comes before that of the bundle", () => {
  expect(metadataOf({ "image/png": { width: 3 }, width: 5 }, "image/png", "width")).toBe(3);
  expect(metadataOf({ width: 5 }, "image/png", "width")).toBe(5);
});

test("XS15 a plot is shown as one, whatever stands beside it", () => {
  const figure = { data: [], layout: {} };
  const mimes = [
    "application/vnd.plotly.v1+json",
    "application/vnd.vegalite.v4+json",
    "application/vnd.vegalite.v5+json",
    "application/vnd.vegalite.v6+json",
    "application/vnd.vegalite.v6.json",
    "application/vnd.vega.v5+json",
    "application/vnd.vega.v6+json",
  ];
  for (const mime of mimes) {
    const chosen = chooseMime(
      bundle({ [mime]: figure, "text/html": "<p>", "image/png": "x", "text/plain": "x" }),
    );
    expect(chosen).toEqual({ family: "plot", mime, value: figure });
  }
});
