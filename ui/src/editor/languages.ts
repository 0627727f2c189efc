/**
 * Which CodeMirror language a cell has. Each is a chunk that loads when the first cell wants it.
 *
 * Even Python's: a cell can be edited before its colours are there.
 */

import { LanguageDescription, type LanguageSupport } from "@codemirror/language";
import { signal } from "@preact/signals";
import type { CellKind } from "../core/wire.ts";

/** Names that kernels use and CodeMirror does not. */
const ALIASES: Readonly<Record<string, string>> = {
  ipython: "python",
  ipython3: "python",
  python3: "python",
  "c++": "cpp",
  ir: "r",
  bash: "shell",
};

/** What is loaded, by `keyOf`; null: there is no such language. A signal, so that what is drawn without is drawn again. */
const loaded = signal<ReadonlyMap<string, LanguageSupport | null>>(new Map());
const loading = new Map<string, Promise<LanguageSupport | null>>();

/** What is at hand for this cell; undefined: nothing yet, `loadLanguage` may bring it. Reading it in a view subscribes. */
export function languageAtHand(kind: CellKind, language: string): LanguageSupport | undefined {
  return loaded.value.get(keyOf(kind, language)) ?? undefined;
}

/** Load the language of a cell; null: there is none, it is plain text. Rejects when its chunk does not come. */
export function loadLanguage(kind: CellKind, language: string): Promise<LanguageSupport | null> {
  const key = keyOf(kind, language);
  const known = loaded.peek().get(key);
  if (known !== undefined) return Promise.resolve(known);
  const begun = loading.get(key) ?? load(key);
  loading.set(key, begun);
  return begun.finally(() => loading.delete(key));
}

async function load(key: string): Promise<LanguageSupport | null> {
  const support = await fetchLanguage(key);
  loaded.value = new Map(loaded.peek()).set(key, support);
  return support;
}

/** A page without editors (nobody may write) gets its colours after so long. */
const WITHOUT_EDITOR_MS = 1000;

let tellFirstEditor: () => void = () => {};
const firstEditor = new Promise<void>(resolve => {
  tellFirstEditor = resolve;
});

/** There is an editor: colours may load. */
export function editorIsThere(): void {
  tellFirstEditor();
}

/** Text can be read and edited before it has colours: wait until it is, and until that is drawn. */
async function whenEditable(): Promise<void> {
  await Promise.race([firstEditor, new Promise(resolve => setTimeout(resolve, WITHOUT_EDITOR_MS))]);
  await new Promise<void>(resolve => requestAnimationFrame(() => setTimeout(resolve)));
}

async function fetchLanguage(key: string): Promise<LanguageSupport | null> {
  if (key === "") return null;
  await whenEditable();
  if (key === "python") return (await import("./python.ts")).python();
  if (key === "markdown") return (await import("./markdown.ts")).markdownLanguage();
  const { languages } = await import("@codemirror/language-data");
  const found = LanguageDescription.matchLanguageName(languages, key, true);
  return found === null ? null : found.load();
}

function keyOf(kind: CellKind, language: string): string {
  if (kind === "raw") return "";
  if (kind === "markdown") return "markdown";
  const name = language.toLowerCase();
  return ALIASES[name] ?? name;
}
