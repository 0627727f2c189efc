/**
 * HTML from kernels and files, made inert: no scripts, handlers, forms, frames or addresses that run.
 *
 * Two shapes. `sanitiseOutput` is for a shadow root of its own, where ids and style sheets hurt nobody;
 * `sanitiseText` is for Markdown in the page itself: no ids, names, classes of ours, no style sheets, few styles.
 * Both return nodes, never a string that could be parsed a second time. Rules XS1 to XS9: docs/specs/outputs.md.
 */

import createPurifier, { type Config, type DOMPurify } from "dompurify";

export interface Places {
  /** Address of a file named relative to the notebook. */
  fileUrl(relative: string): string;
  /** Address of an attachment of the cell; undefined: it has none of that name. */
  attachmentUrl(name: string): string | undefined;
}

type Shape = "output" | "text";

const FORBIDDEN_TAGS = [
  "form",
  "button",
  "textarea",
  "select",
  "option",
  "dialog",
  "iframe",
  "frame",
  "object",
  "embed",
  "portal",
  "template",
  "slot",
  "marquee",
  "base",
  "meta",
  "link",
  "title",
  "noscript",
  "math-field",
];

const FORBIDDEN_ATTRIBUTES = [
  "action",
  "formaction",
  "form",
  "autofocus",
  "accesskey",
  "contenteditable",
  "popover",
  "popovertarget",
  "popovertargetaction",
  "command",
  "commandfor",
  "invoketarget",
  "target",
  "ping",
  "srcset",
  "background",
  "tabindex",
  "slot",
  "part",
  "is",
  "nonce",
];

/**
 * What a `<style>` becomes before it is parsed: the page's policy would report each one, even in a document that is
 * never shown. Its text is taken from here; nothing of it is a style sheet until it was looked through.
 */
export const SHEET = "sheettext";

const COMMON: Config = {
  USE_PROFILES: { html: true, svg: true, svgFilters: true, mathMl: true },
  FORBID_TAGS: FORBIDDEN_TAGS,
  FORBID_ATTR: FORBIDDEN_ATTRIBUTES,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: true,
  ADD_TAGS: [SHEET],
  FORCE_BODY: true,
  RETURN_DOM_FRAGMENT: true,
};

const CONFIGS: Readonly<Record<Shape, Config>> = {
  output: COMMON,
  text: {
    ...COMMON,
    FORBID_TAGS: [...FORBIDDEN_TAGS, "audio", "video"],
    FORBID_ATTR: [...FORBIDDEN_ATTRIBUTES, "id", "name", "for", "role", "aria-live"],
    ADD_ATTR: ["data-anchor", "data-tex", "data-display", "data-language"],
  },
};

/** What text in the page may set. Nothing here takes it out of its place. */
const TEXT_STYLES =
  /^(color|background-color|text-(align|decoration|indent|transform)|font-(size|style|weight|family|variant)|line-height|white-space|vertical-align|float|clear|list-style-type|(max-|min-)?(width|height)|(margin|padding)(-(top|right|bottom|left))?|border(-(top|right|bottom|left))?(-(color|style|width))?|border-(collapse|spacing|radius))$/;

