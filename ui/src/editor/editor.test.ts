// @vitest-environment jsdom
import { completionStatus } from "@codemirror/autocomplete";
import type { ChangeSet } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { afterEach, expect, test, vi } from "vitest";
import { aView, ModelClient, ModelServer } from "../core/testing.ts";
import { applyTo, replacing } from "../core/text.ts";
import { resultOf } from "./completion.ts";
import type { EditorHandle, EditorOptions } from "./handle.ts";
import { createEditor, highlight } from "./index.ts";
import { loadLanguage } from "./languages.ts";
import { dataOf } from "./tooltip.ts";

// jsdom lays nothing out: no text has a place, and so the editor knows lines only.
Range.prototype.getClientRects = () => [] as unknown as DOMRectList;

const made: EditorHandle[] = [];
afterEach(() => {
  for (const editor of made.splice(0)) editor.destroy();
  document.body.replaceChildren();
});

let ids = 0;

function open(source: string, options: Partial<EditorOptions> = {}) {
  const server = new ModelServer(aView({ a: source }));
  const client = new ModelClient(server, "c1", length => `i${ids++}`.padEnd(length, "0"));
  client.connect();
  const left: string[] = [];
  const parent = document.createElement("div");
  document.body.append(parent);
  const editorOptions: EditorOptions = {
    parent,
    notebook: client.store,
    cellId: "a",
    label: "Code cell 1 of 1",
    kind: "code",
    language: "python",
    lineNumbers: false,
    readOnly: false,
    onLeave: how => left.push(how),
    onFocus: () => {},
    onKey: () => false,
    ...options,
  };
  const editor = createEditor(editorOptions);
  made.push(editor);
  return { server, client, editor, left, parent, editorOptions, text: () => textOf(parent) };
}

function viewOf(parent: HTMLElement): EditorView {
  const view = EditorView.findFromDOM(parent);
  if (view === null) throw new Error("There is no editor.");
  return view;
}

function textOf(parent: HTMLElement): string {
  return viewOf(parent).state.sliceDoc();
}

function press(parent: HTMLElement, key: string, options: KeyboardEventInit = {}): void {
  const content = parent.querySelector(".cm-content");
  content?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...options }));
}

test("what is typed goes to the notebook as a change", () => {
  const { client, editor, text } = open("ab");
  editor.select(1, 1);
  editor.insert("X");
  expect(text()).toBe("aXb");
  expect(client.source("a")).toBe("aXb");
  client.up();
  client.down(1);
  expect(client.store.pendingCount.value).toBe(0);
});

test("what comes from elsewhere leaves the cursor where it was, and is not sent back", () => {
  const { server, client, editor, text } = open("abc");
  editor.select(2, 2);
  server.commit({
    ops: [{ op: "change-source", cell_id: "a", version: 1, changes: [[0, ">> "], 3] }],
  });
  client.down(1);
  expect(text()).toBe(">> abc");
  expect(editor.selection()).toEqual({ from: 5, to: 5 });
  expect(client.store.pendingCount.value).toBe(0);
});

test("undo takes back what was typed here, not what came from elsewhere", () => {
  const { client, server, editor, text } = open("");
  editor.insert("mine");
  client.up();
  client.down(1);
  server.commit({ ops: [{ op: "change-source", cell_id: "a", version: 2, changes: [[0, "theirs "], 4] }] });
  client.down(1);
  editor.act("undo");
  expect(text()).toBe("theirs ");
  expect(client.source("a")).toBe("theirs ");
});

test("carriage returns in a source are characters like any other", () => {
  const { client, editor, text } = open("a\r\nb");
  expect(text()).toBe("a\r\nb");
  editor.select(4, 4);
  editor.insert("!");
  expect(client.source("a")).toBe("a\r\nb!");
});

test("Escape and Ctrl-M leave the editor; the arrows leave it at its edges only", () => {
  const { editor, left, parent } = open("one\ntwo\nthree");
  press(parent, "Escape");
  press(parent, "m", { ctrlKey: true });
  expect(left).toEqual(["escape", "escape"]);
  editor.select(5, 5);
  press(parent, "ArrowUp");
  expect(left.length).toBe(2);
  editor.select(2, 2);
  press(parent, "ArrowUp");
  editor.select(10, 10);
  press(parent, "ArrowDown");
  expect(left.slice(2)).toEqual(["up", "down"]);
});

test("keys that act on cells come first", () => {
  const seen: string[] = [];
  const { parent, text } = open("a", {
    onKey: event => {
      seen.push(event.key);
      return event.key === "Enter";
    },
  });
  press(parent, "Enter", { shiftKey: true });
  expect(seen).toEqual(["Enter"]);
  expect(text()).toBe("a");
});

test("Tab indents at the start of a line", () => {
  const { parent, editor, text } = open("x");
  editor.select(0, 0);
  press(parent, "Tab");
  expect(text()).toBe("    x");
});

test("a cell that may not be changed is not, and can be read", () => {
  const { editor, text, parent } = open("a", { readOnly: true });
  editor.insert("x");
  expect(text()).toBe("a");
  editor.setReadOnly(false);
  editor.insert("x");
  expect(text()).toBe("xa");
  expect(parent.querySelector(".cm-content")?.getAttribute("aria-label")).toBe("Code cell 1 of 1");
  editor.setLabel("Code cell 1 of 1, running");
  expect(parent.querySelector(".cm-content")?.getAttribute("aria-label")).toBe("Code cell 1 of 1, running");
});

