/** Where a text stands in many sources. Pure. Capitals count only when the query has some. */

export interface Found<Id> {
  readonly id: Id;
  /** UTF-16 offsets in the cell's source. */
  readonly from: number;
  readonly to: number;
}

const MOST = 5000;

export function findAll<Id>(
  query: string,
  order: readonly Id[],
  sourceOf: (id: Id) => string,
): readonly Found<Id>[] {
  if (query === "") return [];
  const exact = query !== query.toLowerCase();
  const found: Found<Id>[] = [];
  for (const id of order) {
    const source = sourceOf(id);
    const text = exact ? source : source.toLowerCase();
    // Lower case may be longer than the original (İ): then offsets would be wrong.
    const safe = text.length === source.length ? text : source;
    for (let from = safe.indexOf(query); from >= 0; from = safe.indexOf(query, from + query.length)) {
      found.push({ id, from, to: from + query.length });
      if (found.length >= MOST) return found;
    }
  }
  return found;
}
