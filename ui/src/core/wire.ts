// biome-ignore-all format: generated
/**
 * The frames between page and server, and the session's state, as they are on the wire.
 *
 * Written by tools/make_ts_types.py from src/carnet/core: change it there. A test keeps the two alike.
 */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** `ChangeSet.toJSON()`: `n` keeps n units; `[n, line, ...]` replaces n units by the lines. */
export type ChangeJson = readonly (number | readonly (number | string)[])[];

export const PROTOCOL = 1;
export const FIRST_CELLS = 60;
export const MORE_CELLS = 250;
export const BIN_LIMIT = 200;

/** 1 to 64 characters of `[A-Za-z0-9_-]`, unique in its notebook (nbformat 4.5). */
export type CellId = string;

/** One execution of one cell; it is the `msg_id` of its execute_request. */
export type RunId = string;

/** The runs that one press of Run asked for: an error in one aborts the rest. */
export type BatchId = string;

/** One connected tab, made by the tab, new at each page load. */
export type ClientId = string;

/** One kernel process lineage: it stays the same over a restart. */
export type KernelId = string;

/** One comm of a kernel, named by whoever opened it (Jupyter's `comm_id`). */
export type CommId = string;

/** One message to a comm; it is the `msg_id` it has for the kernel. */
export type SendId = string;

/** One notebook journal. Numbers of one journal mean nothing in another. */
export type JournalId = string;

/** POSIX, relative to the root, no leading slash, no `.` or `..` parts. */
export type NotebookPath = string;

/** Opaque: equal revisions mean equal bytes. */
export type Revision = string;

export type CellKind = "code" | "markdown" | "raw";

/** Bytes kept outside the notebook: content-addressed, immutable. */
export interface BlobRef {
  /** Lower-case hex of the bytes; the blob's name. */
  readonly sha256: string;
  readonly size_bytes: number;
  /** Of the bytes: text is UTF-8; binary MIME types are stored decoded from base64. */
  readonly media_type: string;
  /** Binary types only: the base64 text in the file ends with a line feed, as some kernels write it. */
  readonly newline: boolean;
}

/** A finished part of a long stream, moved to a blob (UTF-8 text). */
export interface Spill {
  readonly blob: BlobRef;
  /** Line feeds in it. */
  readonly lines: number;
}

/** Text on stdout or stderr. The whole text is head + each spilled part + text. */
export interface Stream {
  readonly output_type: "stream";
  /** `stdout` or `stderr`; other names are kept as they are. */
  readonly name: string;
  readonly text: string;
  /** The first lines, once something was spilled; else empty. */
  readonly head: string;
  readonly spilled: readonly Spill[];
  /** Where the next character goes in the last line of `text`; -1: at its end. */
  readonly column: number;
  readonly extra: Readonly<Record<string, Json>>;
}

/** A MIME bundle. A type stands in `data` or in `blobs`, never in both. */
export interface DisplayData {
  readonly output_type: "display_data";
  /** MIME type to JSON value; text types hold one string, never a list of lines. */
  readonly data: Readonly<Record<string, Json>>;
  readonly metadata: Readonly<Record<string, Json>>;
  readonly blobs: Readonly<Record<string, BlobRef>>;
  /** For update_display_data; lives with the kernel, is not written to the file. */
  readonly display_id: string | null;
  readonly extra: Readonly<Record<string, Json>>;
}

/** A MIME bundle with the number of the run that gave it. */
export interface ExecuteResult {
  readonly output_type: "execute_result";
  readonly data: Readonly<Record<string, Json>>;
  readonly metadata: Readonly<Record<string, Json>>;
  readonly blobs: Readonly<Record<string, BlobRef>>;
  readonly execution_count: number | null;
  readonly display_id: string | null;
  readonly extra: Readonly<Record<string, Json>>;
}

/** An exception the cell ended with; `traceback` lines may hold ANSI colours. */
export interface ErrorOutput {
  readonly output_type: "error";
  readonly ename: string;
  readonly evalue: string;
  readonly traceback: readonly string[];
  readonly extra: Readonly<Record<string, Json>>;
}

export type Output =
  | Stream
  | DisplayData
  | ExecuteResult
  | ErrorOutput;

/** One ordered unit of a notebook. */
export interface Cell {
  readonly id: CellId;
  readonly kind: CellKind;
  readonly source: string;
  readonly metadata: Readonly<Record<string, Json>>;
  /** Code cells only. */
  readonly outputs: readonly Output[];
  /** Code cells only. */
  readonly execution_count: number | null;
  /** Markdown and raw cells only: file name to MIME bundle. */
  readonly attachments: Readonly<Record<string, Json>> | null;
  readonly extra: Readonly<Record<string, Json>>;
}

