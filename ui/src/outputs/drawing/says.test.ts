import { expect, test } from "vitest";
import { readDrawingSays } from "./says.ts";

test("XS25 what a drawing's frame says is taken for no more than it is", () => {
  expect(readDrawingSays({ carnet: "ready" })).toEqual({ kind: "ready" });
  expect(readDrawingSays({ carnet: "height", px: 12.4 })).toEqual({ kind: "height", px: 12 });
  expect(readDrawingSays({ carnet: "height", px: 1e9 })).toEqual({ kind: "height", px: 20_000 });
  expect(readDrawingSays({ carnet: "failed", why: "x".repeat(900) })).toEqual({
    kind: "failed",
    why: "x".repeat(500),
  });
  expect(readDrawingSays({ carnet: "view", view: "{}" })).toEqual({ kind: "view", view: "{}" });
  for (const odd of [
    null,
    7,
    "ready",
    {},
    { carnet: "open", url: "https://x" },
    { carnet: "height", px: "9" },
    { carnet: "height", px: Number.NaN },
    { carnet: "view", view: {} },
    { carnet: "view", view: "x".repeat(100_001) },
    { carnet: "save", blob: "<svg>" },
    { carnet: "save", name: "a.html", blob: new Blob(["<script>"], { type: "text/html" }) },
  ])
    expect(readDrawingSays(odd)).toBeUndefined();
});

test("XS30 a picture is saved under a plain name", () => {
  const blob = new Blob(["x"], { type: "image/png" });
  const name = (given: unknown) => {
    const says = readDrawingSays({ carnet: "save", name: given, blob });
    return says?.kind === "save" ? says.name : "";
  };
  expect(name("Größe 1.png")).toBe("Größe 1.png");
  expect(name("../../.bashrc")).toBe("_.._.bashrc");
  expect(name("")).toBe("plot");
  expect(name(undefined)).toBe("undefined");
});
