/**
 * What the kernel knows about the thing at the cursor, in a tooltip that grows.
 *
 * Once: the signature and what follows it. Twice: more room. Four times: all there
 * is, in the pager at the bottom. Moving or typing closes it.
 */

import { StateEffect, StateField } from "@codemirror/state";
import { type Command, type EditorView, showTooltip, type Tooltip } from "@codemirror/view";
import type { NotebookModel } from "../core/model.ts";
import { toCodePoints } from "../core/text.ts";
import type { Json } from "../core/wire.ts";
import { strings } from "../strings.ts";

type Size = "small" | "large";

interface Shown {
  readonly position: number;
  readonly text: string;
  readonly size: Size;
  readonly pressed: number;
}

const show = StateEffect.define<Shown | null>();

const field = StateField.define<Shown | null>({
  create: () => null,
  update(shown, transaction) {
    for (const effect of transaction.effects) if (effect.is(show)) return effect.value;
    return transaction.docChanged || transaction.selection !== undefined ? null : shown;
  },
  provide: one => showTooltip.from(one, shown => (shown === null ? null : tooltipOf(shown))),
});

export const tooltipField = field;

/** Ask, and show the answer; pressed again, show more. */
export function askTooltip(notebook: NotebookModel): Command {
  return view => {
    const before = view.state.field(field);
    const pressed = (before?.pressed ?? 0) + 1;
    void ask(notebook, view, pressed);
    return true;
  };
}

export const closeTooltip: Command = view => {
  if (view.state.field(field) === null) return false;
  view.dispatch({ effects: show.of(null) });
  return true;
};

async function ask(notebook: NotebookModel, view: EditorView, pressed: number): Promise<void> {
  const code = view.state.sliceDoc();
  const position = view.state.selection.main.head;
  const before = view.state;
  const isFull = pressed >= 4;
  const answer = await notebook.ask({
    question: "inspect",
    code,
    cursor: toCodePoints(code, position),
    detail: isFull ? 1 : 0,
  });
  // The user went on: an answer to an old question would only be in the way.
  if (view.state.doc !== before.doc || view.state.selection.main.head !== position) return;
  const data = answer.ok ? dataOf(answer.value) : null;
  const text = data === null ? null : plainText(data);
  if (!answer.ok || data === null || text === null) {
    const said = answer.ok ? null : { position, text: answer.error, size: "small" as const, pressed };
    view.dispatch({ effects: show.of(said) });
    return;
  }
  if (isFull) {
    notebook.showPage(data);
    view.dispatch({ effects: show.of(null) });
    return;
  }
  view.dispatch({ effects: show.of({ position, text, size: pressed > 1 ? "large" : "small", pressed }) });
}

/** Read an inspect_reply's content; null: nothing was found. */
export function dataOf(value: unknown): Readonly<Record<string, Json>> | null {
  if (!isObject(value) || value.found !== true || !isObject(value.data)) return null;
  const texts = Object.entries(value.data).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  return texts.length === 0 ? null : Object.fromEntries(texts);
}

function plainText(data: Readonly<Record<string, Json>>): string | null {
  const text = data["text/plain"];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours of a terminal, which a tooltip does without
  return typeof text === "string" ? text.replace(/\x1b\[[0-9;:]*m/g, "") : null;
}

function tooltipOf(shown: Shown): Tooltip {
  return {
    pos: shown.position,
    above: true,
    create: () => {
      const dom = document.createElement("div");
      dom.className = "editor-tooltip";
      dom.dataset.size = shown.size;
      dom.setAttribute("role", "note");
      dom.setAttribute("aria-label", strings.tooltipLabel);
      const text = document.createElement("pre");
      text.textContent = shown.text;
      text.tabIndex = 0;
      dom.append(text);
      return { dom };
    },
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
