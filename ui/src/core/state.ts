/**
 * Apply what the server decided to the state of a notebook, as `core/session` does in Python.
 *
 * `applyEntry` is the pure form: tests/vectors/session.json holds it against
 * Python's. `NotebookState` is the same reducer on maps that change in place,
 * since copying 5,000 cells for each streamed line would cost more than the line.
 * Values inside (cells, outputs, runs) are never changed in place.
 *
 * Rules OP1 onwards: docs/specs/session.md.
 */

import type { ChangeSet } from "@codemirror/state";
import { type CommOperation, changeComm, clearComm, showInComm, writeComm } from "./comms.ts";
import { deleteIds, insertIds, moveIds, type Removed, restoreId } from "./shape.ts";
import { AT_END, writeText } from "./terminal-text.ts";
import { applyTo, fromCodePoints, fromJson, toCodePoints } from "./text.ts";
import {
  BIN_LIMIT,
  type Binned,
  type Cell,
  type CellId,
  type CellKind,
  type CellState,
  type ChangeSource,
  type Comm,
  type CommId,
  type DisplayData,
  type DropRuns,
  type Entry,
  type ExecuteResult,
  type FinishRun,
  type JournalId,
  type Json,
  type KernelState,
  type NotebookPath,
  type Notice,
  type Operation,
  type Output,
  type Run,
  type RunId,
  type RunOutcome,
  type Saved,
  type SessionView,
  type SetKernel,
  type ShowPage,
  type SpillStream,
  type Stream,
  type UpdateDisplay,
} from "./wire.ts";

type Metadata = Readonly<Record<string, Json>>;

/** What an entry touched: what must be drawn again, and nothing else. */
export class Touched {
  readonly cells = new Set<CellId>();
  /** Source changes in order, for editors. */
  readonly sources: { readonly cellId: CellId; readonly changes: ChangeSet }[] = [];
  readonly pages: ShowPage[] = [];
  /** What happened to comms, in order: for the frames that show them. */
  readonly comms: CommOperation[] = [];
  order = false;
}

/** Return the view after the entry. */
export function applyEntry(view: SessionView, entry: Entry): SessionView {
  const state = NotebookState.fromView(view);
  state.apply(entry, new Touched());
  return state.toView();
}

/** What the server confirmed of one notebook. */
export class NotebookState {
  journalId: JournalId = "";
  path: NotebookPath = "";
  seq = 0;
  changedSeq = 0;
  order: readonly CellId[] = [];
  readonly cells = new Map<CellId, CellState>();
  metadata: Metadata = {};
  nbformat = 4;
  nbformatMinor = 5;
  runs: readonly Run[] = [];
  kernel: KernelState = NO_KERNEL;
  saved: Saved = NEVER_SAVED;
  notices: readonly Notice[] = [];
  bin: readonly Binned[] = [];
  readonly comms = new Map<CommId, Comm>();
  /** display_id to the cells that have shown it: where `UpdateDisplay` looks. Built when first needed. */
  #displays: Map<string, Set<CellId>> | undefined;

  static fromView(view: SessionView): NotebookState {
    const state = new NotebookState();
    state.journalId = view.journal_id;
    state.path = view.path;
    state.seq = view.seq;
    state.changedSeq = view.changed_seq;
    state.order = view.order;
    state.metadata = view.metadata;
    state.nbformat = view.nbformat;
    state.nbformatMinor = view.nbformat_minor;
    state.runs = view.runs;
    state.kernel = view.kernel;
    state.saved = view.saved;
    state.notices = view.notices;
    state.bin = view.bin;
    state.addCells(view.cells);
    state.addComms(view.comms);
    return state;
  }

  toView(): SessionView {
    return {
      journal_id: this.journalId,
      path: this.path,
      seq: this.seq,
      changed_seq: this.changedSeq,
      order: this.order,
      cells: Object.fromEntries(this.cells),
      metadata: this.metadata,
      nbformat: this.nbformat,
      nbformat_minor: this.nbformatMinor,
      runs: this.runs,
      kernel: this.kernel,
      saved: this.saved,
      notices: this.notices,
      bin: this.bin,
      comms: Object.fromEntries(this.comms),
    };
  }