/** failed: it raised. aborted: never sent or cancelled. lost: the kernel died under it. */
export type RunOutcome = "done" | "failed" | "aborted" | "lost";

export type KernelStatus = "none" | "starting" | "idle" | "busy" | "restarting" | "dead";

/**
 * too-old: the base version is no longer known, read the cell again and diff.
 *
 * read-only: this login may not. protected: the cell's metadata forbids it.
 */
export type Refusal = "too-old" | "read-only" | "protected" | "no-kernel" | "invalid";

/** An open `input()` or `getpass()` of a running cell. */
export interface InputRequest {
  readonly run_id: RunId;
  readonly prompt: string;
  readonly password: boolean;
  /** The input_request's header, JSON: the reply names it as parent. */
  readonly header: string;
}

/** How the newest finished run of a cell went. */
export interface LastRun {
  readonly run_id: RunId;
  readonly outcome: RunOutcome;
  /** Source version it ran; another version now means the outputs are stale. -1: none of ours (`source`). */
  readonly version: number;
  readonly started_ms: number | null;
  readonly finished_ms: number;
  /** What another program ran (SE17), where that was not the source as it stood here then. */
  readonly source: string | null;
}

/** A cell and what is going on with it. */
export interface CellState {
  readonly cell: Cell;
  /** Counts source changes in this journal; base of `ChangeSourceFrom`. */
  readonly version: number;
  readonly last: LastRun | null;
  /** Old outputs stay until the next output comes (a new run, or clear_output(wait=True)). */
  readonly clear_pending: boolean;
  readonly input: InputRequest | null;
  /** A run has started and nothing came yet: the outputs are those of an earlier run (SE4). */
  readonly old_outputs: boolean;
  /** The outputs came with a file or a paste, and nobody has trusted them: scripts in them do not run (SE16). */
  readonly foreign: boolean;
}

/** A run that is queued or running. The order of `SessionState.runs` is the queue's. */
export interface Run {
  readonly id: RunId;
  readonly cell_id: CellId;
  readonly batch_id: BatchId;
  /** As it stood when Run was pressed. */
  readonly source: string;
  readonly version: number;
  readonly stop_on_error: boolean;
  /** Who asked: a user's name for people. */
  readonly by: string;
  readonly queued_ms: number;
  /** None: queued. Set: running (sent to the kernel). */
  readonly started_ms: number | null;
  /** How it went, once the reply is in; the run is over when `idle` is in too (SE7). */
  readonly reply: RunOutcome | null;
  /** The kernel's idle status for this run is in. */
  readonly idle: boolean;
  /** Someone took it back; it goes when the host says that it was not sent. */
  readonly cancelled: boolean;
  /** Another program sends it to the kernel by itself (SE17): we never submit, order or cancel it. */
  readonly elsewhere: boolean;
}

/** The kernel this session is bound to. */
export interface KernelState {
  readonly id: KernelId | null;
  readonly kernelspec: string;
  readonly display_name: string;
  readonly language: string;
  readonly status: KernelStatus;
  /** When the status last changed. */
  readonly since_ms: number;
  /** Starts of this kernel; another number means that variables are gone. */
  readonly lineage: number;
  readonly obituary: Obituary | null;
  /** Why it could not start, for people. */
  readonly problem: string;
  /** Last number of the kernel journal that is in this state. */
  readonly cursor: number;
  /** The kernel this session ended before: a server that was killed meanwhile ends it again. */
  readonly replaces: KernelId | null;
}

/** What is in the file. */
export interface Saved {
  /** Of the file as last read or written; None: never written. */
  readonly revision: Revision | null;
  /** Entries up to here are in the file. */
  readonly seq: number;
  readonly at_ms: number;
  /** Why saving does not work now, for people; empty: it does. */
  readonly problem: string;
  readonly problem_since_ms: number;
}

export type NoticeKind = "info" | "warning" | "error";

/** A line in the page that stays until dismissed. */
export interface Notice {
  readonly id: string;
  readonly kind: NoticeKind;
  readonly text: string;
  readonly at_ms: number;
}

/** A deleted cell, restorable. */
export interface Binned {
  readonly state: CellState;
  /** The cell it stood behind; None: it was first. */
  readonly after: CellId | null;
}

/** A value of a comm's data that is not JSON, or large. Bytes stand in `data` or in `blob`, never in both. */
export interface CommBuffer {
  /** Where in the data it belongs; there stands nothing, or null. Empty: one of a message's buffers, in order. */
  readonly path: readonly (string | number)[];
  readonly data: Uint8Array;
  readonly blob: BlobRef | null;
  /** What belongs there is a string, and these are its UTF-8 bytes. */
  readonly text: boolean;
}

