/** Markdown for text cells, with highlighted Python in its fences. A chunk of its own: it brings HTML and CSS. */

import { markdown } from "@codemirror/lang-markdown";
import { pythonLanguage } from "@codemirror/lang-python";
import type { LanguageSupport } from "@codemirror/language";

export function markdownLanguage(): LanguageSupport {
  return markdown({ defaultCodeLanguage: pythonLanguage });
}
