/**
 * What views see of one open notebook: signals to read, and actions.
 *
 * Only types, so that views, commands and tests depend on no implementation.
 * `core/store.ts` implements it; the link feeds it.
 */

import type { ChangeSet } from "@codemirror/state";
import type { ReadonlySignal } from "@preact/signals-core";
import type { CommOperation } from "./comms.ts";
import type { Selection } from "./selection.ts";
import type {
  CellId,
  CellKind,
  ClearOutputs,
  Comm,
  CommId,
  DeleteCells,
  InputRequest,
  InsertCells,
  Json,
  KernelState,
  LastRun,
  MoveCells,
  NotebookPath,
  Notice,
  Output,
  Question,
  Refusal,
  RestoreCells,
  Run,
  RunId,
  SendComm,
  SetAttachments,
  SetCellMetadata,
  SetKind,
  SetMetadata,
} from "./wire.ts";

/** How things stand with a cell's newest run. `asked`: pressed here, not yet confirmed by the server. */
export type CellStatus =
  | { readonly kind: "idle" }
  | { readonly kind: "asked" }
  | { readonly kind: "queued"; readonly runId: RunId; readonly queuedMs: number; readonly by: string }
  | { readonly kind: "running"; readonly runId: RunId; readonly sinceMs: number; readonly by: string };

/** Does the output match the source? `unknown`: never run here, or the last run did not come to its end. */
export type Freshness = "unknown" | "fresh" | "stale";

/** One cell as the page shows it: what the server confirmed, with what is pending here on top. */
export interface CellView {
  readonly id: CellId;
  /** False until the rest of a long notebook is in: show a placeholder. */
  readonly loaded: boolean;
  readonly kind: CellKind;
  readonly source: string;
  readonly outputs: readonly Output[];
  readonly executionCount: number | null;
  readonly status: CellStatus;
  readonly freshness: Freshness;
  readonly lastRun: LastRun | null;
  /** The old outputs go when the next one comes: dim them, keep their height. */
  readonly clearPending: boolean;
  /** The outputs came with a file or a paste, and nobody has trusted them: scripts in them do not run. */
  readonly foreign: boolean;
  readonly input: InputRequest | null;
  readonly metadata: Readonly<Record<string, Json>>;
  readonly attachments: Readonly<Record<string, Json>> | null;
  /** Something typed or done to it here has not reached the server. */
  readonly pending: boolean;
}

export type NotebookStatus =
  | { readonly kind: "loading" }
  | { readonly kind: "ready" }
  | { readonly kind: "problem"; readonly status: number; readonly message: string };

/** How the link stands. Times are milliseconds since the epoch, by this machine's clock. */
export type LinkStatus =
  | { readonly kind: "live" }
  | {
      readonly kind: "reconnecting";
      readonly sinceMs: number;
      /** Null: trying right now. */
      readonly retryAtMs: number | null;
      readonly reason: string;
    }
  | { readonly kind: "offline"; readonly waitingEdits: number; readonly waitingRuns: number }
  | { readonly kind: "closed"; readonly reason: string };

/** Which way the link takes. */
export interface LinkWay {
  /** `websocket`, `stream` or `poll`; null: none gets through yet. */
  readonly name: string | null;
  /** The ways that were tried and brought nothing. */
  readonly failures: readonly { readonly name: string; readonly reason: string }[];
}

export interface SavedView {
  /** When the file was last written, by the server's clock; 0: not in this journal. */
  readonly atMs: number;
  /** Something is not yet in the file. */
  readonly dirty: boolean;
  /** Why saving does not work now; empty: it does. */
  readonly problem: string;
  readonly problemSinceMs: number;
}

/** Nothing that is done now is decided: it waits. */
export interface StalledView {
  /** A sentence. */
  readonly reason: string;
  readonly diskFull: boolean;
  /** By this machine's clock. */
  readonly sinceMs: number;
}

/** A pager's text (`obj?`). */
export interface Page {
  readonly runId: RunId;
  readonly data: Readonly<Record<string, Json>>;
}

/** A change to one source as the user made it, on the text the page shows. */
export interface SourceEdit {
  readonly op: "change-source";
  readonly cellId: CellId;
  readonly changes: ChangeSet;
}