/** One open comm: for widgets, the model (SE20). */
export interface Comm {
  /** `target_name`: `jupyter.widget`, or another one. */
  readonly target: string;
  /** `target_module`. */
  readonly module: string;
  /** A widget's state as it is now; of other targets, what the comm was opened with. */
  readonly data: Readonly<Record<string, Json>>;
  readonly buffers: readonly CommBuffer[];
  /** False: its kernel process has ended. What it was is still shown, and is in the file. */
  readonly live: boolean;
  /** Of an Output widget: what is in `data.outputs` goes when the next output comes. */
  readonly clear_pending: boolean;
  /** Of an Output widget: as `Stream.column`, of the last of `data.outputs`. */
  readonly column: number;
}

export type CommMessage = "comm_msg" | "comm_open" | "comm_close";

/** A message to a comm that the kernel has not handled yet. */
export interface CommSend {
  readonly id: SendId;
  readonly comm_id: CommId;
  readonly message: CommMessage;
  readonly data: Readonly<Record<string, Json>>;
  readonly buffers: readonly CommBuffer[];
  /** Of `comm_open`. */
  readonly target: string;
  /** Where what the kernel prints because of it is shown. */
  readonly cell_id: CellId | null;
  /** Made here: it tells the kernel what its Output widget has (`data.outputs`) when it is sent (SE22). */
  readonly outputs: boolean;
  /** Keys of a widget's state that the kernel has told us because of it. */
  readonly answered: readonly string[];
}

/** Put these cells, in order, behind `after` (None: at the top; a gone one: at the end). */
export interface InsertCells {
  readonly op: "insert-cells";
  readonly after: CellId | null;
  readonly cells: readonly Cell[];
}

/** Move these cells to the bin. Queued runs of theirs go when the host has dropped them (a `DropRuns`). */
export interface DeleteCells {
  readonly op: "delete-cells";
  readonly cell_ids: readonly CellId[];
}

/**
 * Bring cells back from the bin, each behind the cell it stood behind.
 *
 * Where that one is in the bin too, behind the one before it, and so on; gone: at the end.
 */
export interface RestoreCells {
  readonly op: "restore-cells";
  readonly cell_ids: readonly CellId[];
}

/**
 * Take these cells out and put them, in the given order, behind `after` (None: at the top).
 *
 * Nothing moves when `after` is gone, or one of them.
 */
export interface MoveCells {
  readonly op: "move-cells";
  readonly cell_ids: readonly CellId[];
  readonly after: CellId | null;
}

/** Change one source; `version` is the cell's version afterwards. */
export interface ChangeSource {
  readonly op: "change-source";
  readonly cell_id: CellId;
  readonly version: number;
  readonly changes: ChangeJson;
}

/** Make it a code, Markdown or raw cell. Outputs, count and attachments that no longer fit go. */
export interface SetKind {
  readonly op: "set-kind";
  readonly cell_id: CellId;
  readonly kind: CellKind;
}

/** Set and remove top-level keys of a cell's metadata. */
export interface SetCellMetadata {
  readonly op: "set-cell-metadata";
  readonly cell_id: CellId;
  readonly set: Readonly<Record<string, Json>>;
  readonly remove: readonly string[];
}

/** Set and remove top-level keys of the notebook's metadata. */
export interface SetMetadata {
  readonly op: "set-metadata";
  readonly set: Readonly<Record<string, Json>>;
  readonly remove: readonly string[];
}

/** Replace a Markdown or raw cell's attachments; None: it has none. */
export interface SetAttachments {
  readonly op: "set-attachments";
  readonly cell_id: CellId;
  readonly attachments: Readonly<Record<string, Json>> | null;
}

/** Replace the unknown fields of a cell, or of the notebook (None): they changed in the file. */
export interface SetExtra {
  readonly op: "set-extra";
  readonly cell_id: CellId | null;
  readonly extra: Readonly<Record<string, Json>>;
}

/** Remove outputs and counts of these cells. */
export interface ClearOutputs {
  readonly op: "clear-outputs";
  readonly cell_ids: readonly CellId[];
}

/** Outputs that came from outside (the file changed on disk). */
export interface ReplaceOutputs {
  readonly op: "replace-outputs";
  readonly cell_id: CellId;
  readonly outputs: readonly Output[];
  readonly execution_count: number | null;
}

/** The outputs that these cells have now are trusted; None: all that there are (SE16). */
export interface TrustOutputs {
  readonly op: "trust-outputs";
  readonly cell_ids: readonly CellId[] | null;
}

