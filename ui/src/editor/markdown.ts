/** Markdown for text cells, with highlighted Python in its fences. A chunk of its own: it brings HTML and CSS. */

import { markdown } from "@codemirror/lang-markdown";
import type { LanguageSupport } from "@codemirror/language";
import { pythonLanguage } from "./python.ts";

export function markdownLanguage(): LanguageSupport {
  return markdown({ defaultCodeLanguage: pythonLanguage });
}