/** Classes that Markdown's own rules give; those of our page are not for documents. */
const TEXT_CLASSES = /^(math|task|task-list|footnote.*|language-[\w+#.-]+|tok-[a-z]+)$/;

const NOWHERE: Places = { fileUrl: relative => relative, attachmentUrl: () => undefined };

let purifier: DOMPurify | undefined;
let shape: Shape = "output";
let places: Places = NOWHERE;

export function sanitiseOutput(html: string, where: Places): DocumentFragment {
  return sanitise(html, "output", where);
}

export function sanitiseText(html: string, where: Places): DocumentFragment {
  return sanitise(html, "text", where);
}

function sanitise(html: string, as: Shape, where: Places): DocumentFragment {
  purifier ??= makePurifier();
  shape = as;
  places = where;
  const result: unknown = purifier.sanitize(html.replace(/<(\/?)style\b/gi, `<$1${SHEET}`), CONFIGS[as]);
  places = NOWHERE;
  // It returns nothing when nothing is left, as of a document that is a frame set.
  return result instanceof DocumentFragment ? result : document.createDocumentFragment();
}

function makePurifier(): DOMPurify {
  const made = createPurifier(window);
  made.addHook("uponSanitizeAttribute", (node, data) => {
    if (data.attrName === "src" && data.attrValue.startsWith("attachment:")) {
      const found = places.attachmentUrl(decode(data.attrValue.slice("attachment:".length)));
      if (found === undefined) data.keepAttr = false;
      else data.attrValue = found;
      return;
    }
    // A document's own anchor: an id would name a global of the page.
    if (shape === "text" && (data.attrName === "id" || data.attrName === "name")) data.keepAttr = false;
    if (data.attrName === "class" && shape === "text") {
      data.attrValue = data.attrValue
        .split(/\s+/)
        .filter(name => TEXT_CLASSES.test(name))
        .join(" ");
      if (data.attrValue === "") data.keepAttr = false;
    }
    // Of a drawing: fill, filter, mask, marker and the like name parts of the same drawing, or fetch.
    if (data.attrName !== "style" && data.attrName !== "href" && FETCHES.test(data.attrValue) && isSvg(node))
      data.keepAttr = false;
    if (data.attrName === "style") {
      data.attrValue = safeStyle(data.attrValue);
      if (data.attrValue === "") data.keepAttr = false;
    }
  });
  made.addHook("afterSanitizeAttributes", node => {
    if (node instanceof HTMLInputElement) mendInput(node);
    else if (node.localName === SHEET) {
      if (shape === "text") node.remove();
      else node.textContent = safeSheet(node.textContent ?? "");
    } else if (node.localName === "a") mendLink(node);
    else if (node instanceof HTMLImageElement) mendImage(node);
    else if (node instanceof HTMLMediaElement || node.localName === "source" || node.localName === "track")
      mendMedia(node);
    else dropRemote(node);
  });
  return made;
}

/** Check boxes fold sections of tables (xarray) and tick tasks; no other field has a use. */
function mendInput(input: HTMLInputElement): void {
  const type = input.getAttribute("type");
  if (type !== "checkbox" && type !== "radio") input.remove();
  else if (shape === "text") input.setAttribute("disabled", "");
}

function mendLink(link: Element): void {
  const href = link.getAttribute("href") ?? link.getAttribute("xlink:href");
  link.removeAttribute("xlink:href");
  if (href === null) return;
  if (href.startsWith("#")) return;
  link.setAttribute("rel", "noopener noreferrer");
  link.setAttribute("target", "_blank");
  if (isRelative(href)) link.setAttribute("href", places.fileUrl(href));
  else link.setAttribute("href", href);
}

/** A picture from another host would tell that host who reads this: it becomes a link that says so. */
function mendImage(image: HTMLImageElement): void {
  const source = image.getAttribute("src") ?? "";
  if (source === "") return;
  if (isRelative(source)) image.setAttribute("src", places.fileUrl(source));
  else if (!isLocal(source)) {
    const link = image.ownerDocument.createElement("a");
    link.href = source.startsWith("//") ? `https:${source}` : source;
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    link.textContent = image.alt || `Picture at ${hostOf(link.href)}`;
    image.replaceWith(link);
    return;
  }
  image.setAttribute("loading", "lazy");
}

function mendMedia(media: Element): void {
  const source = media.getAttribute("src");
  if (source !== null && isRelative(source)) media.setAttribute("src", places.fileUrl(source));
  else if (source !== null && !isLocal(source)) media.removeAttribute("src");
  const poster = media.getAttribute("poster");
  if (poster !== null && !isLocal(poster)) media.removeAttribute("poster");
  media.removeAttribute("autoplay");
}

/** SVG's `href`, `xlink:href` and the like reach other hosts too: only parts of the same drawing stay. */
function dropRemote(node: Element): void {
  for (const name of ["href", "xlink:href", "src"]) {
    const value = node.getAttribute(name);
    if (value !== null && !value.startsWith("#") && !isLocal(value)) node.removeAttribute(name);
  }
}

function isSvg(node: Element): boolean {
  return node.namespaceURI === "http://www.w3.org/2000/svg";
}

function isLocal(address: string): boolean {
  return /^(data:(image|audio|video)\/|blob:)/i.test(address.trim());
}

function isRelative(address: string): boolean {
  return address !== "" && !/^([a-z][a-z0-9+.-]*:|\/\/|#|\\)/i.test(address.trim());
}

function hostOf(address: string): string {
  try {
    return new URL(address).host || "another host";
  } catch {
    return "another host";
  }
}

function decode(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** Escapes are refused as a whole: they only serve to hide a word from the next line. */
const FETCHES =
  /url\s*\(\s*(?!['"]?\s*(data:(image|font)\/|#))|image(-set)?\s*\(|@import|@font-face|expression\s*\(|-moz-binding|behavior\s*:/i;

function safeStyle(text: string): string {
  if (text.includes("\\") || FETCHES.test(text)) return "";
  if (shape === "output") return text;
  return text
    .split(";")
    .map(declaration => declaration.trim())
    .filter(declaration =>
      TEXT_STYLES.test(declaration.slice(0, declaration.indexOf(":")).trim().toLowerCase()),
    )
    .join("; ");
}

function safeSheet(text: string): string {
  const plain = text.replace(/\/\*[\s\S]*?\*\//g, "");
  return /\\(?![0-9a-f]{1,2} )/i.test(plain) || FETCHES.test(plain) ? "" : plain;
}
