/**
 * One open notebook in this tab: what the server confirmed, what is pending on top, and signals to draw it.
 *
 * One operation touches the signals of the cells it names and no others, so a
 * streamed line costs the same in a notebook of 5,000 cells as in one of 10.
 * The link feeds it (`receive...`) and takes what is to be sent (`take`); it knows
 * neither transport nor storage nor DOM.
 */

import type { ChangeSet } from "@codemirror/state";
import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals-core";
import type { CommOperation } from "./comms.ts";
import type {
  AnswerView,
  CellStatus,
  CellView,
  CommDraft,
  CommListener,
  Freshness,
  LinkStatus,
  LocalEdit,
  NotebookModel,
  NotebookStatus,
  Page,
  RefusedView,
  RestartOptions,
  SavedView,
  SourceListener,
  StalledView,
} from "./model.ts";
import { type Item, type Outgoing, Pending, type PlainIntent, type StoredItem, together } from "./pending.ts";
import { NOTHING, only, type Selection, survive } from "./selection.ts";
import { changedKeys, NO_KERNEL, NotebookState, Touched } from "./state.ts";
import { applyTo, diff, fromJson } from "./text.ts";
import { type Shown, UndoStack } from "./undo.ts";
import type {
  CellId,
  CellState,
  ChangeJson,
  ClientId,
  Comm,
  CommId,
  Entry,
  JournalId,
  Json,
  KernelState,
  MoreCells,
  NotebookPath,
  Notice,
  Question,
  Refused,
  Run,
  RunId,
  RunRequest,
  SendId,
  Snapshot,
} from "./wire.ts";

/** What the store asks of whoever carries its frames. */
export interface StorePort {
  readonly clientId: ClientId;
  /** A new random id of this many characters of `[0-9a-z]`. */
  newId(length: number): string;
  /** There is something to store, and perhaps to send. */
  wake(): void;
  ask(question: Question): Promise<AnswerView>;
  /** No more of this notebook. */
  unfollow(): void;
}

/** Changes to what is kept for another tab. */
export interface StoredChanges {
  readonly put: readonly StoredItem[];
  readonly remove: readonly number[];
}

export class NotebookStore implements NotebookModel {
  readonly path: Signal<NotebookPath>;
  readonly status = signal<NotebookStatus>({ kind: "loading" });
  readonly writable = signal(false);
  readonly order = signal<readonly CellId[]>([]);
  readonly metadata = signal<Readonly<Record<string, Json>>>({});
  readonly runs = signal<readonly Run[]>([]);
  readonly kernel = signal<KernelState>(NO_KERNEL);
  readonly saved = signal<SavedView>({ atMs: 0, dirty: false, problem: "", problemSinceMs: 0 });
  readonly notices = signal<readonly Notice[]>([]);
  readonly stalled = signal<StalledView | null>(null);
  readonly link = signal<LinkStatus>({ kind: "reconnecting", sinceMs: 0, retryAtMs: null, reason: "" });
  readonly pendingCount = signal(0);
  readonly selection = signal<Selection>(NOTHING);
  readonly clockOffsetMs = signal(0);
  readonly page = signal<Page | null>(null);
  readonly canUndo: ReadonlySignal<boolean>;
  readonly canRedo: ReadonlySignal<boolean>;

  readonly #port: StorePort;
  #state = new NotebookState();
  /** A snapshot whose cells are still coming in, while the page shows the state before it. */
  #coming: { readonly state: NotebookState; readonly frame: Snapshot } | null = null;
  readonly #pending: Pending;
  readonly #undo = new UndoStack();
  readonly #cells = new Map<CellId, Signal<CellView>>();
  readonly #places = new Map<CellId, ReadonlySignal<number>>();
  readonly #listeners = new Map<CellId, Set<SourceListener>>();
  readonly #pageListeners = new Set<(page: Page) => void>();
  readonly #refusedListeners = new Set<(refused: RefusedView) => void>();
  readonly #commListeners = new Set<CommListener>();
  /** Who waits for what was sent to comms. */
  readonly #sends = new Map<SendId, { readonly resolve: () => void; confirmed: boolean }>();
  readonly #dirtyItems = new Set<Item>();
  readonly #removedItems = new Set<number>();
  readonly #runByCell: ReadonlySignal<ReadonlyMap<CellId, Run>>;
  readonly #placeByCell: ReadonlySignal<ReadonlyMap<CellId, number>>;

