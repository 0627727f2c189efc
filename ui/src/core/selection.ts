/**
 * Which cells are selected, and whether keys edit text or act on cells.
 *
 * A selection is a range between two cells, named by id, so that it survives
 * what others insert, move and delete. Pure.
 */

import type { CellId } from "./wire.ts";

export type Mode = "command" | "edit";

export interface Selection {
  readonly mode: Mode;
  /** Where the range was begun. Equal to `active` when one cell is selected. */
  readonly anchor: CellId | null;
  /** The cell that has the focus. Null only in a notebook without cells. */
  readonly active: CellId | null;
}

export const NOTHING: Selection = { mode: "command", anchor: null, active: null };

/** Select one cell. */
export function only(id: CellId | null, mode: Mode = "command"): Selection {
  return { mode, anchor: id, active: id };
}

/** Return the selected cells from top to bottom. */
export function selectedIds(selection: Selection, order: readonly CellId[]): readonly CellId[] {
  const { from, to } = selectedRange(selection, order);
  return order.slice(from, to);
}

/** Return the selected stretch of `order`, `to` exclusive; an empty one when nothing is selected. */
export function selectedRange(
  selection: Selection,
  order: readonly CellId[],
): { readonly from: number; readonly to: number } {
  if (selection.active === null) return { from: 0, to: 0 };
  const active = order.indexOf(selection.active);
  if (active < 0) return { from: 0, to: 0 };
  const found =
    selection.anchor === null || selection.anchor === selection.active
      ? active
      : order.indexOf(selection.anchor);
  const anchor = found < 0 ? active : found;
  return { from: Math.min(active, anchor), to: Math.max(active, anchor) + 1 };
}

/** Move the focus by `by` cells (clamped), dropping the range, or extending it. */
export function step(
  selection: Selection,
  order: readonly CellId[],
  by: number,
  options: { readonly extend: boolean } = { extend: false },
): Selection {
  if (order.length === 0) return NOTHING;
  const index = selection.active === null ? -1 : order.indexOf(selection.active);
  const target = index < 0 ? 0 : Math.min(order.length - 1, Math.max(0, index + by));
  const active = order[target] ?? null;
  return { mode: "command", active, anchor: options.extend ? (selection.anchor ?? active) : active };
}

/**
 * Return the selection after the order changed.
 *
 * A cell that is gone is replaced by what stands where it stood: the next one
 * that is left below it, else the last one above it.
 */
export function survive(
  selection: Selection,
  before: readonly CellId[],
  after: readonly CellId[],
): Selection {
  if (selection.active === null) return after.length === 0 ? selection : only(after[0] ?? null);
  const left = new Set(after);
  if (left.has(selection.active) && (selection.anchor === null || left.has(selection.anchor)))
    return selection;
  if (left.has(selection.active)) return { ...selection, anchor: selection.active };
  const neighbour = nearest(selection.active, before, left);
  return only(neighbour ?? after[0] ?? null);
}

function nearest(gone: CellId, before: readonly CellId[], left: ReadonlySet<CellId>): CellId | undefined {
  const index = before.indexOf(gone);
  if (index < 0) return undefined;
  for (let below = index + 1; below < before.length; below += 1) {
    const id = before[below];
    if (id !== undefined && left.has(id)) return id;
  }
  for (let above = index - 1; above >= 0; above -= 1) {
    const id = before[above];
    if (id !== undefined && left.has(id)) return id;
  }
  return undefined;
}