  /** More cells of a snapshot. */
  addCells(cells: Readonly<Record<CellId, CellState>>): void {
    for (const [id, state] of Object.entries(cells)) this.cells.set(id, state);
    this.#displays = undefined;
  }

  /** More comms of a snapshot. */
  addComms(comms: Readonly<Record<CommId, Comm>>): void {
    for (const [id, comm] of Object.entries(comms)) this.comms.set(id, comm);
  }

  /** Apply an entry in place, and note in `touched` what it touched. */
  apply(entry: Entry, touched: Touched): void {
    for (const operation of entry.ops ?? []) {
      if (this.#applyOperation(operation, touched)) this.changedSeq = entry.seq;
    }
    if (entry.cursor != null && entry.cursor.kernel_id === this.kernel.id) {
      this.kernel = { ...this.kernel, cursor: entry.cursor.number };
    }
    this.seq = entry.seq;
  }

  /** Returns whether the file would hold something else. */
  #applyOperation(operation: Operation, touched: Touched): boolean {
    switch (operation.op) {
      case "insert-cells":
        return this.#insert(operation.after, operation.cells, touched);
      case "delete-cells":
        return this.#delete(operation.cell_ids, touched);
      case "restore-cells":
        return this.#restore(operation.cell_ids, touched);
      case "move-cells":
        return this.#reorder(moveIds(this.order, operation.cell_ids, operation.after), touched);
      case "change-source":
        return this.#changeSource(operation, touched);
      case "set-kind":
        return this.#change(operation.cell_id, touched, state => withKind(state, operation.kind));
      case "set-cell-metadata":
        return this.#change(operation.cell_id, touched, state =>
          withMetadata(state, operation.set, operation.remove),
        );
      case "set-metadata": {
        const metadata = changedKeys(this.metadata, operation.set, operation.remove);
        if (sameJson(metadata, this.metadata)) return false;
        this.metadata = metadata;
        return true;
      }
      case "set-attachments":
        return this.#change(operation.cell_id, touched, state =>
          withAttachments(state, operation.attachments),
        );
      case "set-extra": {
        const { cell_id: id, extra } = operation;
        // The notebook's own unknown fields are not sent to browsers: that they changed is all we know.
        if (id === null) return true;
        return this.#change(id, touched, state =>
          sameJson(state.cell.extra, extra) ? state : { ...state, cell: { ...state.cell, extra } },
        );
      }
      case "clear-outputs":
        return this.#clearOutputs(operation.cell_ids, touched);
      case "replace-outputs":
        return this.#changeCode(operation.cell_id, touched, state => ({
          ...state,
          cell: { ...state.cell, outputs: operation.outputs, execution_count: operation.execution_count },
          last: null,
          clear_pending: false,
          old_outputs: false,
          foreign: operation.outputs.length > 0,
        }));
      case "trust-outputs":
        for (const id of operation.cell_ids ?? this.order) {
          this.#change(id, touched, state => (state.foreign ? { ...state, foreign: false } : state));
        }
        if (operation.cell_ids !== null) return false;
        this.bin = this.bin.map(binned =>
          binned.state.foreign ? { ...binned, state: { ...binned.state, foreign: false } } : binned,
        );
        return false;
      case "queue-runs": {
        const known = new Set(this.runs.map(run => run.id));
        const fresh = operation.runs.filter(run => !known.has(run.id) && known.add(run.id));
        this.runs = fresh.length === 0 ? this.runs : [...this.runs, ...fresh];
        for (const run of fresh) touched.cells.add(run.cell_id);
        return false;
      }
      case "reorder-runs":
        this.runs = reordered(this.runs, operation.run_ids);
        return false;
      case "drop-runs":
        return this.#dropRuns(operation, touched);
      case "start-run":
        this.#startRun(operation.run_id, operation.at_ms, touched);
        return false;
      case "count-run":
        return this.#countRun(operation.run_id, operation.execution_count, touched);
      case "mark-run":
        this.#changeRun(operation.run_id, touched, run => ({
          ...run,
          reply: operation.reply ?? run.reply,
          idle: operation.idle || run.idle,
          cancelled: operation.cancelled || run.cancelled,
        }));
        return false;
      case "finish-run":
        return this.#finishRun(operation, touched);
      case "append-stream":
        if (operation.text === "") return false;
        return this.#changeCode(operation.cell_id, touched, state =>
          appendStream(opened(state), operation.name, operation.text),
        );
      case "add-output":
        this.#noteDisplay(operation.cell_id, operation.output);
        return this.#changeCode(operation.cell_id, touched, state => {
          const ready = opened(state);
          return withOutputs(ready, [...ready.cell.outputs, operation.output]);
        });
      case "update-display":
        return this.#updateDisplay(operation, touched);
      case "clear-output":
        return this.#clearOutput(operation.cell_id, operation.wait, touched);
      case "spill-stream":
        this.#changeCode(operation.cell_id, touched, state => spilled(state, operation));
        return false;
      case "request-input":
        if (!this.runs.some(run => run.id === operation.input.run_id)) return false;
        this.#changeCode(operation.cell_id, touched, state => ({ ...state, input: operation.input }));
        return false;
      case "close-input":
        this.#change(operation.cell_id, touched, state =>
          state.input === null ? state : { ...state, input: null },
        );
        return false;
      case "show-page":
        touched.pages.push(operation);
        return false;
      case "open-comm":
        this.comms.delete(operation.comm_id);
        this.comms.set(operation.comm_id, operation.comm);
        touched.comms.push(operation);
        return false;
      case "change-comm":
        this.#changeComm(operation, touched, comm => changeComm(comm, operation));
        return false;
      case "write-comm":
        this.#changeComm(operation, touched, comm => writeComm(comm, operation));
        return false;
      case "show-in-comm":
        this.#changeComm(operation, touched, comm => showInComm(comm, operation));
        return false;
      case "clear-comm":
        this.#changeComm(operation, touched, comm => clearComm(comm, operation.wait));
        return false;
      case "close-comms":
        for (const id of operation.comm_ids) this.comms.delete(id);
        touched.comms.push(operation);
        return false;
      case "tell-comm":
      case "comm-sent":
      case "comm-handled":
        touched.comms.push(operation);
        return false;
      case "mark-send":
        return false;
      case "set-kernel": {
        const before = this.kernel;
        const same = operation.kernel.id === this.kernel.id;
        // The cursor moves with entries only: this operation may have been made before some of them.
        this.kernel = same ? { ...operation.kernel, cursor: before.cursor } : operation.kernel;
        if (hasEnded(before, this.kernel)) this.#endComms(operation, touched);
        return false;
      }
      case "mark-saved":
        this.saved = {
          revision: operation.revision,
          seq: Math.max(operation.seq, this.saved.seq),
          at_ms: operation.at_ms,
          problem: "",
          problem_since_ms: 0,
        };
        return false;
      case "mark-save-failed":
        this.saved = {
          ...this.saved,
          problem: operation.problem,
          problem_since_ms: this.saved.problem === "" ? operation.at_ms : this.saved.problem_since_ms,
        };
        return false;
      case "set-path":
        this.path = operation.path;
        return false;
      case "add-notice":
        this.notices = withNotice(this.notices, operation.notice);
        return false;
      case "drop-notice":
        this.notices = this.notices.filter(notice => notice.id !== operation.id);
        return false;
      default:
        return neverOperation(operation);
    }
  }

  /** Returns whether there is such a cell, and `change` gave another state. */
  #change(id: CellId, touched: Touched, change: (state: CellState) => CellState): boolean {
    const state = this.cells.get(id);
    if (state === undefined) return false;
    const changed = change(state);
    if (changed === state) return false;
    this.cells.set(id, changed);
    touched.cells.add(id);
    return true;
  }

  /** The same for a cell that can have outputs. */
  #changeCode(id: CellId, touched: Touched, change: (state: CellState) => CellState): boolean {
    return this.#change(id, touched, state => (state.cell.kind === "code" ? change(state) : state));
  }

  #changeComm(
    operation: CommOperation & { readonly comm_id: CommId },
    touched: Touched,
    change: (comm: Comm) => Comm,
  ): void {
    const comm = this.comms.get(operation.comm_id);
    if (!comm?.live) return;
    this.comms.set(operation.comm_id, change(comm));
    touched.comms.push(operation);
  }

  #endComms(operation: SetKernel, touched: Touched): void {
    for (const [id, comm] of this.comms) if (comm.live) this.comms.set(id, { ...comm, live: false });
    if (this.comms.size > 0) touched.comms.push(operation);
  }

  #reorder(order: readonly CellId[], touched: Touched): boolean {
    if (order === this.order) return false;
    this.order = order;
    touched.order = true;
    return true;
  }

  #changeSource(operation: ChangeSource, touched: Touched): boolean {
    return this.#change(operation.cell_id, touched, state => {
      if (operation.version !== state.version + 1) return state;
      const changes = fromJson(operation.changes);
      touched.sources.push({ cellId: operation.cell_id, changes });
      const cell = { ...state.cell, source: applyTo(changes, state.cell.source) };
      return { ...state, version: operation.version, cell };
    });
  }

  #insert(after: CellId | null, cells: readonly Cell[], touched: Touched): boolean {
    const fresh: CellId[] = [];
    for (const cell of cells) {
      if (this.cells.has(cell.id)) continue;
      this.#add({ ...newCellState(fitting(cell)), version: this.#firstVersion(cell.id) }, touched);
      fresh.push(cell.id);
    }
    return this.#reorder(insertIds(this.order, after, fresh), touched);
  }

  #add(state: CellState, touched: Touched): void {
    const { id, outputs } = state.cell;
    this.cells.set(id, state);
    for (const output of outputs) this.#noteDisplay(id, output);
    touched.cells.add(id);
  }

  /** 0, or what no change of an earlier cell of this id can have been based on. */
  #firstVersion(id: CellId): number {
    const earlier = this.bin.filter(binned => binned.state.cell.id === id);
    return earlier.reduce((version, binned) => Math.max(version, binned.state.version + 1), 0);
  }

  #delete(ids: readonly CellId[], touched: Touched): boolean {
    const { order, removed } = deleteIds(this.order, ids);
    const binned: Binned[] = [];
    for (const { id, after } of removed) {
      const state = this.cells.get(id);
      this.cells.delete(id);
      touched.cells.add(id);
      if (state === undefined) continue;
      binned.push({ state: { ...state, clear_pending: false, old_outputs: false, input: null }, after });
    }
    if (binned.length > 0) this.bin = [...this.bin, ...binned].slice(-BIN_LIMIT);
    return this.#reorder(order, touched);
  }

  #restore(ids: readonly CellId[], touched: Touched): boolean {
    let order = this.order;
    for (const id of ids) {
      const found = this.bin.findLast(binned => binned.state.cell.id === id);
      if (found === undefined || this.cells.has(id)) continue;
      order = restoreId(order, id, found.after, removedOf(this.bin));
      this.bin = this.bin.filter(binned => binned !== found);
      this.#add(found.state, touched);
    }
    return this.#reorder(order, touched);
  }

  #clearOutputs(ids: readonly CellId[], touched: Touched): boolean {
    let changed = false;
    for (const id of ids) {
      const before = this.cells.get(id)?.cell;
      if (before?.kind !== "code") continue;
      this.#change(id, touched, withoutOutputs);
      changed ||= before.outputs.length > 0 || before.execution_count !== null;
    }
    return changed;
  }

  #clearOutput(id: CellId, wait: boolean, touched: Touched): boolean {
    const before = this.cells.get(id)?.cell.outputs.length ?? 0;
    const changed = this.#changeCode(id, touched, state =>
      wait ? { ...state, clear_pending: true } : emptied(state),
    );
    return changed && !wait && before > 0;
  }

  #changeRun(id: RunId, touched: Touched, change: (run: Run) => Run): Run | undefined {
    const index = this.runs.findIndex(run => run.id === id);
    const run = this.runs[index];
    if (run === undefined) return undefined;
    const changed = change(run);
    if (changed === run) return undefined;
    this.runs = this.runs.with(index, changed);
    touched.cells.add(run.cell_id);
    return changed;
  }

  #startRun(id: RunId, atMs: number, touched: Touched): void {
    // A run that was sent again starts anew.
    const started = this.#changeRun(id, touched, run => ({
      ...run,
      started_ms: atMs,
      reply: null,
      idle: false,
    }));
    if (started === undefined) return;
    this.#changeCode(started.cell_id, touched, state => ({
      ...state,
      clear_pending: true,
      old_outputs: true,
    }));
  }

  #countRun(id: RunId, count: number, touched: Touched): boolean {
    const run = this.runs.find(one => one.id === id);
    if (run === undefined) return false;
    return this.#changeCode(run.cell_id, touched, state => withCount(state, count));
  }

  #dropRuns(operation: DropRuns, touched: Touched): boolean {
    const gone = new Set(operation.run_ids);
    const dropped = this.runs.filter(run => gone.has(run.id));
    if (dropped.length === 0) return false;
    this.runs = this.runs.filter(run => !gone.has(run.id));
    let changed = false;
    for (const run of dropped) {
      const before = this.cells.get(run.cell_id)?.cell;
      touched.cells.add(run.cell_id);
      this.#changeCode(run.cell_id, touched, state => over(state, run, operation.outcome, operation.at_ms));
      changed ||= this.cells.get(run.cell_id)?.cell !== before;
    }
    return changed;
  }

  #finishRun(operation: FinishRun, touched: Touched): boolean {
    const run = this.runs.find(one => one.id === operation.run_id);
    if (run === undefined) return false;
    this.runs = this.runs.filter(one => one !== run);
    touched.cells.add(run.cell_id);
    const before = this.cells.get(run.cell_id)?.cell;
    this.#changeCode(run.cell_id, touched, state => {
      const { outcome, execution_count: count } = operation;
      const ended = outcome === "done" || outcome === "failed";
      // It came to its end without any output: only now are the old ones known to be outdated.
      const ready = ended && state.old_outputs ? emptied(state) : state;
      return over(count === null ? ready : withCount(ready, count), run, outcome, operation.at_ms);
    });
    return this.cells.get(run.cell_id)?.cell !== before;
  }

  #updateDisplay(operation: UpdateDisplay, touched: Touched): boolean {
    let changed = false;
    this.#displays ??= this.#indexDisplays();
    for (const id of this.#displays.get(operation.display_id) ?? []) {
      changed = this.#change(id, touched, state => withDisplay(state, operation)) || changed;
    }
    return changed;
  }

  #indexDisplays(): Map<string, Set<CellId>> {
    const displays = new Map<string, Set<CellId>>();
    for (const [id, state] of this.cells) {
      for (const output of state.cell.outputs) noteDisplay(displays, id, output);
    }
    return displays;
  }

  #noteDisplay(id: CellId, output: Output): void {
    if (this.#displays !== undefined) noteDisplay(this.#displays, id, output);
  }
}