/** Put runs at the end of the queue: ours to submit, or another program's, which sends them itself (SE17). */
export interface QueueRuns {
  readonly op: "queue-runs";
  readonly runs: readonly Run[];
}

/** New order of queued runs; unknown ids are ignored, unnamed ones follow in their old order. */
export interface ReorderRuns {
  readonly op: "reorder-runs";
  readonly run_ids: readonly RunId[];
}

/** These runs will not happen; their cells return to idle with outcome `aborted` (no number) or `lost`. */
export interface DropRuns {
  readonly op: "drop-runs";
  readonly run_ids: readonly RunId[];
  readonly outcome: RunOutcome;
  readonly at_ms: number;
}

/** The run was sent to the kernel. Once more for one that runs: it starts over (the kernel had refused it). */
export interface StartRun {
  readonly op: "start-run";
  readonly run_id: RunId;
  readonly at_ms: number;
}

/** The kernel gave the run its number (execute_input). */
export interface CountRun {
  readonly op: "count-run";
  readonly run_id: RunId;
  readonly execution_count: number;
}

/** What became known of a run that is not over; what is not set here stays as it is. */
export interface MarkRun {
  readonly op: "mark-run";
  readonly run_id: RunId;
  readonly reply: RunOutcome | null;
  readonly idle: boolean;
  readonly cancelled: boolean;
}

/** Reply and idle are both in (SE7). */
export interface FinishRun {
  readonly op: "finish-run";
  readonly run_id: RunId;
  readonly outcome: RunOutcome;
  readonly at_ms: number;
  readonly execution_count: number | null;
}

/** Write text to the cell's last stream of that name as a terminal would, or begin one. */
export interface AppendStream {
  readonly op: "append-stream";
  readonly cell_id: CellId;
  readonly name: string;
  readonly text: string;
}

/** Append one output. */
export interface AddOutput {
  readonly op: "add-output";
  readonly cell_id: CellId;
  readonly output: Output;
}

/** Replace the content of every output with this display_id, wherever it is. */
export interface UpdateDisplay {
  readonly op: "update-display";
  readonly display_id: string;
  readonly data: Readonly<Record<string, Json>>;
  readonly metadata: Readonly<Record<string, Json>>;
  readonly blobs: Readonly<Record<string, BlobRef>>;
}

/** The kernel cleared a cell's outputs; `wait`: when the next one comes. */
export interface ClearOutput {
  readonly op: "clear-output";
  readonly cell_id: CellId;
  readonly wait: boolean;
}

/**
 * The first `length` characters (code points, after `head`) of a stream now live in a blob.
 *
 * 0: nothing was moved, since the stream changed meanwhile.
 */
export interface SpillStream {
  readonly op: "spill-stream";
  readonly cell_id: CellId;
  /** Of the output in the cell. */
  readonly index: number;
  readonly length: number;
  /** The stream's head from now on (only the first spill sets it). */
  readonly head: string;
  readonly spill: Spill;
}

/** The running cell asks for a line. */
export interface RequestInput {
  readonly op: "request-input";
  readonly cell_id: CellId;
  readonly input: InputRequest;
}

/** It was answered, or the run ended. What was answered is nowhere recorded. */
export interface CloseInput {
  readonly op: "close-input";
  readonly cell_id: CellId;
}

/** A pager's text (`obj?`) for the page to show now; it is not part of the state. */
export interface ShowPage {
  readonly op: "show-page";
  readonly run_id: RunId;
  readonly data: Readonly<Record<string, Json>>;
}

/** There is this comm now. Same id: it takes the place of the one before. */
export interface OpenComm {
  readonly op: "open-comm";
  readonly comm_id: CommId;
  readonly comm: Comm;
}

/** Set keys of a widget's state; what buffers stood below these keys goes. */
export interface ChangeComm {
  readonly op: "change-comm";
  readonly comm_id: CommId;
  readonly data: Readonly<Record<string, Json>>;
  readonly buffers: readonly CommBuffer[];
}

/** The kernel said this to whoever shows the comm now. It changes nothing, and only those hear it who listen (SE21). */
export interface TellComm {
  readonly op: "tell-comm";
  readonly comm_id: CommId;
  readonly data: Readonly<Record<string, Json>>;
  readonly buffers: readonly CommBuffer[];
}

/** Write text to an Output widget's last stream of that name as a terminal would, or begin one. */
export interface WriteComm {
  readonly op: "write-comm";
  readonly comm_id: CommId;
  readonly name: string;
  readonly text: string;
}

