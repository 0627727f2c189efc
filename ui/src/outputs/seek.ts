/** Finding in outputs: what they say, and where that stands in the page. A chunk of its own, for who looks for something. */

import type { Output } from "../core/wire.ts";
import { stripAnsi } from "./ansi.ts";
import { chooseMime, textOf } from "./mime.ts";
import { parseAside } from "./parse.ts";

const known = new WeakMap<Output, string>();

/** What outputs say, one below the other. What runs in a frame or lies in a blob is not in it. */
export function wordsOf(outputs: readonly Output[]): string {
  return outputs.map(wordsOfOne).join("\n");
}

function wordsOfOne(output: Output): string {
  const words = known.get(output) ?? readWords(output);
  known.set(output, words);
  return words;
}

function readWords(output: Output): string {
  if (output.output_type === "stream") return stripAnsi(output.head + output.text);
  if (output.output_type === "error") {
    return stripAnsi([`${output.ename}: ${output.evalue}`, ...output.traceback].join("\n"));
  }
  const chosen = chooseMime(output);
  if (!("value" in chosen)) return "";
  switch (chosen.family) {
    case "html":
      return wordsOfHtml(textOf(chosen.value));
    case "markdown":
    case "text":
    case "json":
      return stripAnsi(textOf(chosen.value));
    default:
      return "";
  }
}

function wordsOfHtml(html: string): string {
  const parsed = parseAside(html);
  for (const element of parsed.querySelectorAll("style, script, template")) element.remove();
  return parsed.textContent ?? "";
}

/** Where a match stands in what is drawn: the one of this number, or the last when fewer are drawn. */
export function rangeOf(box: Element, query: string, index: number): Range | null {
  const ranges = rootsIn(box).flatMap(root => rangesIn(root, query));
  return ranges[Math.min(index, ranges.length - 1)] ?? null;
}

/** The box, and what HTML outputs in it keep to themselves. */
function rootsIn(box: Element): readonly (Element | ShadowRoot)[] {
  const shadows = [...box.querySelectorAll("*")].map(element => element.shadowRoot);
  return [box, ...shadows.filter(root => root !== null)];
}

function rangesIn(root: Element | ShadowRoot, query: string): readonly Range[] {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const nodes: { readonly node: Node; readonly from: number }[] = [];
  let text = "";
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    nodes.push({ node, from: text.length });
    text += node.nodeValue ?? "";
  }
  const searched = foldedFor(query, text);
  const placeAt = (offset: number) => nodes.findLast(({ from }) => from <= offset);
  const ranges: Range[] = [];
  for (let at = searched.indexOf(query); at >= 0; at = searched.indexOf(query, at + query.length)) {
    const [start, end] = [placeAt(at), placeAt(at + query.length - 1)];
    if (start === undefined || end === undefined) break;
    const range = document.createRange();
    range.setStart(start.node, at - start.from);
    range.setEnd(end.node, at + query.length - end.from);
    ranges.push(range);
  }
  return ranges;
}

/** Capitals count only when the query has some; lower case may be longer (İ), and then they always do. */
function foldedFor(query: string, text: string): string {
  const lower = text.toLowerCase();
  return query === query.toLowerCase() && lower.length === text.length ? lower : text;
}

const MARK = "carnet-found";

/** Mark a match as found, and nothing else; null: nothing. Where the browser cannot, it is only scrolled to. */
export function mark(range: Range | null): void {
  if (!("highlights" in CSS)) return;
  if (range === null) CSS.highlights.delete(MARK);
  else CSS.highlights.set(MARK, new Highlight(range));
}

/** Bring a match into the middle of the screen, and of what scrolls around it. */
export function scrollTo(range: Range): void {
  for (let element = elementOf(range.startContainer); element !== null; element = parentOf(element)) {
    if (element.scrollHeight <= element.clientHeight + 1 || element === document.scrollingElement) continue;
    if (!/auto|scroll/.test(getComputedStyle(element).overflowY)) continue;
    const [inner, outer] = [range.getBoundingClientRect(), element.getBoundingClientRect()];
    if (inner.top < outer.top || inner.bottom > outer.bottom)
      element.scrollTop += inner.top - outer.top - element.clientHeight / 2;
  }
  window.scrollBy({ top: range.getBoundingClientRect().top - window.innerHeight / 2 });
}

function elementOf(node: Node): Element | null {
  return node instanceof Element ? node : node.parentElement;
}

function parentOf(element: Element): Element | null {
  const root = element.getRootNode();
  return element.parentElement ?? (root instanceof ShadowRoot ? root.host : null);
}
