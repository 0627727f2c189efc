// @vitest-environment jsdom
import { expect, test } from "vitest";
import type { DisplayData, Output, Stream } from "../core/wire.ts";
import { rangeOf, wordsOf } from "./seek.ts";

const stream = (text: string, head = ""): Stream => ({
  output_type: "stream",
  name: "stdout",
  text,
  head,
  spilled: [],
  column: -1,
  extra: {},
});

const display = (data: DisplayData["data"]): DisplayData => ({
  output_type: "display_data",
  data,
  metadata: {},
  blobs: {},
  display_id: null,
  extra: {},
});

test("outputs say what is shown of them", () => {
  const outputs: Output[] = [
    stream("\x1b[31mred\x1b[0m tail", "head\n"),
    {
      output_type: "error",
      ename: "KeyError",
      evalue: "'x'",
      traceback: ["\x1b[1mline\x1b[0m 1"],
      extra: {},
    },
    display({ "text/html": "<style>p{}</style><p>a &lt; <b>b</b></p>", "text/plain": "hidden" }),
    display({ "image/png": "cGljdHVyZQ==", "text/plain": "<Figure>" }),
    display({ "text/plain": ["two ", "lines"] }),
  ];
  expect(wordsOf(outputs)).toBe("head\nred tail\nKeyError: 'x'\nline 1\na < b\n\ntwo lines");
});

test("a match may run over several nodes, and stand in a shadow root", () => {
  const box = document.createElement("div");
  box.append("a ", bold("fou"), "nd, ");
  const host = document.createElement("div");
  host.attachShadow({ mode: "open" }).append("Found again");
  box.append(host);

  expect(String(rangeOf(box, "found", 0))).toBe("found");
  expect(String(rangeOf(box, "found", 1))).toBe("Found");
  // Fewer are drawn than there are: the last one.
  expect(String(rangeOf(box, "found", 7))).toBe("Found");
  expect(String(rangeOf(box, "Found", 0))).toBe("Found");
  expect(rangeOf(box, "nothing", 0)).toBeNull();
});

function bold(text: string): HTMLElement {
  const element = document.createElement("b");
  element.textContent = text;
  return element;
}