/** Append one output, as nbformat writes it, to an Output widget. */
export interface ShowInComm {
  readonly op: "show-in-comm";
  readonly comm_id: CommId;
  readonly output: Readonly<Record<string, Json>>;
  /** Paths within the output. */
  readonly buffers: readonly CommBuffer[];
}

/** Clear an Output widget; `wait`: when the next output comes. */
export interface ClearComm {
  readonly op: "clear-comm";
  readonly comm_id: CommId;
  readonly wait: boolean;
}

/** These comms are gone. */
export interface CloseComms {
  readonly op: "close-comms";
  readonly comm_ids: readonly CommId[];
}

/** A message goes to the kernel. */
export interface CommSent {
  readonly op: "comm-sent";
  readonly send: CommSend;
}

/** The kernel has told us these keys because of a message that it is still busy with. */
export interface MarkSend {
  readonly op: "mark-send";
  readonly send_id: SendId;
  readonly answered: readonly string[];
}

/** The kernel is done with that message: the next one may be sent. */
export interface CommHandled {
  readonly op: "comm-handled";
  readonly send_id: SendId;
}

/** The kernel is now this. */
export interface SetKernel {
  readonly op: "set-kernel";
  readonly kernel: KernelState;
}

/** Entries up to `seq` are in the file, which has this revision. */
export interface MarkSaved {
  readonly op: "mark-saved";
  readonly revision: Revision;
  readonly seq: number;
  readonly at_ms: number;
}

/** Saving does not work now; the journal holds the work. */
export interface MarkSaveFailed {
  readonly op: "mark-save-failed";
  readonly problem: string;
  readonly at_ms: number;
}

/** The notebook was renamed or moved. */
export interface SetPath {
  readonly op: "set-path";
  readonly path: NotebookPath;
}

/** Show a line until it is dismissed. Same id: replaces it. */
export interface AddNotice {
  readonly op: "add-notice";
  readonly notice: Notice;
}

/** Dismissed, or no longer true. */
export interface DropNotice {
  readonly op: "drop-notice";
  readonly id: string;
}

export type Operation =
  | InsertCells
  | DeleteCells
  | RestoreCells
  | MoveCells
  | ChangeSource
  | SetKind
  | SetCellMetadata
  | SetMetadata
  | SetAttachments
  | SetExtra
  | ClearOutputs
  | ReplaceOutputs
  | TrustOutputs
  | QueueRuns
  | ReorderRuns
  | DropRuns
  | StartRun
  | CountRun
  | MarkRun
  | FinishRun
  | AppendStream
  | AddOutput
  | UpdateDisplay
  | ClearOutput
  | SpillStream
  | RequestInput
  | CloseInput
  | ShowPage
  | OpenComm
  | ChangeComm
  | TellComm
  | WriteComm
  | ShowInComm
  | ClearComm
  | CloseComms
  | CommSent
  | MarkSend
  | CommHandled
  | SetKernel
  | MarkSaved
  | MarkSaveFailed
  | SetPath
  | AddNotice
  | DropNotice;

/** How far a kernel journal has been turned into entries. */
export interface KernelCursor {
  readonly kernel_id: KernelId;
  readonly number: number;
}

/** One number of a notebook journal: operations that happen together, and what they answer. */
export interface Entry {
  /** 1, 2, 3 ... without a gap. */
  readonly seq: number;
  readonly at_ms: number;
  readonly ops?: readonly Operation[];
  readonly client_id?: ClientId | null;
  /** This entry decides that client's intent of this number: done (ops may be none), or refused. */
  readonly intent?: number | null;
  /** Set: that intent will not happen, and there are no ops. */
  readonly refusal?: Refusal | null;
  /** Why it was refused, for people. */
  readonly message?: string;
  /** Kernel records up to here are in; committed in the same transaction (exactly once). */
  readonly cursor?: KernelCursor | null;
}

/**
 * A source change made on version `base`; the session maps it over what came since.
 *
 * A client has at most one of these unacknowledged for each cell, and composes
 * what is typed meanwhile (IN4).
 */
export interface ChangeSourceFrom {
  readonly op: "change-source-from";
  readonly cell_id: CellId;
  readonly base: number;
  readonly changes: ChangeJson;
}

export type CellEdit =
  | InsertCells
  | DeleteCells
  | RestoreCells
  | MoveCells
  | ChangeSourceFrom
  | SetKind
  | SetCellMetadata
  | SetMetadata
  | SetAttachments
  | ClearOutputs;

/** Edits that happen together, in order: typing, split, merge, paste, undo. */
export interface Edit {
  readonly intent: "edit";
  readonly edits: readonly CellEdit[];
}

