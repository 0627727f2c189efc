/**
 * The order of a notebook's cells under insert, delete, restore and move.
 *
 * Shared by what the server confirmed (`state.ts`) and by what is pending on
 * top of it (`pending.ts`), so that both place cells alike. Pure.
 */

import type { CellId } from "./wire.ts";

/** A deleted cell, and what it stood behind when it went. */
export interface Removed {
  readonly id: CellId;
  readonly after: CellId | null;
}

/** Put `ids` behind `after` (null: at the top; gone: at the end). Ids that are there already are left out. */
export function insertIds(
  order: readonly CellId[],
  after: CellId | null,
  ids: readonly CellId[],
): readonly CellId[] {
  const present = new Set(order);
  const fresh = ids.filter(id => !present.has(id) && present.add(id));
  return fresh.length === 0 ? order : withBlock(order, fresh, after);
}

/** Take `ids` out; `removed` names those that were there, from top to bottom. */
export function deleteIds(
  order: readonly CellId[],
  ids: readonly CellId[],
): { readonly order: readonly CellId[]; readonly removed: readonly Removed[] } {
  const gone = new Set(ids);
  const removed: Removed[] = [];
  let before: CellId | null = null;
  for (const id of order) {
    if (gone.has(id)) removed.push({ id, after: before });
    before = id;
  }
  return removed.length === 0 ? { order, removed } : { order: order.filter(id => !gone.has(id)), removed };
}

/** Bring one cell back: behind the cell it stood behind, or what that one stood behind when it is in the bin too. */
export function restoreId(
  order: readonly CellId[],
  id: CellId,
  after: CellId | null,
  bin: readonly Removed[],
): readonly CellId[] {
  const present = new Set(order);
  if (present.has(id)) return order;
  const seen = new Set<CellId>();
  let place = after;
  while (place !== null && !present.has(place) && !seen.has(place)) {
    seen.add(place);
    const wanted = place;
    const binned = bin.findLast(removed => removed.id === wanted);
    if (binned === undefined) break;
    place = binned.after;
  }
  return withBlock(order, [id], place);
}

/** Take `ids` out and put them, in the given order, behind `after`; nothing moves when that is gone, or one of them. */
export function moveIds(
  order: readonly CellId[],
  ids: readonly CellId[],
  after: CellId | null,
): readonly CellId[] {
  const present = new Set(order);
  const moving = new Set(ids.filter(id => present.has(id)));
  if (moving.size === 0 || (after !== null && (moving.has(after) || !present.has(after)))) return order;
  const moved = withBlock(
    order.filter(id => !moving.has(id)),
    [...moving],
    after,
  );
  return moved.every((id, index) => id === order[index]) ? order : moved;
}

function withBlock(
  order: readonly CellId[],
  block: readonly CellId[],
  after: CellId | null,
): readonly CellId[] {
  if (after === null) return [...block, ...order];
  const found = order.indexOf(after);
  const at = found < 0 ? order.length : found + 1;
  return [...order.slice(0, at), ...block, ...order.slice(at)];
}
