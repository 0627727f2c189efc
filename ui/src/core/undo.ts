/**
 * Undo and redo of what is done to cells: insert, delete, move, split, merge, kind, metadata.
 *
 * Each step is kept as the edits that take it back. A source change in a step
 * (split, merge) is mapped over all that is typed afterwards, by anyone. What is
 * typed inside an editor is the editor's own to undo. Outputs that went cannot
 * come back, so clearing them is no step.
 */

import type { ChangeSet } from "@codemirror/state";
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals-core";
import type { LocalEdit } from "./model.ts";
import { inverse } from "./text.ts";
import type { CellId, CellState, Json } from "./wire.ts";

const LIMIT = 200;

/** What the page shows when a step is made. */
export interface Shown {
  readonly order: readonly CellId[];
  readonly metadata: Readonly<Record<string, Json>>;
  cell(id: CellId): CellState | undefined;
}

interface Step {
  edits: readonly LocalEdit[];
}

export class UndoStack {
  readonly #done = signal<readonly Step[]>([]);
  readonly #undone = signal<readonly Step[]>([]);
  readonly canUndo: ReadonlySignal<boolean> = computed(() => this.#done.value.length > 0);
  readonly canRedo: ReadonlySignal<boolean> = computed(() => this.#undone.value.length > 0);

  /** Make these edits with `perform`, and remember how to take them back. `shown` is what they are made on. */
  make(edits: readonly LocalEdit[], shown: Shown, perform: (edits: readonly LocalEdit[]) => void): void {
    const back = inverseOf(edits, shown);
    // Steps before this one are mapped over it, this one is not: so it is pushed last.
    perform(edits);
    if (back.length === 0) return;
    this.#done.value = [...this.#done.peek(), { edits: back }].slice(-LIMIT);
    this.#undone.value = [];
  }

  /** Take the last step back. */
  undo(shown: Shown, perform: (edits: readonly LocalEdit[]) => void): void {
    this.#turn(this.#done, this.#undone, shown, perform);
  }

  /** Make the last step that was taken back again. */
  redo(shown: Shown, perform: (edits: readonly LocalEdit[]) => void): void {
    this.#turn(this.#undone, this.#done, shown, perform);
  }

  #turn(
    from: Signal<readonly Step[]>,
    to: Signal<readonly Step[]>,
    shown: Shown,
    perform: (edits: readonly LocalEdit[]) => void,
  ): void {
    const step = from.peek().at(-1);
    if (step === undefined) return;
    from.value = from.peek().slice(0, -1);
    // An insert that is taken back comes again from the bin, with what was typed in it.
    const opposite = inverseOf(step.edits, shown);
    perform(step.edits);
    if (opposite.length > 0) to.value = [...to.peek(), { edits: opposite }];
  }

  /** A source changed: steps keep their place in it. */
  mapSource(id: CellId, changes: ChangeSet): void {
    for (const step of [...this.#done.peek(), ...this.#undone.peek()]) {
      if (!step.edits.some(edit => edit.op === "change-source" && edit.cellId === id)) continue;
      step.edits = step.edits.flatMap(edit => {
        if (edit.op !== "change-source" || edit.cellId !== id) return [edit];
        return edit.changes.length === changes.length
          ? [{ ...edit, changes: edit.changes.map(changes) }]
          : [];
      });
    }
  }
}

/** Return what takes the edits back, the last one first. */
function inverseOf(edits: readonly LocalEdit[], shown: Shown): readonly LocalEdit[] {
  const back: LocalEdit[] = [];
  // Of several changes to one source, each is for the text after those before it.
  const texts = new Map<CellId, string>();
  for (const edit of edits) back.unshift(...takeBack(edit, shown, texts));
  return back;
}

function takeBack(edit: LocalEdit, shown: Shown, texts: Map<CellId, string>): readonly LocalEdit[] {
  switch (edit.op) {
    case "insert-cells":
      return [{ op: "delete-cells", cell_ids: edit.cells.map(cell => cell.id) }];
    case "restore-cells":
      return [{ op: "delete-cells", cell_ids: edit.cell_ids }];
    case "delete-cells":
      return [{ op: "restore-cells", cell_ids: edit.cell_ids }];
    case "move-cells":
      return movesBack(edit.cell_ids, shown.order);
    case "change-source": {
      const text = texts.get(edit.cellId) ?? shown.cell(edit.cellId)?.cell.source;
      if (text === undefined || text.length !== edit.changes.length) return [];
      const back = inverse(edit.changes, text);
      return [{ op: "change-source", cellId: edit.cellId, changes: back }];
    }
    case "set-kind": {
      const cell = shown.cell(edit.cell_id)?.cell;
      if (cell === undefined || cell.kind === edit.kind) return [];
      const back: LocalEdit[] = [{ op: "set-kind", cell_id: edit.cell_id, kind: cell.kind }];
      if (cell.attachments !== null) {
        back.push({ op: "set-attachments", cell_id: edit.cell_id, attachments: cell.attachments });
      }
      return back;
    }
    case "set-cell-metadata": {
      const metadata = shown.cell(edit.cell_id)?.cell.metadata;
      if (metadata === undefined) return [];
      return [
        { op: "set-cell-metadata", cell_id: edit.cell_id, ...keysBack(edit.set, edit.remove, metadata) },
      ];
    }
    case "set-metadata":
      return [{ op: "set-metadata", ...keysBack(edit.set, edit.remove, shown.metadata) }];
    case "set-attachments": {
      const cell = shown.cell(edit.cell_id)?.cell;
      if (cell === undefined) return [];
      return [{ op: "set-attachments", cell_id: edit.cell_id, attachments: cell.attachments }];
    }
    case "clear-outputs":
      return [];
  }
}

/** Each stretch of moved cells goes back behind the cell that stood before it, from the top down. */
function movesBack(ids: readonly CellId[], order: readonly CellId[]): readonly LocalEdit[] {
  const moved = new Set(ids);
  const back: LocalEdit[] = [];
  let stretch: CellId[] = [];
  let before: CellId | null = null;
  for (const id of [...order, null]) {
    if (id !== null && moved.has(id)) {
      stretch.push(id);
      continue;
    }
    if (stretch.length > 0) back.push({ op: "move-cells", cell_ids: stretch, after: before });
    stretch = [];
    before = id;
  }
  return back;
}

function keysBack(
  set: Readonly<Record<string, Json>>,
  remove: readonly string[],
  before: Readonly<Record<string, Json>>,
): { readonly set: Readonly<Record<string, Json>>; readonly remove: readonly string[] } {
  const keys = [...new Set([...Object.keys(set), ...remove])];
  const old = keys.flatMap((key): [string, Json][] => {
    const value = before[key];
    return value === undefined ? [] : [[key, value]];
  });
  return { set: Object.fromEntries(old), remove: keys.filter(key => before[key] === undefined) };
}
