/** The headings of a notebook, and which of them a cell stands below. Pure. */

import type { CellView } from "../../core/model.ts";
import type { CellId } from "../../core/wire.ts";

export interface Heading {
  readonly cell: CellId;
  /** Which of the cell's headings it is, from 0. */
  readonly index: number;
  /** 1 to 6. */
  readonly level: number;
  /** As it reads: without Markdown's marks. */
  readonly text: string;
}

/** All headings of text cells, in order; code fences have none. */
export function outlineOf(
  order: readonly CellId[],
  cell: (id: CellId) => Pick<CellView, "kind" | "source">,
): readonly Heading[] {
  return order.flatMap(id => {
    const { kind, source } = cell(id);
    return kind === "markdown" && source.includes("#") ? headingsIn(id, source) : [];
  });
}

function headingsIn(cell: CellId, source: string): readonly Heading[] {
  const found: Heading[] = [];
  let fence = "";
  for (const line of source.split("\n")) {
    const mark = /^\s{0,3}(`{3,}|~{3,})/.exec(line)?.[1] ?? "";
    if (fence !== "") {
      if (mark.startsWith(fence)) fence = "";
      continue;
    }
    if (mark !== "") {
      fence = mark;
      continue;
    }
    const heading = /^\s{0,3}(#{1,6})(?:\s+(.*?))?\s*$/.exec(line);
    if (heading === null) continue;
    const text = readable((heading[2] ?? "").replace(/(^|\s)#+$/, ""));
    if (text !== "") found.push({ cell, index: found.length, level: heading[1]?.length ?? 1, text });
  }
  return found;
}

/** The heading that a cell stands below; -1: it stands above the first one. */
export function sectionOf(id: CellId | null, headings: readonly Heading[], order: readonly CellId[]): number {
  const at = id === null ? -1 : order.indexOf(id);
  const places = new Map(order.map((one, index) => [one, index]));
  // Of a cell with several headings, the first: that is where its top is.
  const last = headings.findLastIndex(heading => (places.get(heading.cell) ?? 0) < at);
  const own = headings.findIndex(heading => heading.cell === id);
  return own >= 0 ? own : last;
}

function readable(text: string): string {
  return text
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/<[^>]*>/g, "")
    .replace(/(\*\*|__|\*|`|~~)(?=\S)(.+?)(?<=\S)\1/g, "$2")
    .replace(/\\([\\`*_{}[\]()#+.!-])/g, "$1")
    .trim();
}