/** The bin as `shape.ts` reads it. */
export function removedOf(bin: readonly Binned[]): readonly Removed[] {
  return bin.map(({ state, after }) => ({ id: state.cell.id, after }));
}

export const NO_KERNEL: KernelState = {
  id: null,
  kernelspec: "",
  display_name: "",
  language: "",
  status: "none",
  since_ms: 0,
  lineage: 0,
  obituary: null,
  problem: "",
  cursor: 0,
  replaces: null,
};

const NEVER_SAVED: Saved = { revision: null, seq: 0, at_ms: 0, problem: "", problem_since_ms: 0 };

export function newCellState(cell: Cell): CellState {
  return {
    cell,
    version: 0,
    last: null,
    clear_pending: false,
    input: null,
    old_outputs: false,
    foreign: cell.outputs.length > 0,
  };
}

/** Outputs, count and attachments that do not fit the kind go. */
function fitting(cell: Cell): Cell {
  if (cell.kind === "code") return cell.attachments === null ? cell : { ...cell, attachments: null };
  if (cell.outputs.length === 0 && cell.execution_count === null) return cell;
  return { ...cell, outputs: [], execution_count: null };
}

export function withKind(state: CellState, kind: CellKind): CellState {
  if (state.cell.kind === kind) return state;
  const cell = fitting({ ...state.cell, kind });
  if (kind === "code") return { ...state, cell };
  return {
    ...state,
    cell,
    last: null,
    clear_pending: false,
    old_outputs: false,
    foreign: false,
    input: null,
  };
}