/** One cell to run, with an id made by the client. */
export interface RunRequest {
  readonly run_id: RunId;
  readonly cell_id: CellId;
}

/**
 * Run these cells, in order, with the sources as they stand; starts a kernel if there is none.
 *
 * Markdown and raw cells in it, gone cells, and cells already queued are left out.
 */
export interface RunCells {
  readonly intent: "run-cells";
  readonly batch_id: BatchId;
  readonly runs: readonly RunRequest[];
}

/** Take queued runs out of the queue. A running one needs Interrupt. */
export interface CancelRuns {
  readonly intent: "cancel-runs";
  readonly run_ids: readonly RunId[];
}

/** Run the queued ones in this order. */
export interface ReorderQueue {
  readonly intent: "reorder-queue";
  readonly run_ids: readonly RunId[];
}

/** Interrupt the running cell; the queued ones return to idle. */
export interface Interrupt {
  readonly intent: "interrupt";
}

/** Bind a kernel of this kernelspec, ending the present one; empty: the notebook's, or the default. */
export interface StartKernel {
  readonly intent: "start-kernel";
  readonly kernelspec: string;
}

/** Restart; variables are gone. Then clear all outputs, and run the given cells. */
export interface RestartKernel {
  readonly intent: "restart-kernel";
  readonly clear: boolean;
  readonly batch_id: BatchId;
  readonly runs: readonly RunRequest[];
}

/** End the kernel. `now`: by SIGKILL. */
export interface ShutdownKernel {
  readonly intent: "shutdown-kernel";
  readonly now: boolean;
}

/** The line for an open input request. It goes to the kernel and nowhere else. */
export interface AnswerInput {
  readonly intent: "answer-input";
  readonly run_id: RunId;
  readonly value: string;
}

/**
 * A message to a comm in the kernel; the comm changes when the kernel says so.
 *
 * A comm that is gone, or whose kernel process has ended, gets none: that is no refusal.
 */
export interface SendComm {
  readonly intent: "send-comm";
  /** Made by the client. */
  readonly send_id: SendId;
  readonly comm_id: CommId;
  /** As the protocol has it: for widgets `{"method": "update", "state": ...}` without `buffer_paths`, or `custom`. */
  readonly data: Readonly<Record<string, Json>>;
  /** In an update, paths are within `state`. Up to 256 KiB in all stand here; what is larger is put into a blob before (`POST blobs`). */
  readonly buffers: readonly CommBuffer[];
  readonly message: CommMessage;
  /** Of `comm_open`: a target that the kernel has registered. */
  readonly target: string;
  /** The cell where it is shown: what the kernel prints because of it is shown there too. */
  readonly cell_id: CellId | null;
}

/** Write the file now, without waiting for the autosave. */
export interface SaveNow {
  readonly intent: "save-now";
}

/** Let scripts run in the outputs that came with the file, each in a frame that reaches nothing. */
export interface TrustNotebook {
  readonly intent: "trust-notebook";
}

/** Take a notice away, for everyone. */
export interface DismissNotice {
  readonly intent: "dismiss-notice";
  readonly id: string;
}

export type IntentBody =
  | Edit
  | RunCells
  | CancelRuns
  | ReorderQueue
  | Interrupt
  | StartKernel
  | RestartKernel
  | ShutdownKernel
  | AnswerInput
  | SendComm
  | SaveNow
  | TrustNotebook
  | DismissNotice;

/** One numbered wish of one client. */
export interface Intent {
  readonly client_id: ClientId;
  readonly number: number;
  /** Who, for people. */
  readonly by: string;
  readonly body: IntentBody;
}

/** First frame of every link, also after a cut. */
export interface Hello {
  readonly frame: "hello";
  readonly protocol: number;
  readonly client_id: ClientId;
}

/** Open this notebook (or go on with it): answers `Snapshot`, or `Entries` after `have`. */
export interface Follow {
  readonly frame: "follow";
  readonly follow: number;
  readonly path: NotebookPath;
  readonly journal_id: JournalId | null;
  /** Number of the last entry of that journal this tab has applied. */
  readonly have: number;
}

/** No more of this notebook. */
export interface Unfollow {
  readonly frame: "unfollow";
  readonly follow: number;
}

/** An intent, in the order of its numbers. */
export interface Intend {
  readonly frame: "intend";
  readonly follow: number;
  /** Whose number it is: the tab's own, or that of a dead tab whose journal it brings home. */
  readonly client_id: ClientId;
  readonly number: number;
  readonly body: IntentBody;
}

