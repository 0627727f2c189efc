/** Completion by the kernel; without one, by what the language and the cell know. */

import {
  type Completion,
  type CompletionContext,
  type CompletionResult,
  completeAnyWord,
  insertCompletionText,
} from "@codemirror/autocomplete";
import type { NotebookModel } from "../core/model.ts";
import { fromCodePoints, toCodePoints } from "../core/text.ts";

/** Completions shown at once; a kernel may send thousands. */
const LIMIT = 500;

export function kernelCompletion(
  notebook: NotebookModel,
): (context: CompletionContext) => Promise<CompletionResult | null> {
  return async context => {
    const code = context.state.sliceDoc();
    const question = { question: "complete", code, cursor: toCodePoints(code, context.pos) } as const;
    const status = notebook.kernel.peek().status;
    const canAnswer = status === "idle" || status === "busy";
    const answer = canAnswer ? await notebook.ask(question) : null;
    if (context.aborted) return null;
    const result = answer?.ok ? resultOf(answer.value, code) : null;
    if (result === null) return completeAnyWord(context);
    return takeOnly(result, context) ? null : result;
  };
}

/** Where there is nothing to choose, it is there at once; true: it is. */
function takeOnly(result: CompletionResult, context: CompletionContext): boolean {
  const { view, state, pos } = context;
  const [only, ...others] = result.options;
  if (only === undefined || others.length > 0 || view === undefined) return false;
  const to = result.to ?? pos;
  // Who typed on meanwhile sees a list, and may go on typing.
  if (view.state.doc !== state.doc || view.state.selection.main.head !== pos) return false;
  const typed = state.sliceDoc(result.from, to);
  // For `f`, a kernel may offer `%%file`: that is for people to choose.
  if (!only.label.startsWith(typed)) return false;
  if (only.label !== typed) view.dispatch(insertCompletionText(view.state, only.label, result.from, to));
  return true;
}

/** Read a complete_reply's content; null: it has no match. */
export function resultOf(value: unknown, code: string): CompletionResult | null {
  if (!isObject(value) || !Array.isArray(value.matches) || value.matches.length === 0) return null;
  const { cursor_start: start, cursor_end: end } = value;
  if (typeof start !== "number" || typeof end !== "number") return null;
  const types = typesOf(value.metadata);
  const options = value.matches
    .filter(match => typeof match === "string")
    .slice(0, LIMIT)
    .map((label, index): Completion => {
      const type = types.get(label);
      // The kernel's order is its opinion: keep it.
      return { label, boost: -index / LIMIT, ...(type === undefined ? {} : { type }) };
    });
  const isAll = options.length === value.matches.length;
  return {
    from: fromCodePoints(code, start),
    to: fromCodePoints(code, end),
    options,
    // Also in paths and keys, which are more than names: as long as it leads to something, the kernel is not asked again.
    validFor: text => isAll && options.some(option => option.label.startsWith(text)),
  };
}

const KNOWN_TYPES: Readonly<Record<string, string>> = {
  function: "function",
  class: "class",
  module: "namespace",
  instance: "variable",
  statement: "variable",
  keyword: "keyword",
  param: "property",
  property: "property",
  magic: "keyword",
  path: "text",
};

function typesOf(metadata: unknown): ReadonlyMap<string, string> {
  const types = new Map<string, string>();
  const list = isObject(metadata) ? metadata._jupyter_types_experimental : undefined;
  if (!Array.isArray(list)) return types;
  for (const item of list) {
    if (!isObject(item) || typeof item.text !== "string" || typeof item.type !== "string") continue;
    const type = KNOWN_TYPES[item.type];
    if (type !== undefined) types.set(item.text, type);
  }
  return types;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
