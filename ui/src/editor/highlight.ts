/** Highlight a source without an editor, with the same classes: for cells that are not edited. */

import { classHighlighter, highlightCode } from "@lezer/highlight";
import { type ComponentChildren, h } from "preact";
import type { CellKind } from "../core/wire.ts";
import { languageAtHand } from "./languages.ts";

/** Above this, parsing takes longer than it is worth before the cell is edited. */
const LIMIT = 50_000;

/** Return the text with its tokens marked; plain text when the language is not at hand. */
export function highlight(text: string, kind: CellKind, language: string): ComponentChildren {
  const support = text.length > LIMIT ? undefined : languageAtHand(kind, language);
  if (support === undefined) return text;
  const parts: ComponentChildren[] = [];
  highlightCode(
    text,
    support.language.parser.parse(text),
    classHighlighter,
    (code, classes) => parts.push(classes === "" ? code : h("span", { class: classes }, code)),
    () => parts.push("\n"),
  );
  return parts;
}