/** Everything up to this number is applied: lets the server send more (back-pressure). */
export interface Seen {
  readonly frame: "seen";
  readonly follow: number;
  readonly seq: number;
}

/** Complete at the cursor (code points). Answer: the complete_reply's content. */
export interface Complete {
  readonly question: "complete";
  readonly code: string;
  readonly cursor: number;
}

/** Describe what is at the cursor (code points); `detail` 0 or 1. Answer: the inspect_reply's content. */
export interface Inspect {
  readonly question: "inspect";
  readonly code: string;
  readonly cursor: number;
  readonly detail: number;
}

/** Is this code complete? Answer: the is_complete_reply's content. */
export interface IsComplete {
  readonly question: "is-complete";
  readonly code: string;
}

export type Question =
  | Complete
  | Inspect
  | IsComplete;

/** A question to the kernel; not journaled. One `Answer` comes, or `Problem`-like `error` in it. */
export interface Ask {
  readonly frame: "ask";
  readonly follow: number;
  readonly ask: number;
  readonly question: Question;
}

/** Is the link alive? Answered at once by `Pong`. */
export interface Ping {
  readonly frame: "ping";
  readonly sent_ms: number;
}

/** Show this terminal (or go on with it): answers `Attached` or `NoTerminal`. */
export interface Attach {
  readonly frame: "attach";
  /** The tab's own number for it, as `follow` is for notebooks. */
  readonly attach: number;
  readonly name: string;
  /** The terminal that `have` counts in. Empty: this tab has nothing. */
  readonly life: string;
  /** All bytes before this offset are here. */
  readonly have: number;
  readonly rows: number;
  /** The size it is to have from now on; 0: as it is. */
  readonly columns: number;
}

/** No more of this terminal. It goes on. */
export interface Detach {
  readonly frame: "detach";
  readonly attach: number;
}

/** Type into it. Numbers rise; what has a number that was taken is not typed again. */
export interface Type {
  readonly frame: "type";
  readonly attach: number;
  readonly number: number;
  readonly data: Uint8Array;
  /** A screen's answer to a program's question, which every screen gives: one of them is taken (HO96). */
  readonly answer: boolean;
}

/** Give it another size, in characters. */
export interface Resize {
  readonly frame: "resize";
  readonly attach: number;
  readonly rows: number;
  readonly columns: number;
}

/** Have a full-screen program draw itself again: what this screen was shown is only the end of it. */
export interface Redraw {
  readonly frame: "redraw";
  readonly attach: number;
}

/** All bytes before this offset are on the screen: lets the server send more. */
export interface Drawn {
  readonly frame: "drawn";
  readonly attach: number;
  readonly offset: number;
}

export type ToServer =
  | Hello
  | Follow
  | Unfollow
  | Intend
  | Seen
  | Ask
  | Ping
  | Attach
  | Detach
  | Type
  | Resize
  | Redraw
  | Drawn;

/** The answer to Hello. */
export interface Welcome {
  readonly frame: "welcome";
  readonly protocol: number;
  /** Carnet's version: another one than the page's own means that the page offers to reload. */
  readonly version: string;
  readonly now_ms: number;
  readonly user: string;
}

/** `SessionState` as browsers hold it: without its server-only fields. */
export interface SessionView {
  readonly journal_id: JournalId;
  readonly path: NotebookPath;
  readonly seq: number;
  readonly changed_seq: number;
  readonly order: readonly CellId[];
  readonly cells: Readonly<Record<CellId, CellState>>;
  readonly metadata: Readonly<Record<string, Json>>;
  readonly nbformat: number;
  readonly nbformat_minor: number;
  readonly runs: readonly Run[];
  readonly kernel: KernelState;
  readonly saved: Saved;
  readonly notices: readonly Notice[];
  readonly bin: readonly Binned[];
  readonly comms: Readonly<Record<CommId, Comm>>;
}

/** The state at a number. `session.cells` has the first cells only, and `session.comms` is empty; `order` has all. */
export interface Snapshot {
  readonly frame: "snapshot";
  readonly follow: number;
  readonly session: SessionView;
  /** True: `MoreCells` frames of the same number follow before any `Entries`. */
  readonly more: boolean;
  /** The last intent number decided for this client (0: none): what need not be sent again. */
  readonly numbered: number;
  /** Those of them that were refused. */
  readonly refused: readonly number[];
  readonly writable: boolean;
}

/** More of the snapshot's cells, in order; then its comms. */
export interface MoreCells {
  readonly frame: "more-cells";
  readonly follow: number;
  readonly cells: Readonly<Record<CellId, CellState>>;
  readonly more: boolean;
  readonly comms: Readonly<Record<CommId, Comm>>;
}

