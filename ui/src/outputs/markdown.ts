/**
 * Markdown to inert nodes: CommonMark, tables, strike-through, task lists, bare addresses, mathematics, attachments.
 *
 * Mathematics is cut out before Markdown sees its underscores and backslashes, and left as `.math[data-tex]`
 * for whoever typesets it. Headings carry `data-anchor` instead of an id (an id would be a global of the page).
 */

import createMarkdown, {
  type MarkdownIt,
  type StateBlock,
  type StateCore,
  type StateInline,
} from "markdown-it";
import { type Places, sanitiseText } from "./sanitise.ts";

const markdown = makeMarkdown();

export function renderMarkdown(source: string, places: Places): DocumentFragment {
  return sanitiseText(markdown.render(source), places);
}

function makeMarkdown(): MarkdownIt {
  const made = createMarkdown({ html: true, linkify: true });
  made.linkify.set({ fuzzyLink: false, fuzzyEmail: false });
  // The sanitiser decides what an address may be; Markdown only must not drop `attachment:`.
  made.validateLink = () => true;
  made.inline.ruler.before("escape", "math", inlineMath);
  made.block.ruler.before("fence", "math_block", blockMath, {
    alt: ["paragraph", "reference", "blockquote", "list"],
  });
  made.core.ruler.push("anchors", headingAnchors);
  made.core.ruler.push("tasks", taskLists);
  made.renderer.rules.math = (tokens, index) => {
    const token = tokens[index];
    if (token === undefined) return "";
    const { escapeHtml } = made.utils;
    const display = token.info === "display";
    const tag = display && token.block ? "div" : "span";
    return `<${tag} class="math" data-display="${display}" data-tex="${escapeHtml(token.content)}">${escapeHtml(token.content)}</${tag}>${token.block ? "\n" : ""}`;
  };
  return made;
}

interface Found {
  readonly tex: string;
  readonly end: number;
  readonly display: boolean;
}

/** Find mathematics that begins exactly at `at`. */
export function mathAt(text: string, at: number): Found | undefined {
  if (text.startsWith("$$", at)) return fenced(text, at, "$$", "$$", true);
  if (text[at] === "$") return dollars(text, at);
  if (text[at] !== "\\") return undefined;
  for (const [open, close, display] of [
    ["\\\\(", "\\\\)", false],
    ["\\\\[", "\\\\]", true],
    ["\\(", "\\)", false],
    ["\\[", "\\]", true],
  ] as const) {
    if (text.startsWith(open, at)) return fenced(text, at, open, close, display);
  }
  const environment = /^\\begin\{([a-zA-Z]+\*?)\}/.exec(text.slice(at, at + 40));
  if (environment?.[1] === undefined) return undefined;
  const close = `\\end{${environment[1]}}`;
  const end = text.indexOf(close, at);
  return end < 0
    ? undefined
    : { tex: text.slice(at, end + close.length), end: end + close.length, display: true };
}

function fenced(text: string, at: number, open: string, close: string, display: boolean): Found | undefined {
  const end = text.indexOf(close, at + open.length);
  if (end < 0) return undefined;
  const tex = text.slice(at + open.length, end);
  return tex.trim() === "" ? undefined : { tex, end: end + close.length, display };
}

/** `$x$`: no space inside the dollars, no digit behind them, so that prices stay prices. */
function dollars(text: string, at: number): Found | undefined {
  if (/\s|^$/.test(text[at + 1] ?? "")) return undefined;
  for (let end = text.indexOf("$", at + 1); end >= 0; end = text.indexOf("$", end + 1)) {
    if (text[end - 1] === "\\") continue;
    if (/\s/.test(text[end - 1] ?? "")) return undefined;
    if (/[0-9]/.test(text[end + 1] ?? "")) return undefined;
    const tex = text.slice(at + 1, end);
    const cutsCode = tex.split("`").length % 2 === 0;
    return tex === "" || cutsCode || /\n\s*\n/.test(tex) ? undefined : { tex, end: end + 1, display: false };
  }
  return undefined;
}

function inlineMath(state: StateInline, silent: boolean): boolean {
  const found = mathAt(state.src, state.pos);
  if (found === undefined || found.end > state.posMax) return false;
  if (!silent) {
    const token = state.push("math", "", 0);
    token.content = found.tex.trim();
    token.info = found.display ? "display" : "inline";
  }
  state.pos = found.end;
  return true;
}

function blockMath(state: StateBlock, startLine: number, endLine: number, silent: boolean): boolean {
  const start = (state.bMarks[startLine] ?? 0) + (state.tShift[startLine] ?? 0);
  if ((state.sCount[startLine] ?? 0) - state.blkIndent >= 4) return false;
  const last = state.eMarks[endLine - 1] ?? state.src.length;
  const found = mathAt(state.src.slice(0, last), start);
  if (found === undefined || !found.display) return false;
  const lineEnd = state.src.indexOf("\n", found.end);
  if (state.src.slice(found.end, lineEnd < 0 ? state.src.length : lineEnd).trim() !== "") return false;
  if (silent) return true;
  let line = startLine;
  while (line < endLine && (state.bMarks[line] ?? 0) < found.end) line += 1;
  const token = state.push("math", "div", 0);
  token.block = true;
  token.content = found.tex.replace(/^[ \t]*>[ \t]?/gm, "").trim();
  token.info = "display";
  token.map = [startLine, line];
  state.line = line;
  return true;
}

function headingAnchors(state: StateCore): void {
  const used = new Map<string, number>();
  state.tokens.forEach((token, index) => {
    if (token.type !== "heading_open") return;
    const text = (state.tokens[index + 1]?.children ?? [])
      .filter(child => child.type === "text" || child.type === "code_inline")
      .map(child => child.content)
      .join("");
    const anchor = anchorOf(text);
    const count = used.get(anchor) ?? 0;
    used.set(anchor, count + 1);
    token.attrSet("data-anchor", count === 0 ? anchor : `${anchor}-${count}`);
  });
}

/** A heading's name in an address, as Jupyter makes it: blanks become hyphens. */
export function anchorOf(heading: string): string {
  return heading.trim().replace(/\s/g, "-");
}

function taskLists(state: StateCore): void {
  state.tokens.forEach((token, index) => {
    if (token.type !== "inline" || state.tokens[index - 2]?.type !== "list_item_open") return;
    const first = token.children?.[0];
    const match = first?.type === "text" ? /^\[([ xX])\]\s+/.exec(first.content) : null;
    if (first === undefined || match === null || token.children === null) return;
    first.content = first.content.slice(match[0].length);
    const box = new state.Token("html_inline", "", 0);
    box.content = `<input type="checkbox" disabled${match[1] === " " ? "" : " checked"}> `;
    token.children.unshift(box);
    state.tokens[index - 2]?.attrSet("class", "task");
  });
}
