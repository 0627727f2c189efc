/**
 * The form of a command, and what it may touch.
 *
 * A command is one object; menu, palette, toolbar and keyboard read the list in
 * `commands/all.ts`. It acts on the notebook (core) and on the page (views,
 * behind `PageActions`), and knows neither link nor DOM.
 */

import type { CellView, NotebookModel } from "../core/model.ts";
import { selectedIds } from "../core/selection.ts";
import type { CellId } from "../core/wire.ts";
import type { CursorPlace, EditorHandle } from "../editor/handle.ts";

/** What commands ask of the page around the notebook. The notebook view implements it. */
export interface PageActions {
  openPalette(): void;
  openHelp(): void;
  /** Say how the page is linked to the server. */
  openConnection(): void;
  /** Ask before what cannot be undone. */
  confirm(question: Question): Promise<boolean>;
  /** The editor of a cell, when it is mounted. */
  editor(id: CellId): EditorHandle | null;
  /** Select a cell and edit it, with the cursor there. */
  edit(id: CellId, cursor: CursorPlace): void;
  scrollToCell(id: CellId, where: "nearest" | "start" | "center"): void;
  /** Scroll by pages; fractions are fine. */
  scrollPages(pages: number): void;
  toggleOutputs(ids: readonly CellId[]): void;
  toggleOutputScroll(ids: readonly CellId[]): void;
  /** Null: of every cell. */
  toggleLineNumbers(id: CellId | null): void;
  /** Show a Markdown cell as text (true), or its source (false). */
  setRendered(ids: readonly CellId[], rendered: boolean): void;
  /** Show or hide the notebook's headings beside it. */
  toggleOutline(): void;
  /** Those of these cells that no folded heading hides: where keys lead. */
  withoutHidden(order: readonly CellId[]): readonly CellId[];
  /** Collapse or expand a heading's section; false: it is no heading, or it is so already. */
  setCollapsed(id: CellId, collapsed: boolean): boolean;
  setAllCollapsed(collapsed: boolean): void;
  find(options: { readonly replace: boolean }): void;
  findNext(direction: 1 | -1): void;
  print(): void;
  /** Show what the kernel knows about the thing at the cursor. */
  toggleInspector(): void;
  chooseKernel(): void;
  rename(): void;
  download(format: string): void;
  openDashboard(): void;
  /** Open a shell in the notebook's folder, in a tab of its own. */
  newTerminal(): void;
  /** Password, passkeys, devices, tokens; in a tab of its own. */
  openAccount(): void;
  /** Ask whether to sign this device out. */
  signOut(): void;
  /** This notebook in JupyterLab's own page. */
  openLab(): void;
  /** Save, and keep this state to come back to; `asked`: say how it went. */
  saveVersion(options: { readonly asked: boolean }): void;
  /** Go back to a state that was kept; which, is asked. */
  revert(): void;
  /** A copy beside it, opened in a tab of its own. */
  duplicate(): void;
  /** A notebook that nobody named yet is asked for its name, once. */
  nameFirst(): void;
  closeTab(): void;
  /** Speak through the live region, politely. */
  announce(text: string): void;
  /** The system clipboard; false: not allowed, the page keeps a copy of its own. */
  writeClipboard(data: { readonly json: string; readonly text: string }): Promise<boolean>;
  readClipboard(): Promise<{ readonly json: string | null; readonly text: string | null }>;
  /** A new random id of this many characters of `[0-9a-z]`. */
  newId(length: number): string;
}

export interface Question {
  readonly title: string;
  readonly text: string;
  /** The word on the button that does it. */
  readonly action: string;
  readonly danger: boolean;
}

/** What a command is given when it runs, and when the menu asks whether it could. */
export interface CommandContext {
  readonly notebook: NotebookModel;
  readonly page: PageActions;
  /** The cell with the focus. */
  readonly cell: CellView | null;
  /** Selected cells from top to bottom. */
  readonly selected: readonly CellId[];
  readonly mode: "command" | "edit";
}

/** What is installed beside Carnet (nbconvert, JupyterLab), or may be switched off (terminals). */
export type Extra = "export" | "lab" | "terminals";

export type Menu = "file" | "download" | "place" | "edit" | "view" | "insert" | "run" | "kernel" | "help";

export interface Command<Context = CommandContext> {
  readonly id: string;
  readonly label: string;
  /** More words that find it in the palette. */
  readonly words: string;
  /** Which menu it stands in, if any. */
  readonly menu: Menu | null;
  /** What must be there for it; without that it is nowhere to be seen. */
  readonly extra: Extra | null;
  /** Where its keys work. */
  readonly mode: "both" | "command" | "edit";
  /**
   * `Accel-Shift-c`, `d d`: modifiers in any order, then the key as `KeyboardEvent.key` says it
   * (letters in lower case). A space separates the strokes of a sequence.
   */
  readonly keys: readonly string[];
  /** Keys that the editor handles itself, since they mean several things there: shown in help and menus. */
  readonly editorKeys: readonly string[];
  /** Whether a key that is held down does it again and again. */
  readonly repeats: boolean;
  readonly when: (context: Context) => boolean;
  readonly run: (context: Context) => void;
}

/** What must be said of a command; the rest has defaults. */
export type CommandSpec<Context = CommandContext> = Pick<Command<Context>, "id" | "label" | "run"> &
  Partial<Command<Context>>;

export function command<Context = CommandContext>(spec: CommandSpec<Context>): Command<Context> {
  return {
    words: "",
    menu: null,
    extra: null,
    mode: "both",
    keys: [],
    editorKeys: [],
    repeats: true,
    when: () => true,
    ...spec,
  };
}

/** What commands are given now. */
export function contextOf(notebook: NotebookModel, page: PageActions): CommandContext {
  const selection = notebook.selection.peek();
  const order = notebook.order.peek();
  const cell = selection.active === null ? null : notebook.cell(selection.active).peek();
  return { notebook, page, cell, selected: selectedIds(selection, order), mode: selection.mode };
}