test("an editor that comes back has its history", () => {
  const { editor, editorOptions, parent } = open("a");
  editor.select(1, 1);
  editor.insert("b");
  editor.destroy();
  made.splice(0);
  const again = createEditor(editorOptions);
  made.push(again);
  expect(textOf(parent)).toBe("ab");
  again.act("undo");
  expect(textOf(parent)).toBe("a");
});

test("an editor whose cell changed meanwhile begins anew", () => {
  const { client, editor, editorOptions, parent } = open("a");
  editor.insert("b");
  editor.destroy();
  made.splice(0);
  client.edit({ op: "change-source", cellId: "a", changes: replacing(2, 0, 2, "new") });
  made.push(createEditor(editorOptions));
  expect(textOf(parent)).toBe("new");
});

async function openWithAnswer(source: string, matches: readonly string[], start: number) {
  const opened = open(source);
  const { editor, client, server, parent } = opened;
  server.commit({ ops: [{ op: "set-kernel", kernel: { ...server.state.kernel, status: "idle" } }] });
  client.down(1);
  const asked = vi.spyOn(client.store, "ask").mockResolvedValue({
    ok: true,
    value: { matches, cursor_start: start, cursor_end: source.length },
  });
  await vi.waitFor(() =>
    expect(viewOf(parent).state.languageDataAt("closeBrackets", 0).length).toBeGreaterThan(0),
  );
  editor.select(source.length, source.length);
  press(parent, "Tab");
  await vi.waitFor(() => expect(asked).toHaveBeenCalled());
  return opened;
}

test("Tab asks the kernel after a space too, and the only answer is taken at once", async () => {
  const { text } = await openWithAnswer("from os import ", ["path"], 15);
  await vi.waitFor(() => expect(text()).toBe("from os import path"));
});

test("of several answers, or one that is something else than what was begun, people choose", async () => {
  const { parent, text } = await openWithAnswer("fi", ["%%file"], 0);
  await vi.waitFor(() => expect(completionStatus(viewOf(parent).state)).toBe("active"));
  expect(text()).toBe("fi");
  const paths = await openWithAnswer('"data-', ["data-one.csv", "data-two.csv"], 1);
  await vi.waitFor(() => expect(completionStatus(viewOf(paths.parent).state)).toBe("active"));
  // A second Tab, however soon, chooses.
  press(paths.parent, "Tab");
  expect(paths.text()).toBe('"data-one.csv');
});

test("a kernel's completion is read: code points become offsets, types and order are kept", () => {
  const code = "😀.rea";
  const result = resultOf(
    {
      matches: ["real", "read"],
      cursor_start: 2,
      cursor_end: 5,
      metadata: {
        _jupyter_types_experimental: [
          { text: "real", type: "function" },
          { text: "read", type: "odd" },
        ],
      },
    },
    code,
  );
  expect(result).toMatchObject({ from: 3, to: 6 });
  expect(result?.options.map(one => [one.label, one.type])).toEqual([
    ["real", "function"],
    ["read", undefined],
  ]);
  for (const odd of [null, 5, {}, { matches: [] }, { matches: ["a"] }]) expect(resultOf(odd, "")).toBeNull();
});

test("an inspection is read, and an empty one is nothing", () => {
  expect(dataOf({ status: "ok", found: true, data: { "text/plain": "doc", x: 1 } })).toEqual({
    "text/plain": "doc",
  });
  for (const odd of [null, { found: false, data: {} }, { found: true }, { found: true, data: {} }]) {
    expect(dataOf(odd)).toBeNull();
  }
});

test("a source is highlighted once its language is there, and keeps every character", async () => {
  const source = "def f(x):\n    return 'é' # 😀\n";
  expect(highlight(source, "markdown", "")).toBe(source);
  await loadLanguage("code", "python");
  const parts = highlight(source, "code", "python");
  if (!Array.isArray(parts)) throw new Error("not highlighted");
  const text = parts.map(part => (typeof part === "string" ? part : part.props.children)).join("");
  expect(text).toBe(source);
  expect(parts.length).toBeGreaterThan(5);
});

test("magics and shell lines are marked, and arithmetic is not", async () => {
  await loadLanguage("code", "python");
  const { parent } = open("%%time\n  %cd x\n!ls\nx = (7\n% y)\ny = (x\n!= z)");
  await vi.waitFor(() => {
    const marked = [...parent.querySelectorAll(".tok-magic")].map(one => one.textContent?.trim());
    expect(marked).toEqual(["%%time", "%cd", "!"]);
  });
});

test("languages are found by the names that kernels use; an unknown one is plain text", async () => {
  expect((await loadLanguage("code", "ir"))?.language.name).toBe("r");
  expect(await loadLanguage("code", "no such language")).toBeNull();
  expect(await loadLanguage("raw", "python")).toBeNull();
});

test("help that comes later does not disturb what was typed before it", async () => {
  const { editor, parent, text } = open("");
  editor.insert("pri");
  await vi.waitFor(() =>
    expect(viewOf(parent).state.languageDataAt("closeBrackets", 0).length).toBeGreaterThan(0),
  );
  expect(text()).toBe("pri");
  const changes: ChangeSet = replacing(3, 3, 3, "nt");
  expect(applyTo(changes, text())).toBe("print");
});
