/**
 * What a view asks of a cell's editor. Only types: the editor itself is a chunk of its own.
 *
 * Views import the editor with `import("../../editor/index.ts")`, never statically.
 */

import type { NotebookModel } from "../core/model.ts";
import type { CellId, CellKind } from "../core/wire.ts";

/** Where the cursor goes when an editor gets the focus; `keep`: where it was. */
export type CursorPlace = "start" | "end" | "keep";

export interface EditorOptions {
  readonly parent: HTMLElement;
  readonly notebook: NotebookModel;
  readonly cellId: CellId;
  /** For screen readers: "Code cell 4 of 12, running". */
  readonly label: string;
  readonly kind: CellKind;
  /** The kernel's language ("python"), for code cells. */
  readonly language: string;
  readonly lineNumbers: boolean;
  readonly readOnly: boolean;
  /** The user wants to leave: by Escape to command mode, or over the first or last line. */
  readonly onLeave: (how: "escape" | "up" | "down") => void;
  /** The editor got the focus by click, touch or Tab. */
  readonly onFocus: () => void;
  /**
   * A key the editor may not keep for itself (Shift-Enter): gets every keydown first.
   * Return true when it was handled; the editor then ignores it.
   */
  readonly onKey: (event: KeyboardEvent) => boolean;
}

/** What an editor can be told to do by name; commands and the phone's row of keys use it. */
export type EditorAction =
  | "complete"
  | "tooltip"
  | "indent"
  | "dedent"
  | "toggle-comment"
  | "toggle-block-comment"
  | "delete-line"
  | "select-next-occurrence"
  | "undo"
  | "redo"
  | "select-all"
  | "left"
  | "right"
  | "up"
  | "down";

export interface EditorHandle {
  readonly cellId: CellId;
  focus(place?: CursorPlace): void;
  hasFocus(): boolean;
  /** The main selection, UTF-16 offsets in the source the page shows; equal: a cursor. */
  selection(): { readonly from: number; readonly to: number };
  select(from: number, to: number): void;
  /** Type text over the selection, as a keyboard would. */
  insert(text: string): void;
  act(action: EditorAction): void;
  setLabel(label: string): void;
  setKind(kind: CellKind, language: string): void;
  setLineNumbers(on: boolean): void;
  setReadOnly(on: boolean): void;
  /** Stop listening and leave the page. History and cursor are kept for when the cell is edited again. */
  destroy(): void;
}