export function withMetadata(state: CellState, set: Metadata, remove: readonly string[]): CellState {
  const metadata = changedKeys(state.cell.metadata, set, remove);
  if (sameJson(metadata, state.cell.metadata)) return state;
  return { ...state, cell: { ...state.cell, metadata } };
}

export function withAttachments(state: CellState, attachments: Metadata | null): CellState {
  if (state.cell.kind === "code" || sameJson(state.cell.attachments, attachments)) return state;
  return { ...state, cell: { ...state.cell, attachments } };
}

/** A person cleared: the count goes too. */
export function withoutOutputs(state: CellState): CellState {
  if (state.cell.kind !== "code") return state;
  const { cell } = state;
  const isClear = cell.outputs.length === 0 && cell.execution_count === null;
  if (isClear && !state.clear_pending && !state.old_outputs) return state;
  return {
    ...state,
    clear_pending: false,
    old_outputs: false,
    foreign: false,
    cell: { ...cell, outputs: [], execution_count: null },
  };
}

/** Set and remove top-level keys. */
export function changedKeys(metadata: Metadata, set: Metadata, remove: readonly string[]): Metadata {
  const gone = new Set(remove);
  const kept = Object.entries(metadata).filter(([key]) => !gone.has(key));
  return { ...Object.fromEntries(kept), ...set };
}