/** Edits as the page makes them; source changes get their base version when they are sent. */
export type LocalEdit =
  | InsertCells
  | DeleteCells
  | RestoreCells
  | MoveCells
  | SourceEdit
  | SetKind
  | SetCellMetadata
  | SetMetadata
  | SetAttachments
  | ClearOutputs;

/** Something the server did not do, in words for people. */
export interface RefusedView {
  readonly refusal: Refusal;
  readonly message: string;
}

/** What the kernel answered, or why it did not. */
export type AnswerView =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: string };

export interface RestartOptions {
  readonly clear: boolean;
  readonly run: readonly CellId[];
}

export interface NotebookModel {
  readonly path: ReadonlySignal<NotebookPath>;
  readonly status: ReadonlySignal<NotebookStatus>;
  readonly writable: ReadonlySignal<boolean>;
  /** Cell ids from top to bottom. */
  readonly order: ReadonlySignal<readonly CellId[]>;
  readonly metadata: ReadonlySignal<Readonly<Record<string, Json>>>;
  readonly runs: ReadonlySignal<readonly Run[]>;
  readonly kernel: ReadonlySignal<KernelState>;
  readonly saved: ReadonlySignal<SavedView>;
  readonly notices: ReadonlySignal<readonly Notice[]>;
  /** Why the server cannot record anything now; null: it can. */
  readonly stalled: ReadonlySignal<StalledView | null>;
  readonly link: ReadonlySignal<LinkStatus>;
  /** Intents that the server has not yet answered, but for messages to comms. */
  readonly pendingCount: ReadonlySignal<number>;
  readonly selection: ReadonlySignal<Selection>;
  /** Add to this machine's clock to get the server's, milliseconds. */
  readonly clockOffsetMs: ReadonlySignal<number>;
  /** The pager's text now, or null. */
  readonly page: ReadonlySignal<Page | null>;
  readonly canUndo: ReadonlySignal<boolean>;
  readonly canRedo: ReadonlySignal<boolean>;

  /** One cell's signal: the same one each time. A cell that is gone keeps its last value. */
  cell(id: CellId): ReadonlySignal<CellView>;
  /** Whether the notebook has this cell now. */
  has(id: CellId): boolean;
  /** Place in the queue, 1 is next; 0: not queued. */
  place(id: CellId): ReadonlySignal<number>;

  /** Edits that happen together: one intent, one step of undo when structural. */
  edit(edits: readonly LocalEdit[]): void;
  /** Hear of changes to a source that did not come from `edit` with this `origin`; returns how to stop. */
  onSource(id: CellId, listener: SourceListener): () => void;
  /** What the user typed in the editor that listens with `listener`. */
  type(id: CellId, changes: ChangeSet, listener: SourceListener): void;
  select(selection: Selection): void;
  undo(): void;
  redo(): void;

  run(cellIds: readonly CellId[]): void;
  cancelRuns(runIds: readonly RunId[]): void;
  reorderQueue(runIds: readonly RunId[]): void;
  interrupt(): void;
  startKernel(kernelspec: string): void;
  restart(options: RestartOptions): void;
  shutdownKernel(options: { readonly now: boolean }): void;
  answerInput(runId: RunId, value: string): void;
  save(): void;
  /** Let scripts run in the outputs that came with the file. */
  trust(): void;
  dismissNotice(id: string): void;
  /** A comm as the server confirmed it. */
  comm(id: CommId): Comm | undefined;
  /** All of them. */
  comms(): ReadonlyMap<CommId, Comm>;
  /** Hear of what happened to comms, in order, after it did; null: all of them may be different now. */
  onComm(listener: CommListener): () => void;
  /** Send a message to a comm. Resolves when the kernel has handled it, or it will not happen. Never rejects. */
  sendComm(message: CommDraft): Promise<void>;
  /** A question to the kernel. Never rejects. */
  ask(question: Question): Promise<AnswerView>;
  closePage(): void;
  /** Show a pager's text that was asked for here. */
  showPage(data: Readonly<Record<string, Json>>): void;
  onPage(listener: (page: Page) => void): () => void;
  onRefused(listener: (refused: RefusedView) => void): () => void;
  /** Stop following. */
  close(): void;
}

/** A message to a comm, before it has an id. */
export type CommDraft = Omit<SendComm, "intent" | "send_id">;

export type CommListener = (operation: CommOperation | null) => void;

/** Gets the change that brings the editor's text to what the page shows. */
export type SourceListener = (changes: ChangeSet) => void;