/** Entries after what this tab has, in order, without a gap. */
export interface Entries {
  readonly frame: "entries";
  readonly follow: number;
  readonly entries: readonly Entry[];
}

/**
 * That intent never reached the session (read-only): it will not happen. Its number is not decided.
 *
 * What the session itself refuses comes as an `Entry` with `refusal`.
 */
export interface Refused {
  readonly frame: "refused";
  readonly follow: number;
  readonly client_id: ClientId;
  readonly number: number;
  readonly refusal: Refusal;
  readonly message: string;
}

/**
 * Nothing of this notebook can be recorded now, so nothing is decided; an empty reason: it can again.
 *
 * No part of the session: what is said of the journal cannot stand in it.
 */
export interface Stalled {
  readonly frame: "stalled";
  readonly follow: number;
  /** For people; a sentence. */
  readonly reason: string;
  readonly disk_full: boolean;
}

/** What the kernel answered; `error` says why there is nothing. */
export interface Answer {
  readonly frame: "answer";
  readonly ask: number;
  /** MessagePack of the reply's content. */
  readonly value: unknown | null;
  readonly error: string;
}

/** This notebook cannot be followed (not found, not a notebook, ...). */
export interface Problem {
  readonly frame: "problem";
  readonly follow: number;
  readonly status: number;
  readonly message: string;
}

/** The answer to Ping. */
export interface Pong {
  readonly frame: "pong";
  readonly sent_ms: number;
}

/** What comes next of this terminal begins here. */
export interface Attached {
  readonly frame: "attached";
  readonly attach: number;
  readonly life: string;
  readonly offset: number;
  /** What is before this offset was shown to somebody before: a screen must not answer what it asks. */
  readonly end: number;
  /** The screen must be cleared: it continues nothing that this tab has. */
  readonly fresh: boolean;
  /** Where what was before `offset` is not kept: what brings a fresh screen into the modes in force there. */
  readonly modes: Uint8Array;
}

/** What it shows; the first byte is at `offset`. It continues what was before. */
export interface Shown {
  readonly frame: "shown";
  readonly attach: number;
  readonly offset: number;
  readonly data: Uint8Array;
}

/** All up to this number was typed, or can never be. */
export interface Typed {
  readonly frame: "typed";
  readonly attach: number;
  readonly number: number;
}

/** Its shell is gone, and all it said was sent. */
export interface Ended {
  readonly frame: "ended";
  readonly attach: number;
  /** Negative: the number of the signal that ended it. */
  readonly exit_code: number;
}

/** It cannot be shown: there is none (404), it may not be (403), or not now (503: ask again in a while). */
export interface NoTerminal {
  readonly frame: "no-terminal";
  readonly attach: number;
  readonly status: number;
  readonly message: string;
}

/** The server ends the link on purpose; come back after `retry_ms` (-1: do not). */
export interface Bye {
  readonly frame: "bye";
  readonly reason: string;
  readonly retry_ms: number;
}

export type ToBrowser =
  | Welcome
  | Snapshot
  | MoreCells
  | Entries
  | Refused
  | Stalled
  | Answer
  | Problem
  | Pong
  | Attached
  | Shown
  | Typed
  | Ended
  | NoTerminal
  | Bye;

/** shell `complete_reply`. Cursor positions are Unicode code points (protocol 5.2). */
export interface CompleteReplyContent {
  readonly status: string;
  readonly matches: readonly string[];
  readonly cursor_start: number;
  readonly cursor_end: number;
  readonly metadata: Readonly<Record<string, Json>>;
}

/** shell `inspect_reply`. */
export interface InspectReplyContent {
  readonly status: string;
  readonly found: boolean;
  readonly data: Readonly<Record<string, Json>>;
}

/** shell `is_complete_reply`: status is `complete`, `incomplete`, `invalid` or `unknown`. */
export interface IsCompleteReplyContent {
  readonly status: string;
  readonly indent: string;
}

/** Why a kernel process ended. */
export interface Obituary {
  readonly exit_code?: number | null;
  readonly signal?: number | null;
  readonly signal_name?: string | null;
  readonly out_of_memory?: boolean;
  /** Peak resident size. */
  readonly peak_bytes?: number | null;
  /** The memory limit it lived under, where one is known. */
  readonly limit_bytes?: number | null;
  /** Last of what the process wrote to its real stderr (faulthandler's traceback). */
  readonly stderr_tail?: string;
  /** The run that was going on. */
  readonly run_id?: RunId | null;
  /** True: a shutdown or restart was asked for, nothing is wrong. */
  readonly asked?: boolean;
}
