/**
 * What this tab asked for and the server has not yet decided: the client's side of intents.
 *
 * The page shows what is confirmed with these on top. Each item is one numbered
 * intent, in order. Typing is composed into an item until that item is sent;
 * then it is sealed, and later typing goes into the next (IN4: at most one
 * unacknowledged source change for each cell). What others did comes first, and
 * every pending change is mapped over it.
 *
 * No timers, no storage, no link: `store.ts` and the link drive it.
 * Rules PN1 to PN6: docs/specs/link-page.md.
 */

import { ChangeSet } from "@codemirror/state";
import type { LocalEdit } from "./model.ts";
import { deleteIds, insertIds, moveIds, type Removed, restoreId } from "./shape.ts";
import { newCellState, removedOf, withAttachments, withKind, withMetadata, withoutOutputs } from "./state.ts";
import { applyTo, diff, inverse, sameChange, toJson } from "./text.ts";
import type { Binned, CellEdit, CellId, CellState, IntentBody } from "./wire.ts";

/** Everything but edits: sent as it is. */
export type PlainIntent = Exclude<IntentBody, { readonly intent: "edit" }>;

/** An edit in the outbox. `changes` is for what the page showed when it was made, mapped ever since. */
type PendingEdit =
  | Exclude<LocalEdit, { readonly op: "change-source" }>
  | { readonly op: "change-source"; readonly cellId: CellId; changes: ChangeSet };

export interface Item {
  readonly number: number;
  readonly edits: readonly PendingEdit[];
  /** Null: the edits are the intent. */
  readonly intent: PlainIntent | null;
  /** Cells it shows differently. */
  readonly cells: ReadonlySet<CellId>;
  /** It was sent at least once: its content does not change any more, only its base may. */
  sealed: boolean;
  /** As it goes on the wire; null: not to be sent yet. */
  body: IntentBody | null;
}

/** One intent on its way. */
export interface Outgoing {
  readonly number: number;
  readonly body: IntentBody;
}

/** What is pending as it is kept for another tab, should this one die. */
export interface StoredItem {
  readonly number: number;
  /** It may have reached the server. */
  readonly sealed: boolean;
  readonly body: IntentBody;
  /** For each changed source, the text that the change is for. */
  readonly texts: Readonly<Record<CellId, string>>;
}

/** Where confirmed cells are found. */
export interface Confirmed {
  readonly cells: ReadonlyMap<CellId, CellState>;
  readonly bin: readonly Binned[];
  readonly order: readonly CellId[];
}

export class Pending {
  readonly items: Item[] = [];
  #next: number;

  constructor(first = 1) {
    this.#next = first;
  }

  /** How many wait; what was set in a widget is no work that could be lost. */
  get count(): number {
    return this.items.filter(({ intent }) => intent?.intent !== "send-comm").length;
  }

  /** Add edits that happen together; returns the item. */
  addEdits(edits: readonly LocalEdit[]): Item {
    return this.#push(together(edits), null);
  }

  addIntent(intent: PlainIntent): Item {
    return this.#push([], intent);
  }

  /** Add typing: composed into an item that is not sent yet when nothing stands between. Returns that item. */
  type(cellId: CellId, changes: ChangeSet): Item {
    for (const item of this.items.toReversed()) {
      const edit = item.edits[0];
      if (item.sealed || item.edits.length !== 1 || edit?.op !== "change-source") break;
      if (edit.cellId !== cellId) continue;
      edit.changes = edit.changes.compose(changes);
      return item;
    }
    return this.#push([{ op: "change-source", cellId, changes }], null);
  }

