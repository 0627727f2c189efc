/** Completion by the kernel; without one, by what the language and the cell know. */

import {
  type Completion,
  type CompletionContext,
  type CompletionResult,
  completeAnyWord,
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
    return result ?? completeAnyWord(context);
  };
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
  return {
    from: fromCodePoints(code, start),
    to: fromCodePoints(code, end),
    options,
    validFor: /^[\p{L}\p{N}_]*$/u,
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
