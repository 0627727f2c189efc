/** Does this HTML do anything by itself? Then it is for a sandboxed frame; else it is made inert and shown inline. */

import { parseAside } from "./parse.ts";

const HINT = /<\s*(script|iframe|object|embed)\b|[\s/"'`]on[a-z]+\s*=|javascript:/i;

/** What `on` is called while we look. */
const HANDLER = "carnet-on";

const RUNS =
  'script:not([type]), script[type=""], script[type*="javascript" i], script[type="module" i], iframe, object, embed';

export function isActive(html: string): boolean {
  if (!HINT.test(html)) return false;
  const parsed = parse(html);
  if (parsed.querySelector(RUNS) !== null) return true;
  for (const element of parsed.querySelectorAll("*")) {
    for (const name of element.getAttributeNames()) {
      if (name.startsWith(HANDLER) && element.getAttribute(name) !== "") return true;
    }
  }
  return false;
}

/** Hosts that an active output wants to load from. */
export function hostsOf(html: string): readonly string[] {
  const hosts = new Set<string>();
  const parsed = parse(html);
  for (const element of parsed.querySelectorAll("script[src], link[href], img[src], iframe[src]")) {
    const address = element.getAttribute("src") ?? element.getAttribute("href") ?? "";
    const match = /^(?:https?:)?\/\/([^/?#]+)/i.exec(address.trim());
    if (match?.[1] !== undefined) hosts.add(match[1].toLowerCase());
  }
  return [...hosts].sort();
}

/**
 * Parse to look at it.
 *
 * Handlers get another name first, since the page's policy refuses each one that is parsed, and each refusal is an
 * error in the browser's console. (`DOMParser` would ask it about style sheets too.) A template takes no `<body>`,
 * which may carry a handler, so that gets another name as well.
 */
function parse(html: string): DocumentFragment {
  return parseAside(
    html
      .replace(/<(\/?)(html|head|body)\b/gi, "<$1carnet-$2")
      .replace(/([\s/"'`])on([a-z]+\s*=)/gi, `$1${HANDLER}$2`),
  );
}