  /** Map what is pending over a change of someone else; returns the change for what the page shows. */
  receive(cellId: CellId, changes: ChangeSet): ChangeSet {
    return mapOver(this.#changesOf(cellId), changes);
  }

  /**
   * Take an intent away that the server decided.
   *
   * `confirmed` maps each cell it changed to its text before the decision, and
   * `decided` to what the server made of the change (mapped by the server, which
   * gives what we have, or by another way, or not at all since the cell is gone).
   * Returns the changes for what the page shows; usually none.
   */
  settle(
    number: number,
    confirmed: (cellId: CellId) => string | undefined,
    decided: ReadonlyMap<CellId, ChangeSet>,
  ): ReadonlyMap<CellId, ChangeSet> {
    const shown = new Map<CellId, ChangeSet>();
    const index = this.items.findIndex(item => item.number === number);
    const item = this.items[index];
    const theirs = new Map(decided);
    if (item !== undefined) {
      for (const edit of item.edits) {
        if (edit.op !== "change-source") continue;
        const before = this.#textAt(index, edit.cellId, confirmed);
        const server = theirs.get(edit.cellId);
        theirs.delete(edit.cellId);
        if (before === undefined || (server !== undefined && sameChange(server, edit.changes))) continue;
        const after = applyTo(edit.changes, before);
        const wanted = server === undefined ? before : applyOr(server, before);
        const correction = diff(after, wanted);
        shown.set(edit.cellId, mapOver(this.#changesOf(edit.cellId, index + 1), correction));
      }
      this.items.splice(index, 1);
    }
    for (const [cellId, changes] of theirs) shown.set(cellId, this.receive(cellId, changes));
    return shown;
  }

  /** Numbers of all items up to and with this one: when it is decided, so are they. */
  upTo(number: number): readonly number[] {
    return this.items.filter(item => item.number <= number).map(item => item.number);
  }

  /**
   * Ask again for what was refused (the server knew its base no more), with the base the cells have now.
   *
   * Call it before the item is settled. `decided`: no number up to this one can carry it.
   * `confirmed` gives each cell's text before any item.
   */
  again(number: number, decided: number, confirmed: (cellId: CellId) => string | undefined): void {
    const index = this.items.findIndex(one => one.number === number);
    const item = this.items[index];
    if (item === undefined) return;
    const left: PendingEdit[] = [];
    for (const edit of item.edits) {
      if (edit.op !== "change-source") {
        left.push(edit);
        continue;
      }
      const text = this.#textAt(index, edit.cellId, confirmed);
      const changes = this.#takeOut(item, edit, decided, text);
      if (changes !== null) left.push({ op: "change-source", cellId: edit.cellId, changes });
    }
    if (left.length > 0) this.#push(left, item.intent);
  }

  /** Make `edit` do nothing; return its change as it applies after all others, or null when a later one took it up. */
  #takeOut(
    item: Item,
    edit: { readonly cellId: CellId; changes: ChangeSet },
    decided: number,
    before: string | undefined,
  ): ChangeSet | null {
    let changes = edit.changes;
    let text = before;
    if (text === undefined || text.length !== changes.length) return null;
    edit.changes = ChangeSet.empty(text.length);
    for (const later of this.items.slice(this.items.indexOf(item) + 1)) {
      for (const other of later.edits) {
        if (other.op !== "change-source" || other.cellId !== edit.cellId) continue;
        if (later.number > decided) {
          other.changes = changes.compose(other.changes);
          return null;
        }
        // They change places: first the other one, as it is without this one.
        const alone: ChangeSet = other.changes.map(inverse(changes, text));
        changes = changes.map(alone);
        other.changes = alone;
        text = applyTo(alone, text);
      }
    }
    return changes;
  }

  /**
   * A fresh snapshot: what is decided goes, the rest is mapped over the difference.
   *
   * Of what is decided, what was refused is asked for again. What was sent stays as it was sent (LK10), but
   * in another journal its base means nothing. `before` and `after` give a cell's confirmed text.
   */
  rebase(
    decisions: {
      readonly numbered: number;
      readonly refused: readonly number[];
      readonly sameJournal: boolean;
    },
    before: (cellId: CellId) => string | undefined,
    after: (cellId: CellId) => string | undefined,
  ): void {
    const { numbered, refused, sameJournal } = decisions;
    for (const number of refused) this.again(number, numbered, before);
    const cellIds = new Set(this.items.flatMap(item => [...item.cells]));
    const texts = new Map<CellId, string | undefined>();
    const decided = this.items.filter(item => item.number <= numbered);
    for (const cellId of cellIds) texts.set(cellId, this.#textAt(decided.length, cellId, before));
    this.items.splice(0, decided.length);
    for (const [cellId, text] of texts) {
      const now = after(cellId);
      if (text === undefined || now === undefined) continue;
      const pending = this.#changesOf(cellId);
      // It had arrived, though the journal that said so is gone: the text is ours already.
      const mine = pending.reduce((current, edit) => applyTo(edit.changes, current), text);
      if (pending.length > 0 && mine === now && text !== now) {
        for (const edit of pending) edit.changes = ChangeSet.empty(now.length);
        continue;
      }
      mapOver(pending, diff(text, now));
    }
    if (!sameJournal) for (const item of this.items) item.body = null;
  }

  /** The link is new: everything undecided may go again, in order, with the same numbers. */
  unsent(): readonly Outgoing[] {
    return this.items.flatMap(({ number, body }) => (body === null ? [] : [{ number, body }]));
  }

  /** Seal and return what may be sent now, in order. `versionOf`: a cell's confirmed version. */
  take(versionOf: (cellId: CellId) => number): readonly Outgoing[] {
    const outgoing: Outgoing[] = [];
    const busy = new Set<CellId>();
    for (const item of this.items) {
      const changed = item.edits.flatMap(edit => (edit.op === "change-source" ? [edit.cellId] : []));
      if (item.body === null) {
        if (changed.some(cellId => busy.has(cellId))) break;
        item.body = bodyOf(item, versionOf);
        item.sealed = true;
        outgoing.push({ number: item.number, body: item.body });
      }
      for (const cellId of changed) busy.add(cellId);
    }
    return outgoing;
  }

  /** What to keep for another tab. `confirmed`: a cell's confirmed text. */
  stored(
    item: Item,
    confirmed: (cellId: CellId) => string | undefined,
    versionOf: (cellId: CellId) => number,
  ): StoredItem {
    const texts: Record<CellId, string> = {};
    const index = this.items.indexOf(item);
    for (const edit of item.edits) {
      if (edit.op !== "change-source") continue;
      const text = this.#textAt(index, edit.cellId, confirmed);
      if (text !== undefined) texts[edit.cellId] = text;
    }
    return { number: item.number, sealed: item.sealed, body: item.body ?? bodyOf(item, versionOf), texts };
  }

  /** A cell as the page shows it: confirmed, with what is pending on top. */
  overlay(id: CellId, confirmed: Confirmed): CellState | undefined {
    let state = confirmed.cells.get(id);
    for (const item of this.items) {
      if (!item.cells.has(id)) continue;
      for (const edit of item.edits) state = overlayEdit(state, edit, id, confirmed.bin);
    }
    return state;
  }

  /** Whether something pending concerns the cell. */
  concerns(id: CellId): boolean {
    return this.items.some(item => item.cells.has(id));
  }

  /** Whether a run of the cell was asked for and is not confirmed. */
  asksRun(id: CellId): boolean {
    return this.items.some(({ intent }) => intent !== null && runsOf(intent).includes(id));
  }

  /** The order as the page shows it. */
  order(confirmed: Confirmed): readonly CellId[] {
    let order = confirmed.order;
    const removed: Removed[] = [...removedOf(confirmed.bin)];
    for (const item of this.items) {
      for (const edit of item.edits) order = reorder(order, edit, removed);
    }
    return order;
  }

  #push(edits: readonly PendingEdit[], intent: PlainIntent | null): Item {
    const cells = new Set([...edits.flatMap(cellsOf), ...(intent === null ? [] : runsOf(intent))]);
    const item: Item = { number: this.#next, edits, intent, cells, sealed: false, body: null };
    this.#next += 1;
    this.items.push(item);
    return item;
  }

  #changesOf(cellId: CellId, from = 0): readonly { changes: ChangeSet }[] {
    return this.items
      .slice(from)
      .flatMap(item => item.edits)
      .filter(edit => edit.op === "change-source")
      .filter(edit => edit.cellId === cellId);
  }

  /** The cell's text with the items before `index` on top of what is confirmed. */
  #textAt(
    index: number,
    cellId: CellId,
    confirmed: (cellId: CellId) => string | undefined,
  ): string | undefined {
    let text = confirmed(cellId);
    for (const item of this.items.slice(0, index)) {
      for (const edit of item.edits) {
        if (edit.op === "insert-cells") text ??= edit.cells.find(cell => cell.id === cellId)?.source;
        if (edit.op !== "change-source" || edit.cellId !== cellId || text === undefined) continue;
        text = applyTo(edit.changes, text);
      }
    }
    return text;
  }
}

/** Map each change over `changes`, theirs first; returns `changes` as it applies after all of them. */
function mapOver(pending: readonly { changes: ChangeSet }[], changes: ChangeSet): ChangeSet {
  let theirs = changes;
  for (const edit of pending) {
    const ours = edit.changes;
    edit.changes = ours.map(theirs);
    theirs = theirs.map(ours, true);
  }
  return theirs;
}

function applyOr(changes: ChangeSet, text: string): string {
  return changes.length === text.length ? applyTo(changes, text) : text;
}

/** Several changes to one source become one, since they share a base. */
export function together(edits: readonly LocalEdit[]): readonly PendingEdit[] {
  const result: PendingEdit[] = [];
  for (const edit of edits) {
    const earlier =
      edit.op === "change-source"
        ? result.filter(one => one.op === "change-source").find(one => one.cellId === edit.cellId)
        : undefined;
    if (edit.op === "change-source" && earlier !== undefined) {
      earlier.changes = earlier.changes.compose(edit.changes);
    } else result.push(copyEdit(edit));
  }
  return result;
}

function copyEdit(edit: LocalEdit | PendingEdit): PendingEdit {
  return edit.op === "change-source" ? { ...edit } : edit;
}

function bodyOf(item: Item, versionOf: (cellId: CellId) => number): IntentBody {
  if (item.intent !== null) return item.intent;
  const edits = item.edits.map((edit): CellEdit => {
    if (edit.op !== "change-source") return edit;
    return {
      op: "change-source-from",
      cell_id: edit.cellId,
      base: versionOf(edit.cellId),
      changes: toJson(edit.changes),
    };
  });
  return { intent: "edit", edits };
}

function cellsOf(edit: PendingEdit): readonly CellId[] {
  switch (edit.op) {
    case "insert-cells":
      return edit.cells.map(cell => cell.id);
    case "delete-cells":
    case "restore-cells":
    case "move-cells":
    case "clear-outputs":
      return edit.cell_ids;
    case "change-source":
      return [edit.cellId];
    case "set-kind":
    case "set-cell-metadata":
    case "set-attachments":
      return [edit.cell_id];
    case "set-metadata":
      return [];
  }
}

function runsOf(intent: PlainIntent): readonly CellId[] {
  if (intent.intent !== "run-cells" && intent.intent !== "restart-kernel") return [];
  return intent.runs.map(run => run.cell_id);
}

function overlayEdit(
  state: CellState | undefined,
  edit: PendingEdit,
  id: CellId,
  bin: readonly Binned[],
): CellState | undefined {
  if (edit.op === "insert-cells") {
    const cell = edit.cells.find(one => one.id === id);
    return state ?? (cell === undefined ? undefined : newCellState(cell));
  }
  if (edit.op === "restore-cells") {
    return state ?? bin.findLast(binned => binned.state.cell.id === id)?.state;
  }
  if (state === undefined || !cellsOf(edit).includes(id)) return state;
  switch (edit.op) {
    case "change-source":
      return { ...state, cell: { ...state.cell, source: applyOr(edit.changes, state.cell.source) } };
    case "set-kind":
      return withKind(state, edit.kind);
    case "set-cell-metadata":
      return withMetadata(state, edit.set, edit.remove);
    case "set-attachments":
      return withAttachments(state, edit.attachments);
    case "clear-outputs":
      return withoutOutputs(state);
    case "delete-cells":
    case "move-cells":
    case "set-metadata":
      return state;
  }
}

/** `removed` is the bin so far; what is deleted here is added to it. */
function reorder(order: readonly CellId[], edit: PendingEdit, removed: Removed[]): readonly CellId[] {
  switch (edit.op) {
    case "insert-cells":
      return insertIds(
        order,
        edit.after,
        edit.cells.map(cell => cell.id),
      );
    case "delete-cells": {
      const done = deleteIds(order, edit.cell_ids);
      removed.push(...done.removed);
      return done.order;
    }
    case "restore-cells":
      return edit.cell_ids.reduce((current, id) => {
        const found = removed.findLast(one => one.id === id);
        return found === undefined ? current : restoreId(current, id, found.after, removed);
      }, order);
    case "move-cells":
      return moveIds(order, edit.cell_ids, edit.after);
    default:
      return order;
  }
}
