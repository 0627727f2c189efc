/** Headings of text cells: which sections are folded away, and where an address points. Pure. */

import type { CellView } from "../../core/model.ts";
import type { CellId } from "../../core/wire.ts";

/** 1 to 6 when the cell is text that begins with a heading; else 0. */
export function headingLevel(cell: Pick<CellView, "kind" | "source">): number {
  if (cell.kind !== "markdown") return 0;
  return /^\s{0,3}(#{1,6})(\s|$)/.exec(cell.source)?.[1]?.length ?? 0;
}

/** The cells that no folded heading above hides. */
export function visibleCells(
  order: readonly CellId[],
  folded: ReadonlySet<CellId>,
  cell: (id: CellId) => Pick<CellView, "kind" | "source">,
): readonly CellId[] {
  if (folded.size === 0) return order;
  let hidden = 0;
  return order.filter(id => {
    const level = headingLevel(cell(id));
    if (hidden > 0 && (level === 0 || level > hidden)) return false;
    hidden = level > 0 && folded.has(id) ? level : 0;
    return true;
  });
}

/** How many cells a folded heading hides. */
export function hiddenBelow(
  id: CellId,
  order: readonly CellId[],
  cell: (id: CellId) => Pick<CellView, "kind" | "source">,
): number {
  const at = order.indexOf(id);
  const own = headingLevel(cell(id));
  let hidden = 0;
  for (const below of order.slice(at + 1)) {
    const level = headingLevel(cell(below));
    if (level > 0 && level <= own) break;
    hidden += 1;
  }
  return hidden;
}

/** The cell that has a heading of this name, as it stands in an address. */
export function cellWithHeading(
  anchor: string,
  order: readonly CellId[],
  cell: (id: CellId) => Pick<CellView, "kind" | "source">,
): CellId | undefined {
  const wanted = normal(anchor);
  return order.find(id => {
    const { kind, source } = cell(id);
    if (kind !== "markdown") return false;
    return [...source.matchAll(/^\s{0,3}#{1,6}\s+(.*?)\s*#*\s*$/gm)].some(
      match => normal(match[1] ?? "") === wanted,
    );
  });
}

function normal(text: string): string {
  return text.replace(/[*_`]/g, "").trim().replace(/\s/g, "-").toLocaleLowerCase();
}