  constructor(path: NotebookPath, port: StorePort) {
    this.#port = port;
    this.#pending = new Pending();
    this.path = signal(path);
    this.canUndo = this.#undo.canUndo;
    this.canRedo = this.#undo.canRedo;
    this.#runByCell = computed(() => new Map(this.runs.value.toReversed().map(run => [run.cell_id, run])));
    this.#placeByCell = computed(() => {
      const queued = this.runs.value.filter(run => run.started_ms === null);
      return new Map(queued.map((run, index) => [run.cell_id, index + 1]));
    });
  }

  // ---- reading

  cell(id: CellId): ReadonlySignal<CellView> {
    let found = this.#cells.get(id);
    if (found === undefined) {
      found = signal(this.#viewOf(id));
      this.#cells.set(id, found);
    }
    return found;
  }

  has(id: CellId): boolean {
    return this.order.peek().includes(id);
  }

  place(id: CellId): ReadonlySignal<number> {
    let found = this.#places.get(id);
    if (found === undefined) {
      found = computed(() => this.#placeByCell.value.get(id) ?? 0);
      this.#places.set(id, found);
    }
    return found;
  }

  onSource(id: CellId, listener: SourceListener): () => void {
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(id) === listeners) this.#listeners.delete(id);
    };
  }

  onPage(listener: (page: Page) => void): () => void {
    this.#pageListeners.add(listener);
    return () => this.#pageListeners.delete(listener);
  }

  onRefused(listener: (refused: RefusedView) => void): () => void {
    this.#refusedListeners.add(listener);
    return () => this.#refusedListeners.delete(listener);
  }

  onComm(listener: CommListener): () => void {
    this.#commListeners.add(listener);
    return () => this.#commListeners.delete(listener);
  }

  comm(id: CommId): Comm | undefined {
    return this.#state.comms.get(id);
  }

  comms(): ReadonlyMap<CommId, Comm> {
    return this.#state.comms;
  }

  // ---- acting

  edit(edits: readonly LocalEdit[]): void {
    if (edits.length === 0 || !this.#mayChange()) return;
    this.#undo.make(together(edits), this.#shownNow(), all => this.#perform(all));
  }

  type(id: CellId, changes: ChangeSet, listener: SourceListener): void {
    if (!this.#mayChange()) return;
    const before = this.#pending.count;
    const item = this.#pending.type(id, changes);
    this.#changedItem(item);
    batch(() => {
      this.#emit(id, changes, listener);
      this.#refreshCell(id);
      if (this.#pending.count !== before) this.pendingCount.value = this.#pending.count;
      this.#refreshSaved();
    });
    this.#port.wake();
  }

  undo(): void {
    if (this.#mayChange()) this.#undo.undo(this.#shownNow(), all => this.#perform(all));
  }

  redo(): void {
    if (this.#mayChange()) this.#undo.redo(this.#shownNow(), all => this.#perform(all));
  }

  select(selection: Selection): void {
    const { mode, anchor, active } = this.selection.peek();
    if (selection.mode === mode && selection.anchor === anchor && selection.active === active) return;
    this.selection.value = selection;
  }

  run(cellIds: readonly CellId[]): void {
    const runs = this.#requests(cellIds);
    if (runs.length > 0) this.#intend({ intent: "run-cells", batch_id: this.#port.newId(16), runs });
  }

  cancelRuns(runIds: readonly RunId[]): void {
    if (runIds.length > 0) this.#intend({ intent: "cancel-runs", run_ids: runIds });
  }

  reorderQueue(runIds: readonly RunId[]): void {
    this.#intend({ intent: "reorder-queue", run_ids: runIds });
  }

  interrupt(): void {
    this.#intend({ intent: "interrupt" });
  }

  startKernel(kernelspec: string): void {
    this.#intend({ intent: "start-kernel", kernelspec });
  }

  restart(options: RestartOptions): void {
    const runs = this.#requests(options.run);
    const batchId = runs.length > 0 ? this.#port.newId(16) : "";
    this.#intend({ intent: "restart-kernel", clear: options.clear, batch_id: batchId, runs });
  }

  shutdownKernel(options: { readonly now: boolean }): void {
    this.#intend({ intent: "shutdown-kernel", now: options.now });
  }

  answerInput(runId: RunId, value: string): void {
    this.#intend({ intent: "answer-input", run_id: runId, value });
  }

  sendComm(message: CommDraft): Promise<void> {
    const sendId = this.#port.newId(20);
    const handled = new Promise<void>(resolve => this.#sends.set(sendId, { resolve, confirmed: false }));
    this.#intend({ intent: "send-comm", send_id: sendId, ...message });
    this.#endLostSends();
    return handled;
  }

  save(): void {
    this.#intend({ intent: "save-now" });
  }

  trust(): void {
    this.#intend({ intent: "trust-notebook" });
  }

  dismissNotice(id: string): void {
    this.#intend({ intent: "dismiss-notice", id });
  }

  ask(question: Question): Promise<AnswerView> {
    return this.#port.ask(question);
  }

  closePage(): void {
    this.page.value = null;
  }

  showPage(data: Readonly<Record<string, Json>>): void {
    this.#showPage({ runId: "", data });
  }

  close(): void {
    this.#port.unfollow();
  }

  // ---- what the link brings

  /** What to say in `Follow`. */
  get have(): { readonly journalId: JournalId | null; readonly seq: number } {
    const known = this.#state.journalId !== "" && this.status.peek().kind === "ready";
    return known ? { journalId: this.#state.journalId, seq: this.#state.seq } : { journalId: null, seq: 0 };
  }

  /** Number of the last entry or snapshot that is in, also of one whose cells are still coming. */
  get seq(): number {
    return this.#coming?.state.seq ?? this.#state.seq;
  }

  receiveSnapshot(frame: Snapshot): void {
    const state = NotebookState.fromView(frame.session);
    this.#coming = { state, frame };
    // The first time there is nothing else to show: the first cells are drawn while the rest comes in.
    if (this.status.peek().kind !== "ready") this.#showFirst(state, frame);
    if (!frame.more) this.#takeSnapshot();
  }

  receiveMore(frame: MoreCells): void {
    if (this.#coming === null) return;
    this.#coming.state.addCells(frame.cells);
    this.#coming.state.addComms(frame.comms);
    if (this.#coming.state === this.#state) batch(() => this.#refreshCells(Object.keys(frame.cells)));
    if (!frame.more) this.#takeSnapshot();
  }

  receiveEntries(entries: readonly Entry[]): void {
    const touched = new Touched();
    const order = touched.order;
    batch(() => {
      for (const entry of entries) {
        // The server sends again what was on its way when the link was cut.
        if (entry.seq > this.#state.seq) this.#applyOne(entry, touched);
      }
      if (touched.order !== order || this.#pendingShapeChanged()) this.#refreshOrder();
      this.#refreshCells(touched.cells);
      this.#refreshRest();
    });
    for (const page of touched.pages) this.#showPage({ runId: page.run_id, data: page.data });
    this.#tellComms(touched.comms);
    this.#port.wake();
  }

  /** Our intent will not happen, and the session never saw it. */
  receiveRefused(frame: Refused): void {
    // What the session refused since it was too old comes as an entry too, and is asked for again then.
    const isOurs = frame.client_id === this.#port.clientId && frame.refusal !== "too-old";
    if (!isOurs || !this.#pending.items.some(item => item.number === frame.number)) return;
    batch(() => {
      this.#settle(frame.number, new Map(), id => this.#state.cells.get(id)?.cell.source);
      this.#refreshOrder();
      this.#refreshRest();
    });
    this.#endLostSends();
    this.#tell({ refusal: frame.refusal, message: frame.message });
    this.#port.wake();
  }

  receiveProblem(status: number, message: string): void {
    this.status.value = { kind: "problem", status, message };
  }

  // ---- what the link takes

  /** Seal and return what may go now, in order. */
  take(): readonly Outgoing[] {
    const taken = this.#pending.take(id => this.#versionOf(id));
    const numbers = new Set(taken.map(one => one.number));
    for (const item of this.#pending.items) if (numbers.has(item.number)) this.#dirtyItems.add(item);
    return taken;
  }

  /** What was sent and not decided: it goes again over a new link. */
  undecided(): readonly Outgoing[] {
    return this.#pending.unsent();
  }

  /** What changed of what is kept for another tab, since the last call. */
  takeStored(): StoredChanges {
    const confirmed = (id: CellId): string | undefined => this.#state.cells.get(id)?.cell.source;
    const put = [...this.#dirtyItems]
      // What was typed into a password prompt goes to the kernel and nowhere else, and no other tab has this one's widgets.
      .filter(item => !isOwn(item.intent) && !this.#removedItems.has(item.number))
      .map(item => this.#pending.stored(item, confirmed, id => this.#versionOf(id)));
    const remove = [...this.#removedItems];
    this.#dirtyItems.clear();
    this.#removedItems.clear();
    return { put, remove };
  }

  /** How many edits and runs wait. */
  waiting(): { readonly edits: number; readonly runs: number } {
    const runs = this.#pending.items.filter(item => item.intent?.intent === "run-cells").length;
    return { edits: this.#pending.items.filter(item => item.intent === null).length, runs };
  }

  /**
   * Make edits that a dead tab did not get to send: each source change was for a
   * text that may have moved on, so it is mapped over the difference.
   */
  adopt(stored: StoredItem): void {
    if (stored.body.intent !== "edit") {
      this.#intend(stored.body);
      return;
    }
    const edits = stored.body.edits.flatMap((edit): LocalEdit[] => {
      if (edit.op !== "change-source-from") return [edit];
      const changes = this.#caughtUp(edit.cell_id, stored.texts[edit.cell_id], edit.changes);
      return changes === undefined ? [] : [{ op: "change-source", cellId: edit.cell_id, changes }];
    });
    if (edits.length > 0) this.#perform(edits);
  }

  // ---- inside

  #mayChange(): boolean {
    if (this.writable.peek()) return true;
    this.#tell({ refusal: "read-only", message: "This login may look, but not change." });
    return false;
  }

  #requests(cellIds: readonly CellId[]): readonly RunRequest[] {
    return cellIds
      .filter(id => this.#shown(id)?.cell.kind === "code")
      .map(id => ({ cell_id: id, run_id: this.#port.newId(20) }));
  }

  #intend(intent: PlainIntent): void {
    if (!this.#mayChange()) return;
    const item = this.#pending.addIntent(intent);
    this.#changedItem(item);
    batch(() => {
      this.#refreshCells(item.cells);
      this.pendingCount.value = this.#pending.count;
    });
    this.#port.wake();
  }

  #shownNow(): Shown {
    return { order: this.order.peek(), metadata: this.metadata.peek(), cell: id => this.#shown(id) };
  }

  #perform(wanted: readonly LocalEdit[]): void {
    // A step of undo may come too late: its cell is gone, or has another text.
    const edits = wanted.filter(
      edit =>
        edit.op !== "change-source" || this.#shownAfter(edit.cellId, wanted)?.length === edit.changes.length,
    );
    if (edits.length === 0) return;
    const item = this.#pending.addEdits(edits);
    this.#changedItem(item);
    batch(() => {
      for (const edit of edits) if (edit.op === "change-source") this.#emit(edit.cellId, edit.changes, null);
      this.#refreshOrder();
      this.#refreshCells(item.cells);
      this.#refreshRest();
    });
    this.#port.wake();
  }

  /** A cell's text, also of one that these edits insert. */
  #shownAfter(id: CellId, edits: readonly LocalEdit[]): string | undefined {
    const inserted = edits.flatMap(edit => (edit.op === "insert-cells" ? edit.cells : []));
    return (this.#shown(id)?.cell ?? inserted.find(cell => cell.id === id))?.source;
  }

  #caughtUp(id: CellId, text: string | undefined, json: ChangeJson): ChangeSet | undefined {
    const now = this.#shown(id)?.cell.source;
    if (text === undefined || now === undefined) return undefined;
    const changes = fromJson(json);
    if (changes.length !== text.length) return undefined;
    if (applyTo(changes, text) === now) return undefined;
    return changes.map(diff(text, now));
  }

  #showFirst(state: NotebookState, frame: Snapshot): void {
    this.#state = state;
    batch(() => {
      this.status.value = { kind: "ready" };
      this.writable.value = frame.writable;
      this.#refreshOrder();
      this.#refreshCells(this.#cells.keys());
      this.#refreshRest();
      if (this.selection.peek().active === null) this.select(only(this.order.peek()[0] ?? null));
    });
  }

  /** All cells are in: the new state replaces the old, with what is undecided mapped over the difference. */
  #takeSnapshot(): void {
    if (this.#coming === null) return;
    const { state, frame } = this.#coming;
    this.#coming = null;
    const shownBefore = new Map([...this.#listeners.keys()].map(id => [id, this.#shown(id)?.cell.source]));
    const old = this.#state;
    const before = this.#pending.items.map(item => item.number);
    if (old !== state) {
      this.#pending.rebase(
        old.journalId === state.journalId
          ? { numbered: frame.numbered, refused: frame.refused, sameJournal: true }
          : { numbered: 0, refused: [], sameJournal: false },
        id => old.cells.get(id)?.cell.source,
        id => state.cells.get(id)?.cell.source,
      );
    }
    this.#state = state;
    this.#forget(before);
    for (const item of this.#pending.items) this.#dirtyItems.add(item);
    batch(() => {
      this.status.value = { kind: "ready" };
      this.writable.value = frame.writable;
      for (const [id, text] of shownBefore) this.#emitDifference(id, text);
      this.#refreshOrder();
      this.#refreshCells(this.#cells.keys());
      this.#refreshRest();
    });
    // It does not say what the kernel has handled: nobody is to wait for what may be over.
    for (const send of this.#sends.values()) send.confirmed = false;
    this.#endLostSends();
    for (const listener of this.#commListeners) listener(null);
    this.#port.wake();
  }

  #tellComms(operations: readonly CommOperation[]): void {
    for (const operation of operations) {
      for (const listener of this.#commListeners) listener(operation);
      if (operation.op === "comm-sent") {
        const send = this.#sends.get(operation.send.id);
        if (send !== undefined) send.confirmed = true;
      } else if (operation.op === "comm-handled") this.#endSends([operation.send_id]);
      else if (operation.op === "set-kernel") this.#endSends([...this.#sends.keys()]);
    }
    this.#endLostSends();
  }

  #endSends(ids: readonly SendId[]): void {
    for (const id of ids) {
      this.#sends.get(id)?.resolve();
      this.#sends.delete(id);
    }
  }

  /** What is neither pending here nor on its way to the kernel will not be handled. */
  #endLostSends(): void {
    if (this.#sends.size === 0) return;
    const pending = new Set(
      this.#pending.items.flatMap(({ intent }) => (intent?.intent === "send-comm" ? [intent.send_id] : [])),
    );
    const lost = [...this.#sends].filter(([id, { confirmed }]) => !confirmed && !pending.has(id));
    this.#endSends(lost.map(([id]) => id));
  }

  #emitDifference(id: CellId, before: string | undefined): void {
    const now = this.#shown(id)?.cell.source;
    if (before !== undefined && now !== undefined && before !== now) this.#emit(id, diff(before, now), null);
  }

  #applyOne(entry: Entry, touched: Touched): void {
    const own = entry.client_id === this.#port.clientId ? (entry.intent ?? null) : null;
    if (own === null) {
      const first = touched.sources.length;
      this.#state.apply(entry, touched);
      for (const { cellId, changes } of touched.sources.slice(first)) {
        this.#emit(cellId, this.#pending.receive(cellId, changes), null);
      }
      return;
    }
    if (entry.refusal === "too-old") {
      this.#pending.again(own, own, id => this.#state.cells.get(id)?.cell.source);
    }
    // Numbers are decided in order: what came before this one was decided too.
    for (const number of this.#pending.upTo(own - 1)) {
      this.#settle(number, new Map(), id => this.#state.cells.get(id)?.cell.source);
    }
    const item = this.#pending.items.find(one => one.number === own);
    const texts = new Map([...(item?.cells ?? [])].map(id => [id, this.#state.cells.get(id)?.cell.source]));
    for (const id of item?.cells ?? []) touched.cells.add(id);
    const first = touched.sources.length;
    this.#state.apply(entry, touched);
    const decided = new Map<CellId, ChangeSet>();
    for (const { cellId, changes } of touched.sources.slice(first)) {
      const earlier = decided.get(cellId);
      decided.set(cellId, earlier === undefined ? changes : earlier.compose(changes));
    }
    this.#settle(own, decided, id => texts.get(id));
    touched.order ||= item?.edits.some(edit => edit.op !== "change-source") ?? false;
    if (item !== undefined && entry.refusal != null && entry.refusal !== "too-old") {
      this.#tell({ refusal: entry.refusal, message: entry.message ?? "" });
    }
  }

  #settle(
    number: number,
    decided: ReadonlyMap<CellId, ChangeSet>,
    confirmed: (id: CellId) => string | undefined,
  ): void {
    const item = this.#pending.items.find(one => one.number === number);
    const before = this.#pending.items.map(one => one.number);
    const shown = this.#pending.settle(number, confirmed, decided);
    for (const [id, changes] of shown) this.#emit(id, changes, null);
    this.#forget(before);
    this.#refreshCells(item?.cells ?? []);
  }

  /** Items that are no longer pending need not be kept for another tab. */
  #forget(before: readonly number[]): void {
    const left = new Set(this.#pending.items.map(item => item.number));
    for (const number of before) if (!left.has(number)) this.#removedItems.add(number);
    for (const item of this.#pending.items) if (!before.includes(item.number)) this.#dirtyItems.add(item);
  }

  #changedItem(item: Item): void {
    this.#dirtyItems.add(item);
  }

  #pendingShapeChanged(): boolean {
    return this.#pending.count !== this.pendingCount.peek();
  }

  #versionOf(id: CellId): number {
    return this.#state.cells.get(id)?.version ?? 0;
  }

  #shown(id: CellId): CellState | undefined {
    return this.#pending.overlay(id, this.#state);
  }

  #viewOf(id: CellId): CellView {
    const state = this.#shown(id);
    if (state === undefined) return { ...(this.#cells.get(id)?.peek() ?? placeholder(id)) };
    const { cell } = state;
    const pending = this.#pending.concerns(id);
    return {
      id,
      loaded: true,
      kind: cell.kind,
      source: cell.source,
      outputs: cell.outputs,
      executionCount: cell.execution_count,
      status: this.#statusOf(id),
      freshness: this.#freshnessOf(id, state),
      lastRun: state.last,
      clearPending: state.clear_pending,
      foreign: state.foreign,
      input: state.input,
      metadata: cell.metadata,
      attachments: cell.attachments,
      pending,
    };
  }

  #statusOf(id: CellId): CellStatus {
    const run = this.#runByCell.peek().get(id);
    if (run === undefined) return this.#pending.asksRun(id) ? { kind: "asked" } : { kind: "idle" };
    if (run.started_ms === null) {
      return { kind: "queued", runId: run.id, queuedMs: run.queued_ms, by: run.by };
    }
    return { kind: "running", runId: run.id, sinceMs: run.started_ms, by: run.by };
  }

  /** Rule SE8; what is typed here makes it stale at once. */
  #freshnessOf(id: CellId, state: CellState): Freshness {
    if (state.last === null || state.last.outcome === "aborted" || state.last.outcome === "lost") {
      return "unknown";
    }
    const confirmed = this.#state.cells.get(id);
    const typed = confirmed !== undefined && confirmed.cell.source !== state.cell.source;
    const same = state.last.version === state.version || state.last.source === state.cell.source;
    return same && !typed ? "fresh" : "stale";
  }

  #emit(id: CellId, changes: ChangeSet, except: SourceListener | null): void {
    if (changes.empty) return;
    this.#undo.mapSource(id, changes);
    for (const listener of this.#listeners.get(id) ?? []) if (listener !== except) listener(changes);
  }

  #refreshOrder(): void {
    const before = this.order.peek();
    const order = this.#pending.order(this.#state);
    if (order.length === before.length && order.every((id, index) => id === before[index])) return;
    this.order.value = order;
    this.select(survive(this.selection.peek(), before, order));
  }

  #refreshCells(ids: Iterable<CellId>): void {
    // The run of each cell is looked up by the views below, so it must be the new one.
    this.runs.value = this.#state.runs;
    for (const id of ids) this.#refreshCell(id);
  }

  #refreshCell(id: CellId): void {
    const found = this.#cells.get(id);
    if (found !== undefined) found.value = this.#viewOf(id);
  }

  #refreshRest(): void {
    const state = this.#state;
    this.path.value = state.path;
    this.runs.value = state.runs;
    this.kernel.value = state.kernel;
    this.notices.value = state.notices;
    this.metadata.value = this.#pendingMetadata();
    this.pendingCount.value = this.#pending.count;
    this.#refreshSaved();
  }

  #refreshSaved(): void {
    const { saved, changedSeq } = this.#state;
    const dirty = saved.seq < changedSeq || this.waiting().edits > 0;
    const now = this.saved.peek();
    if (
      now.atMs === saved.at_ms &&
      now.dirty === dirty &&
      now.problem === saved.problem &&
      now.problemSinceMs === saved.problem_since_ms
    ) {
      return;
    }
    this.saved.value = {
      atMs: saved.at_ms,
      dirty,
      problem: saved.problem,
      problemSinceMs: saved.problem_since_ms,
    };
  }

  #pendingMetadata(): Readonly<Record<string, Json>> {
    let metadata = this.#state.metadata;
    for (const item of this.#pending.items) {
      for (const edit of item.edits) {
        if (edit.op === "set-metadata") metadata = changedKeys(metadata, edit.set, edit.remove);
      }
    }
    return metadata;
  }

  #showPage(page: Page): void {
    this.page.value = page;
    for (const listener of this.#pageListeners) listener(page);
  }

  #tell(refused: RefusedView): void {
    for (const listener of this.#refusedListeners) listener(refused);
  }
}

/** Whether it is of no use to another tab. */
function isOwn(intent: PlainIntent | null): boolean {
  return intent?.intent === "answer-input" || intent?.intent === "send-comm";
}

function placeholder(id: CellId): CellView {
  return {
    id,
    loaded: false,
    kind: "code",
    source: "",
    outputs: [],
    executionCount: null,
    status: { kind: "idle" },
    freshness: "unknown",
    lastRun: null,
    clearPending: false,
    foreign: false,
    input: null,
    metadata: {},
    attachments: null,
    pending: false,
  };
}
