/** Does this HTML do anything by itself? Then it is for a sandboxed frame; else it is made inert and shown inline. */

const HINT = /<\s*(script|iframe|object|embed)\b|[\s/"'`]on[a-z]+\s*=|javascript:/i;

const RUNS =
  'script:not([type]), script[type=""], script[type*="javascript" i], script[type="module" i], iframe, object, embed';

export function isActive(html: string): boolean {
  if (!HINT.test(html)) return false;
  const parsed = parse(html);
  if (parsed.querySelector(RUNS) !== null) return true;
  for (const element of parsed.querySelectorAll("*")) {
    for (const name of element.getAttributeNames()) {
      if (name.startsWith("on") && element.getAttribute(name) !== "") return true;
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

/** Style sheets are left out: the page's policy would refuse each of them, loudly, though none is ever applied. */
function parse(html: string): Document {
  return new DOMParser().parseFromString(html.replace(/<(\/?)style\b/gi, "<$1sheettext"), "text/html");
}
