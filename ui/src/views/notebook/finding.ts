/** Where a text stands in many cells. Pure. Capitals count only when the query has some. */

export interface Found<Id> {
  readonly id: Id;
  /** UTF-16 offsets in the cell's source; of a match in its outputs, in what they say. */
  readonly from: number;
  readonly to: number;
  /** Of a match in the outputs: how many stand there before it. */
  readonly inOutputs?: number;
}

const MOST = 5000;

export function findAll<Id>(
  query: string,
  order: readonly Id[],
  sourceOf: (id: Id) => string,
  outputsOf: (id: Id) => string,
): readonly Found<Id>[] {
  if (query === "") return [];
  const found: Found<Id>[] = [];
  for (const id of order) {
    for (const from of placesOf(query, sourceOf(id))) found.push({ id, from, to: from + query.length });
    for (const [index, from] of placesOf(query, outputsOf(id)).entries())
      found.push({ id, from, to: from + query.length, inOutputs: index });
    if (found.length >= MOST) return found.slice(0, MOST);
  }
  return found;
}

function placesOf(query: string, text: string): readonly number[] {
  const lower = text.toLowerCase();
  // Lower case may be longer than the original (İ): then offsets would be wrong.
  const searched = query === query.toLowerCase() && lower.length === text.length ? lower : text;
  const places: number[] = [];
  for (let at = searched.indexOf(query); at >= 0; at = searched.indexOf(query, at + query.length)) {
    places.push(at);
    if (places.length >= MOST) break;
  }
  return places;
}