/** Whether two JSON values are the same; the order of keys does not matter. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((value: unknown, index) => sameJson(value, b[index]));
  }
  const entries = Object.entries(a);
  const others = new Map<string, unknown>(Object.entries(b));
  return (
    entries.length === others.size &&
    entries.every(([key, value]) => others.has(key) && sameJson(value, others.get(key)))
  );
}

function withOutputs(state: CellState, outputs: readonly Output[]): CellState {
  return { ...state, cell: { ...state.cell, outputs } };
}

function withCount(state: CellState, count: number | null): CellState {
  if (state.cell.execution_count === count) return state;
  return { ...state, cell: { ...state.cell, execution_count: count } };
}

function emptied(state: CellState): CellState {
  const { cell } = state;
  return {
    ...state,
    clear_pending: false,
    old_outputs: false,
    foreign: false,
    cell: cell.outputs.length === 0 ? cell : { ...cell, outputs: [] },
  };
}

/** An output comes: what waited to be cleared goes (SE4). */
function opened(state: CellState): CellState {
  return state.clear_pending || state.old_outputs ? emptied(state) : state;
}

/** The version of a run whose source was none of the session's (SE17). */
const NO_VERSION = -1;

/** The cell after a run of it that is no longer in the queue. */
function over(state: CellState, run: Run, outcome: RunOutcome, atMs: number): CellState {
  const counted = outcome === "aborted" ? withCount(state, null) : state;
  return {
    ...counted,
    clear_pending: counted.clear_pending && !counted.old_outputs,
    old_outputs: false,
    input: counted.input?.run_id === run.id ? null : counted.input,
    last: {
      run_id: run.id,
      outcome,
      version: run.version,
      started_ms: run.started_ms,
      finished_ms: atMs,
      source: run.version === NO_VERSION ? run.source : null,
    },
  };
}

