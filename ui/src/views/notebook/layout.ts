/**
 * Which cells are in the page: those near the screen, and the one with the focus. Pure.
 *
 * Heights of cells that were never drawn are guessed; the browser's scroll anchoring keeps what is on the screen in
 * its place when a guess was wrong.
 */

export type Segment<Id> =
  | { readonly kind: "gap"; readonly height: number }
  | { readonly kind: "cell"; readonly id: Id; readonly index: number };

export interface Span {
  readonly top: number;
  readonly bottom: number;
}

/** Tops of all cells, and the end of the last one. */
export function offsetsOf<Id>(order: readonly Id[], heightOf: (id: Id) => number): Float64Array {
  const offsets = new Float64Array(order.length + 1);
  order.forEach((id, index) => {
    offsets[index + 1] = (offsets[index] ?? 0) + heightOf(id);
  });
  return offsets;
}

/** First index whose cell ends below `y`. */
export function indexAt(offsets: Float64Array, y: number): number {
  let low = 0;
  let high = Math.max(0, offsets.length - 2);
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((offsets[middle + 1] ?? 0) > y) high = middle;
    else low = middle + 1;
  }
  return low;
}

export interface Range {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

/** The cells that touch this part of the page. */
export function rangeOf(offsets: Float64Array, span: Span): Range {
  const cells = offsets.length - 1;
  if (cells <= 0) return { from: 0, to: 0 };
  return { from: indexAt(offsets, span.top), to: Math.min(cells, indexAt(offsets, span.bottom) + 1) };
}

/** Cells of the range, with `pinned` wherever it is, and gaps as high as what is left out. */
export function segmentsOf<Id>(
  order: readonly Id[],
  offsets: Float64Array,
  range: Range,
  pinned: readonly number[],
): Segment<Id>[] {
  const indices = [
    ...pinned.filter(index => index < range.from),
    ...Array.from({ length: Math.max(0, range.to - range.from) }, (_, step) => range.from + step),
    ...pinned.filter(index => index >= range.to),
  ].filter(index => index >= 0 && index < order.length);
  indices.sort((left, right) => left - right);
  const segments: Segment<Id>[] = [];
  let next = 0;
  for (const index of indices) {
    const id = order[index];
    if (id === undefined || index < next) continue;
    const gap = (offsets[index] ?? 0) - (offsets[next] ?? 0);
    if (gap > 0) segments.push({ kind: "gap", height: gap });
    segments.push({ kind: "cell", id, index });
    next = index + 1;
  }
  const end = (offsets[order.length] ?? 0) - (offsets[next] ?? 0);
  if (end > 0) segments.push({ kind: "gap", height: end });
  return segments;
}

export interface Guessed {
  readonly kind: string;
  readonly source: string;
  readonly outputs: readonly { readonly output_type: string }[];
  readonly loaded: boolean;
}

const LINE_PX = 21;

/** How high a cell that was never drawn probably is. */
export function guessHeight(cell: Guessed): number {
  if (!cell.loaded) return 96;
  let lines = 1;
  for (let at = cell.source.indexOf("\n"); at >= 0; at = cell.source.indexOf("\n", at + 1)) lines += 1;
  if (cell.kind === "markdown") return 24 + Math.ceil(lines + cell.source.length / 90) * 27;
  let height = 36 + lines * LINE_PX;
  for (const output of cell.outputs) height += output.output_type === "display_data" ? 320 : 60;
  return height;
}
