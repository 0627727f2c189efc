// @vitest-environment jsdom
import { signal } from "@preact/signals";
import { cleanup, fireEvent, render, waitFor } from "@testing-library/preact";
import { afterEach, expect, test } from "vitest";
import type { DisplayData, Json, Output } from "../core/wire.ts";
import { OutputView } from "./output.tsx";
import { type OutputSettings, OutputSettingsContext } from "./settings.ts";

afterEach(cleanup);

const settings: OutputSettings = {
  blobUrl: blob => `/blobs/${blob.sha256}`,
  fileUrl: relative => `/files/${relative}`,
  frameUrl: remote => `/output-frame${remote ? "?remote=1" : ""}`,
  drawingUrl: remote => `/output-frame?drawing=1${remote ? "&remote=1" : ""}`,
  openText: () => undefined,
};

function show(output: Output, foreign = false, more: Partial<OutputSettings> = {}) {
  return render(
    <OutputSettingsContext.Provider value={{ ...settings, ...more }}>
      <OutputView output={output} foreign={foreign} />
    </OutputSettingsContext.Provider>,
  ).container;
}

function display(data: Record<string, Json>, more: Partial<DisplayData> = {}): DisplayData {
  return { output_type: "display_data", data, metadata: {}, blobs: {}, display_id: null, extra: {}, ...more };
}

const PNG = "iVBORw0KGgoAAAANSUhEUgAAAoAAAAHg";

test("xs16 a picture has its room before it is drawn", () => {
  const image = show(display({ "image/png": PNG, "text/plain": "<Figure>" })).querySelector("img");
  expect([image?.getAttribute("width"), image?.getAttribute("height"), image?.alt]).toEqual([
    "640",
    "480",
    "<Figure>",
  ]);
});

test("xs16 metadata decides how large a picture is", () => {
  const metadata = { "image/png": { width: 320 } };
  const image = show(display({ "image/png": PNG }, { metadata })).querySelector("img");
  expect([image?.getAttribute("width"), image?.getAttribute("height")]).toEqual(["320", "240"]);
});

test("a picture in a blob comes by its address", () => {
  const blob = { sha256: "c".repeat(64), size_bytes: 5, media_type: "image/png", newline: false };
  const image = show(display({}, { blobs: { "image/png": blob } })).querySelector("img");
  expect(image?.getAttribute("src")).toBe(`/blobs/${blob.sha256}`);
});

test("a picture that failed while signed out comes after signing in again", async () => {
  const renewals = signal(0);
  const blob = { sha256: "d".repeat(64), size_bytes: 5, media_type: "image/png", newline: false };
  const container = show(display({}, { blobs: { "image/png": blob } }), false, { renewals });
  const image = container.querySelector("img");
  if (image === null) throw new Error("no picture");
  fireEvent.error(image);
  await waitFor(() => expect(container.querySelector("img")).toBeNull());
  renewals.value += 1;
  await waitFor(() => expect(container.querySelector("img")?.getAttribute("src")).toContain(blob.sha256));
});

test("SVG is a picture, never part of the page", async () => {
  URL.createObjectURL ??= () => "blob:x";
  URL.revokeObjectURL ??= () => undefined;
  const container = show(display({ "image/svg+xml": "<svg width='4' height='2'><script>x</script></svg>" }));
  await waitFor(() => expect(container.querySelector("img")?.getAttribute("src")).toMatch(/^blob:/));
  expect(container.querySelector("svg, script")).toBeNull();
  expect(container.querySelector("img")?.getAttribute("width")).toBe("4");
});

test("inert HTML stands in a shadow root", async () => {
  const container = show(display({ "text/html": "<table><tr><td id=app>1</td></tr></table>" }));
  await waitFor(() => {
    expect(container.querySelector(".output-html > div")?.shadowRoot?.querySelector("td")?.textContent).toBe(
      "1",
    );
  });
  expect(container.querySelector("td")).toBeNull();
});

test("HTML with scripts stands in a frame of opaque origin", () => {
  const frame = show(display({ "text/html": "<script>parent.pwned = 1</script>" })).querySelector("iframe");
  expect(frame?.getAttribute("sandbox")).toBe("allow-scripts");
  expect(frame?.getAttribute("src")).toBe("/output-frame");
});

test("a frame loads from other hosts only when told to", async () => {
  const container = show(display({ "text/html": '<script src="https://cdn.example/x.js"></script>' }));
  expect(container.textContent).toContain("cdn.example");
  expect(container.querySelector("iframe")?.getAttribute("src")).toBe("/output-frame");
  container.querySelector("button")?.click();
  await waitFor(() =>
    expect(container.querySelector("iframe")?.getAttribute("src")).toBe("/output-frame?remote=1"),
  );
});

test("an error says what it is first, and folds a long traceback", () => {
  const traceback = Array.from({ length: 60 }, (_, line) => `frame ${line}`);
  const container = show({ output_type: "error", ename: "KeyError", evalue: "'long'", traceback, extra: {} });
  expect(container.querySelector(".error-says")?.textContent).toBe("KeyError: 'long'");
  expect(container.querySelector("details")?.hasAttribute("open")).toBe(false);
});

test("JSON is a tree that opens", () => {
  const container = show(display({ "application/json": { a: [1, null, "x"], b: {} } }));
  expect(container.querySelector(".json-string")?.textContent).toBe('"x"');
  expect(container.textContent).toContain("2 keys");
});

test("XS37 a widget without a model falls back to its text and says why", async () => {
  const data = {
    "application/vnd.jupyter.widget-view+json": { model_id: "m" },
    "text/plain": "IntSlider(value=3)",
  };
  const container = show(display(data));
  await waitFor(() => expect(container.textContent).toContain("IntSlider(value=3)"));
  expect(container.textContent).toContain("This widget is gone with its kernel");
});

test("what nobody can draw says what it is", () => {
  expect(show(display({ "application/x-thing": 1 })).textContent).toContain("application/x-thing");
});

test("XS22 scripts that came with the file do not run, and the rest of their output is shown", async () => {
  let trusted = 0;
  const more = { trust: () => (trusted += 1) };
  for (const data of [
    { "text/html": "<p>text</p><script>parent.pwned = 1</script>" },
    { "application/javascript": "parent.pwned = 1" },
  ]) {
    const container = show(display(data), true, more);
    expect(container.querySelector("iframe")).toBeNull();
    expect(container.textContent).toContain("Scripts in this output did not run");
    container.querySelector("button")?.click();
  }
  expect(trusted).toBe(2);
});

test("XS22 what has no scripts is shown as ever, and who may not write is not asked", () => {
  expect(show(display({ "text/html": "<p>text</p>" }), true).textContent).not.toContain("Scripts");
  expect(show(display({ "text/html": "<script>1</script>" }), true).querySelector("button")).toBeNull();
});

test("code in Markdown is marked once its language is there, and keeps every character", async () => {
  const known = signal(false);
  const highlight = (code: string, language: string) =>
    known.value && language === "python" ? <span class="tok-keyword">{code}</span> : code;
  const source = "```python\nprint(1 < 2)\n```\n\n```\nplain\n```";
  const container = show(display({ "text/markdown": source }), false, { highlight });
  const texts = () => [...container.querySelectorAll("pre > code")].map(code => code.textContent);
  await waitFor(() => expect(texts()).toEqual(["print(1 < 2)\n", "plain\n"]));
  expect(container.querySelector(".tok-keyword")).toBeNull();

  known.value = true;
  expect(texts()).toEqual(["print(1 < 2)\n", "plain\n"]);
  expect(container.querySelectorAll("pre > code .tok-keyword")).toHaveLength(1);
});
