/** Highlight a source without an editor, with the same classes: for cells that are not edited. */

import { classHighlighter, highlightCode } from "@lezer/highlight";
import { type ComponentChildren, h } from "preact";
import type { CellKind } from "../core/wire.ts";
import { languageAtHand, loadLanguage } from "./languages.ts";

/** Above this, parsing takes longer than it is worth before the cell is edited. */
const LIMIT = 50_000;

/** Return the text with its tokens marked; until its language is there, the plain text: a view is drawn again then. */
export function highlight(text: string, kind: CellKind, language: string): ComponentChildren {
  // Text cells show what they say, not how they say it, until they are edited.
  if (kind !== "code" || text.length > LIMIT) return text;
  const support = languageAtHand(kind, language);
  if (support === undefined) {
    // The chunk may not come (no network): then it stays plain.
    loadLanguage(kind, language).catch(() => {});
    return text;
  }
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