function appendStream(state: CellState, name: string, text: string): CellState {
  const { outputs } = state.cell;
  const index = outputs.length - 1;
  const last = outputs[index];
  if (last?.output_type === "stream" && last.name === name) {
    return withOutputs(state, outputs.with(index, { ...last, ...writeText(last.text, last.column, text) }));
  }
  const begun: Stream = {
    output_type: "stream",
    name,
    ...writeText("", AT_END, text),
    head: "",
    spilled: [],
    extra: {},
  };
  return withOutputs(state, [...outputs, begun]);
}

/** Lengths and columns are code points (SE10). */
function spilled(state: CellState, operation: SpillStream): CellState {
  const stream = state.cell.outputs[operation.index];
  if (stream?.output_type !== "stream" || operation.length === 0) return state;
  const isFirst = stream.spilled.length === 0;
  const head = isFirst ? operation.head : stream.head;
  const start = isFirst
    ? fromCodePoints(stream.text, toCodePoints(operation.head, operation.head.length))
    : 0;
  const end = start + fromCodePoints(stream.text.slice(start), operation.length);
  const lastLine = stream.text.lastIndexOf("\n") + 1;
  const cut = end > lastLine ? toCodePoints(stream.text.slice(lastLine, end), end - lastLine) : 0;
  const column = stream.column < 0 ? stream.column : Math.max(0, stream.column - cut);
  const rest: Stream = {
    ...stream,
    text: stream.text.slice(end),
    head,
    spilled: [...stream.spilled, operation.spill],
    column,
  };
  return withOutputs(state, state.cell.outputs.with(operation.index, rest));
}

