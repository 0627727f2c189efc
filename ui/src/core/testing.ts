/**
 * For tests: a small server that decides intents as `core/session` does, and clients on a bad network.
 *
 * Not part of the page: nothing but tests imports it.
 */

import type { ChangeSet } from "@codemirror/state";
import { newCell } from "./clipboard.ts";
import type { LocalEdit } from "./model.ts";
import { NotebookState, Touched } from "./state.ts";
import { NotebookStore } from "./store.ts";
import { fromJson, toJson } from "./text.ts";
import type {
  Cell,
  CellEdit,
  CellId,
  CellState,
  ClientId,
  Entry,
  IntentBody,
  Operation,
  Refusal,
  SessionView,
  Snapshot,
} from "./wire.ts";

/** Numbers from 0 to 1, the same for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export function aCell(id: CellId, source = "", kind: Cell["kind"] = "code"): Cell {
  return newCell(kind, id, source);
}

export function aCellState(id: CellId, source = ""): CellState {
  return {
    cell: aCell(id, source),
    version: 0,
    last: null,
    clear_pending: false,
    old_outputs: false,
    foreign: false,
    input: null,
  };
}

export function aView(sources: Readonly<Record<CellId, string>>, journalId = "j1"): SessionView {
  const state = new NotebookState();
  const view = state.toView();
  const cells = Object.fromEntries(
    Object.entries(sources).map(([id, source]) => [id, aCellState(id, source)]),
  );
  return { ...view, journal_id: journalId, path: "a.ipynb", order: Object.keys(sources), cells };
}

export function aSnapshot(session: SessionView, numbered = 0, refused: readonly number[] = []): Snapshot {
  return { frame: "snapshot", follow: 1, session, more: false, numbered, refused, writable: true };
}

/** Decides intents, keeps all entries. `changesLimit`: source changes it can still map over. */
export class ModelServer {
  state: NotebookState;
  readonly entries: Entry[] = [];
  readonly decided = new Map<ClientId, number>();
  readonly refused = new Map<ClientId, number[]>();
  readonly #changes = new Map<CellId, { readonly version: number; readonly changes: ChangeSet }[]>();
  readonly #changesLimit: number;

  constructor(view: SessionView, changesLimit = 500) {
    this.state = NotebookState.fromView(view);
    this.#changesLimit = changesLimit;
  }

  snapshotFor(clientId: ClientId): Snapshot {
    return aSnapshot(this.state.toView(), this.decided.get(clientId) ?? 0, this.refused.get(clientId));
  }

  receive(clientId: ClientId, number: number, body: IntentBody): void {
    if (number <= (this.decided.get(clientId) ?? 0)) return;
    this.decided.set(clientId, number);
    const decided = this.#decide(body);
    const refused = typeof decided === "string";
    if (refused) this.refused.set(clientId, [...(this.refused.get(clientId) ?? []), number]);
    this.commit({
      ops: refused ? [] : decided,
      client_id: clientId,
      intent: number,
      ...(refused ? { refusal: decided, message: "No." } : {}),
    });
  }

  commit(entry: Omit<Entry, "seq" | "at_ms">): void {
    const full: Entry = { seq: this.state.seq + 1, at_ms: 0, ...entry };
    this.entries.push(full);
    const touched = new Touched();
    this.state.apply(full, touched);
    for (const { cellId, changes } of touched.sources) {
      const version = this.state.cells.get(cellId)?.version ?? 0;
      const known = this.#changes.get(cellId) ?? [];
      known.push({ version, changes });
      this.#changes.set(cellId, known.slice(-this.#changesLimit));
    }
  }

  #decide(body: IntentBody): readonly Operation[] | Refusal {
    if (body.intent !== "edit") return [];
    const ops: Operation[] = [];
    const fresh = new Map<CellId, number>();
    for (const edit of body.edits) {
      const decided = this.#decideEdit(edit, fresh);
      if (typeof decided === "string") return decided;
      ops.push(...decided);
    }
    return ops;
  }

  #decideEdit(edit: CellEdit, fresh: Map<CellId, number>): readonly Operation[] | Refusal {
    if (edit.op === "insert-cells") for (const cell of edit.cells) fresh.set(cell.id, 0);
    if (edit.op !== "change-source-from") return [edit];
    const version = this.state.cells.get(edit.cell_id)?.version ?? fresh.get(edit.cell_id);
    if (version === undefined) return [];
    let changes = fromJson(edit.changes);
    const since = (this.#changes.get(edit.cell_id) ?? []).filter(one => one.version > edit.base);
    if (since.length < version - edit.base) return "too-old";
    for (const one of since) changes = changes.map(one.changes);
    return [{ op: "change-source", cell_id: edit.cell_id, version: version + 1, changes: toJson(changes) }];
  }
}

/** A tab whose frames wait in queues until the test lets them through. */
export class ModelClient {
  readonly store: NotebookStore;
  readonly #server: ModelServer;
  readonly clientId: ClientId;
  /** Texts of editors, by cell: kept only by the changes the store gives. */
  readonly editors = new Map<CellId, { text: string; stop: () => void; listener: (c: ChangeSet) => void }>();
  #toServer: { number: number; body: IntentBody }[] = [];
  #received = 0;
  #linked = false;

  constructor(server: ModelServer, clientId: ClientId, newId: (length: number) => string) {
    this.#server = server;
    this.clientId = clientId;
    this.store = new NotebookStore("a.ipynb", {
      clientId,
      newId,
      wake: () => {},
      ask: async () => ({ ok: false, error: "no kernel" }),
      unfollow: () => {},
    });
  }

  /** A new link: by entries when the server has them, by snapshot when `forget`. */
  connect(options: { readonly forget: boolean } = { forget: false }): void {
    this.#linked = true;
    this.#toServer = [];
    const { journalId, seq } = this.store.have;
    if (options.forget || journalId !== this.#server.state.journalId) {
      this.#received = this.#server.state.seq;
      this.store.receiveSnapshot(this.#server.snapshotFor(this.clientId));
    } else this.#received = seq;
    this.#toServer.push(...this.store.undecided());
  }

  /** Whatever was on its way is lost. */
  cut(): void {
    this.#linked = false;
    this.#toServer = [];
  }

  /** One frame reaches the server. */
  up(): boolean {
    if (!this.#linked) return false;
    this.#toServer.push(...this.store.take());
    const frame = this.#toServer.shift();
    if (frame === undefined) return false;
    this.#server.receive(this.clientId, frame.number, frame.body);
    return true;
  }

  /** Up to `count` entries reach the client. */
  down(count: number): boolean {
    if (!this.#linked) return false;
    const entries = this.#server.entries.filter(entry => entry.seq > this.#received).slice(0, count);
    if (entries.length === 0) return false;
    this.#received += entries.length;
    this.store.receiveEntries(entries);
    return true;
  }

  edit(...edits: LocalEdit[]): void {
    this.store.edit(edits);
  }

  source(id: CellId): string {
    return this.store.cell(id).peek().source;
  }
}
