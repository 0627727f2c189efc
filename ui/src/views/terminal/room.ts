/**
 * How many characters have room in a terminal's window.
 *
 * In place of xterm.js's own fit addon, which divides by the width of a cell as it is
 * drawn now: that is rounded over the columns there are, so the answer depended on the
 * size before, and a page that was loaded again had a column more or less than it had.
 * Here a cell is measured as xterm.js measures it, and nothing of it is rounded.
 */

/** Of one character, in CSS pixels. */
export interface Cell {
  readonly width: number;
  readonly height: number;
}

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** What xterm.js keeps free at the right for its scroll bar. */
const SCROLLBAR_PX = 14;
/** What a shell can live with. */
const LEAST: TerminalSize = { rows: 1, columns: 2 };

/** `lineHeight`: as xterm.js has it, in heights of the font. Null where nothing can be measured. */
export function measureCell(
  fontFamily: string,
  fontSize: number,
  lineHeight: number,
  pixelRatio: number,
): Cell | null {
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  if (context === null) return null;
  context.font = `${fontSize}px ${fontFamily}`;
  const { width, fontBoundingBoxAscent, fontBoundingBoxDescent } = context.measureText("W");
  const heightPx = Math.ceil((fontBoundingBoxAscent + fontBoundingBoxDescent) * pixelRatio);
  return { width, height: Math.floor(heightPx * lineHeight) / pixelRatio };
}

/** `width` and `height`: inside the padding, in CSS pixels. */
export function sizeIn(width: number, height: number, cell: Cell): TerminalSize {
  return {
    rows: Math.max(LEAST.rows, Math.floor(height / cell.height)),
    columns: Math.max(LEAST.columns, Math.floor((width - SCROLLBAR_PX) / cell.width)),
  };
}