function withDisplay(state: CellState, operation: UpdateDisplay): CellState {
  const { display_id: displayId, data, metadata, blobs } = operation;
  const isStale = (output: Output): output is DisplayData | ExecuteResult =>
    isDisplay(output) &&
    output.display_id === displayId &&
    !(sameJson(output.data, data) && sameJson(output.metadata, metadata) && sameJson(output.blobs, blobs));
  if (!state.cell.outputs.some(isStale)) return state;
  return withOutputs(
    state,
    state.cell.outputs.map(output => (isStale(output) ? { ...output, data, metadata, blobs } : output)),
  );
}

/** Running ones stay in front; queued ones that are not named follow in their old order. */
function reordered(runs: readonly Run[], ids: readonly RunId[]): readonly Run[] {
  const queued = new Map(runs.filter(run => run.started_ms === null).map(run => [run.id, run]));
  const named = new Set(ids);
  const first = [...named].flatMap(id => queued.get(id) ?? []);
  const rest = runs.filter(run => run.started_ms === null && !named.has(run.id));
  return [...runs.filter(run => run.started_ms !== null), ...first, ...rest];
}

function withNotice(notices: readonly Notice[], notice: Notice): readonly Notice[] {
  const index = notices.findIndex(one => one.id === notice.id);
  return index < 0 ? [...notices, notice] : notices.with(index, notice);
}

/** Whether the process that had the comms is no more. */
function hasEnded(before: KernelState, kernel: KernelState): boolean {
  const same = kernel.id === before.id && kernel.lineage === before.lineage;
  return !same || ["none", "dead", "restarting"].includes(kernel.status);
}

function isDisplay(output: Output): output is DisplayData | ExecuteResult {
  return output.output_type === "display_data" || output.output_type === "execute_result";
}

function noteDisplay(displays: Map<string, Set<CellId>>, id: CellId, output: Output): void {
  if (!isDisplay(output) || output.display_id === null) return;
  const ids = displays.get(output.display_id);
  if (ids === undefined) displays.set(output.display_id, new Set([id]));
  else ids.add(id);
}

/** A newer server may know an operation that this page does not: the page must be loaded again. */
function neverOperation(operation: never): never {
  throw new Error(`This page is older than the server: it does not know ${JSON.stringify(operation)}.`);
}
