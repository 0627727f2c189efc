/**
 * Which CodeMirror language a cell has. Python is at hand; Markdown and all others are chunks that load when needed.
 */

import { python } from "@codemirror/lang-python";
import { LanguageDescription, type LanguageSupport } from "@codemirror/language";
import type { CellKind } from "../core/wire.ts";

/** Names that kernels use and CodeMirror does not. */
const ALIASES: Readonly<Record<string, string>> = {
  ipython: "python",
  ipython3: "python",
  python3: "python",
  "c++": "cpp",
  c: "c",
  ir: "r",
  bash: "shell",
  octave: "octave",
};

let loadedPython: LanguageSupport | undefined;

/** What is at hand for this cell; undefined: nothing yet, `loadLanguage` may bring it. */
export function languageAtHand(kind: CellKind, language: string): LanguageSupport | undefined {
  if (kind !== "code" || nameOf(language) !== "python") return undefined;
  loadedPython ??= python();
  return loadedPython;
}

/** Load the language of a cell; null: there is none, it is plain text. */
export async function loadLanguage(kind: CellKind, language: string): Promise<LanguageSupport | null> {
  if (kind === "raw") return null;
  const atHand = languageAtHand(kind, language);
  if (atHand !== undefined) return atHand;
  if (kind === "markdown") return (await import("./markdown.ts")).markdownLanguage();
  const { languages } = await import("@codemirror/language-data");
  const found = LanguageDescription.matchLanguageName(languages, nameOf(language), true);
  return found === null ? null : found.load();
}

function nameOf(language: string): string {
  const name = language.toLowerCase();
  return ALIASES[name] ?? name;
}
