/** What commands do to cells, as edits: split, merge, paste, headings. Pure. */

import { ChangeSet } from "@codemirror/state";
import { newCell } from "../core/clipboard.ts";
import type { CellView, LocalEdit, SourceEdit } from "../core/model.ts";
import { replacing } from "../core/text.ts";
import type { Cell, CellId } from "../core/wire.ts";

/** A whole cell, as it goes on the clipboard. */
export function cellOf(view: CellView): Cell {
  return {
    ...newCell(view.kind, view.id, view.source),
    metadata: view.metadata,
    outputs: view.outputs,
    execution_count: view.executionCount,
    attachments: view.attachments,
  };
}

/** What follows `at` goes to a new cell below. One line feed at the seam goes; outputs stay above. */
export function splitEdits(cell: CellView, at: number, newId: CellId): readonly LocalEdit[] {
  const { source } = cell;
  const end = at > 0 && source[at - 1] === "\n" ? at - 1 : at;
  const start = end === at && source[at] === "\n" ? at + 1 : at;
  const below = { ...newCell(cell.kind, newId, source.slice(start)), metadata: cell.metadata };
  const attachments = cell.attachments;
  return [
    { op: "change-source", cellId: cell.id, changes: replacing(source.length, end, source.length, "") },
    { op: "insert-cells", after: cell.id, cells: [attachments === null ? below : { ...below, attachments }] },
  ];
}

/** The first cell takes up the text of all others, which go. */
export function mergeEdits(cells: readonly CellView[]): readonly LocalEdit[] {
  const [first, ...others] = cells;
  if (first === undefined || others.length === 0) return [];
  const between = first.kind === "code" ? "\n" : "\n\n";
  const added = others.map(cell => between + cell.source).join("");
  const { length } = first.source;
  const edits: LocalEdit[] = [
    { op: "change-source", cellId: first.id, changes: replacing(length, length, length, added) },
  ];
  const attachments = Object.assign({}, ...cells.map(cell => cell.attachments ?? {}));
  if (first.kind !== "code" && Object.keys(attachments).length > 0) {
    edits.push({ op: "set-attachments", cell_id: first.id, attachments });
  }
  return [...edits, { op: "delete-cells", cell_ids: others.map(cell => cell.id) }];
}

/** Make the first line a heading of this level. */
export function headingEdit(cell: CellView, level: number): SourceEdit {
  const found = /^#{1,6}[ \t]*/.exec(cell.source)?.[0].length ?? 0;
  const changes = replacing(cell.source.length, 0, found, `${"#".repeat(level)} `);
  return { op: "change-source", cellId: cell.id, changes };
}

/** Replace a whole source. */
export function sourceEdit(cell: CellView, source: string): SourceEdit {
  const changes =
    cell.source === source
      ? ChangeSet.empty(source.length)
      : replacing(cell.source.length, 0, cell.source.length, source);
  return { op: "change-source", cellId: cell.id, changes };
}

/** Level of the heading a Markdown cell begins with; 0: none. */
export function headingLevelOf(cell: CellView): number {
  return cell.kind === "markdown" ? (/^ {0,3}(#{1,6})(?:[ \t]|$)/.exec(cell.source)?.[1]?.length ?? 0) : 0;
}
