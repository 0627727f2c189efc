/**
 * What the notebook page knows besides the notebook: what is folded, open, being renamed; and the page's side of commands.
 *
 * Nothing here is shared with other tabs unless it goes through the notebook's metadata.
 */

import { batch, computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { PageActions } from "../../commands/command.ts";
import type { AppContext } from "../../context.ts";
import { announce } from "../../controls/announce.tsx";
import { ask } from "../../controls/dialog.tsx";
import type { CellView, LocalEdit, NotebookModel, RefusedView } from "../../core/model.ts";
import { only } from "../../core/selection.ts";
import type { CellId, Json } from "../../core/wire.ts";
import type { CursorPlace, EditorHandle } from "../../editor/handle.ts";
import { readEntry, sentence } from "../dashboard/contents.ts";
import { addressOf, folderOf, nameOf } from "../places.ts";
import { openNewTerminal } from "../terminals.ts";
import { keepFlag, loadFlag } from "./flags.ts";
import { headingLevel, visibleCells } from "./headings.ts";

export type ScrollPlace = "nearest" | "start" | "center";

export interface NotebookPage extends PageActions {
  readonly context: AppContext;
  readonly notebook: NotebookModel;
  readonly overlay: Signal<"palette" | "help" | "connection" | "kernels" | "find" | "replace" | null>;
  readonly renaming: Signal<boolean>;
  /** Cells that are not hidden below a folded heading. */
  readonly visible: ReadonlySignal<readonly CellId[]>;
  readonly folded: Signal<ReadonlySet<CellId>>;
  /** Text cells that show their source. */
  readonly sourceShown: Signal<ReadonlySet<CellId>>;
  /** The outline stands beside the cells. */
  readonly outline: Signal<boolean>;
  /** It was asked for: the keyboard goes on in it once it is there. */
  outlineTakesFocus: boolean;
  readonly allLineNumbers: Signal<boolean>;
  readonly lineNumbersOf: Signal<ReadonlySet<CellId>>;
  /** The newest thing the server did not do. */
  readonly refused: Signal<RefusedView | null>;
  /** What the server is making for a download, in words. */
  readonly making: Signal<string>;
  /** This machine's clock, once a second. */
  readonly nowMs: Signal<number>;
  /** What is typed into an open `input()`, by run: it survives scrolling away. */
  readonly drafts: Map<string, string>;
  /** Set by the list of cells. */
  scroller: Scroller | null;
  /** What was last looked for, and how to go on while the bar is open: set by it. */
  sought: string;
  finder: ((direction: 1 | -1) => void) | null;
  /** When something was last typed on the page. */
  typedMs: number;
  /** Where the cursor goes in the editor that gets the focus next. */
  nextCursor: CursorPlace;
  /** Keys for a cell whose editor is still on its way over the line; it gets them when it is there. */
  readonly early: KeyboardEvent[];
  mounted(id: CellId, editor: EditorHandle): () => void;
  /** A key pressed in an editor or on a cell; true: it was a command's. Set by `wireKeys`. */
  onKey: (event: KeyboardEvent) => boolean;
  /** Select a cell and edit it. */
  edit(id: CellId, cursor: CursorPlace): void;
}

export interface Scroller {
  show(id: CellId, where: ScrollPlace): void;
}

export function makePage(context: AppContext, notebook: NotebookModel): NotebookPage {
  const editors = new Map<CellId, EditorHandle>();
  const folded = signal<ReadonlySet<CellId>>(new Set());
  const sourceShown = signal<ReadonlySet<CellId>>(new Set());
  const lineNumbersOf = signal<ReadonlySet<CellId>>(new Set());
  const peek = (id: CellId): CellView => notebook.cell(id).peek();
  let clipboard: { readonly json: string; readonly text: string } | null = null;
  /** The system has taken it; until then, and where it may not, what was copied is only here. */
  let isWritten = true;
  let wasAskedForName = false;

  const write = async (data: { readonly json: string; readonly text: string }): Promise<boolean> => {
    try {
      await navigator.clipboard.write([
        new ClipboardItem({
          "text/plain": new Blob([data.text], { type: "text/plain" }),
          [CELLS_MIME]: new Blob([data.json], { type: CELLS_MIME }),
        }),
      ]);
      return true;
    } catch {
      return false;
    }
  };

  const setMetadata = (
    id: CellId,
    set: Readonly<Record<string, Json>>,
    remove: readonly string[],
  ): LocalEdit => ({
    op: "set-cell-metadata",
    cell_id: id,
    set,
    remove,
  });

  const page: NotebookPage = {
    context,
    notebook,
    overlay: signal(null),
    renaming: signal(false),
    folded,
    visible: computed(() => visibleCells(notebook.order.value, folded.value, peek)),
    sourceShown,
    outline: signal(loadFlag("outline")),
    outlineTakesFocus: false,
    allLineNumbers: signal(false),
    lineNumbersOf,
    refused: signal(null),
    making: signal(""),
    nowMs: signal(Date.now()),
    drafts: new Map(),
    scroller: null,
    sought: "",
    finder: null,
    nextCursor: "keep",
    typedMs: 0,
    onKey: () => false,
    early: [],

    mounted(id, editor) {
      editors.set(id, editor);
      return () => {
        if (editors.get(id) === editor) editors.delete(id);
      };
    },
    edit(id, cursor) {
      page.nextCursor = cursor;
      notebook.select(only(id, "edit"));
    },

    openPalette() {
      page.overlay.value = "palette";
    },
    openHelp() {
      page.overlay.value = "help";
    },
    openConnection() {
      page.overlay.value = "connection";
    },
    async confirm(question) {
      const answer = await ask(question.title, question.text, [
        { value: "yes", label: question.action, kind: question.danger ? "danger" : "primary" },
      ]);
      return answer === "yes";
    },
    editor: id => editors.get(id) ?? null,
    scrollToCell(id, where) {
      reveal(page, id);
      page.scroller?.show(id, where);
    },
    withoutHidden: order => visibleCells(order, folded.peek(), peek),
    scrollPages(pages) {
      window.scrollBy({ top: pages * (window.innerHeight - 96), behavior: "smooth" });
    },
    toggleOutputs(ids) {
      const hide = !ids.every(id => outputsHidden(peek(id).metadata));
      notebook.edit(
        ids.map(id => {
          const { jupyter } = peek(id).metadata;
          const kept = isObject(jupyter) ? jupyter : {};
          return setMetadata(id, { collapsed: hide, jupyter: { ...kept, outputs_hidden: hide } }, []);
        }),
      );
    },
    toggleOutputScroll(ids) {
      const on = !ids.every(id => peek(id).metadata.scrolled === true);
      notebook.edit(ids.map(id => setMetadata(id, { scrolled: on }, [])));
    },
    toggleLineNumbers(id) {
      if (id === null) page.allLineNumbers.value = !page.allLineNumbers.value;
      else lineNumbersOf.value = toggled(lineNumbersOf.value, id);
    },
    toggleOutline() {
      page.outline.value = !page.outline.value;
      page.outlineTakesFocus = page.outline.value;
      keepFlag("outline", page.outline.value);
      if (!page.outline.value) giveFocusBack(page);
    },
    setRendered(ids, rendered) {
      const next = new Set(sourceShown.value);
      for (const id of ids) {
        if (rendered) next.delete(id);
        else next.add(id);
      }
      sourceShown.value = next;
    },
    setCollapsed(id, collapsed) {
      const cell = peek(id);
      if (headingLevel(cell) === 0 || folded.value.has(id) === collapsed) return false;
      folded.value = toggled(folded.value, id);
      if (notebook.writable.value) {
        notebook.edit([
          collapsed
            ? setMetadata(id, { heading_collapsed: true }, [])
            : setMetadata(id, {}, ["heading_collapsed"]),
        ]);
      }
      return true;
    },
    setAllCollapsed(collapsed) {
      folded.value = new Set(collapsed ? notebook.order.value.filter(id => headingLevel(peek(id)) > 0) : []);
    },
    find({ replace }) {
      page.overlay.value = replace ? "replace" : "find";
    },
    findNext(direction) {
      if (page.finder === null) page.overlay.value = "find";
      else page.finder(direction);
    },
    print() {
      window.print();
    },
    toggleInspector() {
      inspect(page);
    },
    chooseKernel() {
      page.overlay.value = "kernels";
    },
    rename() {
      page.renaming.value = true;
    },
    download(format) {
      const path = notebook.path.value;
      if (format === "ipynb") keep(`${addressOf(context.base, "files", path)}?download=1`, "");
      else void downloadAs(page, format);
    },
    openDashboard() {
      window.open(addressOf(context.base, "tree", folderOf(notebook.path.value)), "_blank", "noopener");
    },
    openAccount() {
      window.open(`${context.base}account`, "_blank", "noopener");
    },
    newTerminal() {
      openNewTerminal(context.rest, context.base, folderOf(notebook.path.value)).catch((error: unknown) => {
        page.refused.value = { refusal: "invalid", message: sentence(error) };
      });
    },
    signOut() {
      location.assign(`${context.base}logout`);
    },
    openLab() {
      window.open(addressOf(context.base, "lab/tree", notebook.path.value), "_blank", "noopener");
    },
    saveVersion({ asked }) {
      void saveVersion(page, asked);
    },
    revert() {
      // Rarely wanted, and the server is asked anyway: a chunk of its own.
      import("./reverting.ts").then(
        ({ revert }) => revert(page),
        () => {
          page.refused.value = { refusal: "invalid", message: "A part of the page did not load. Try again." };
        },
      );
    },
    duplicate() {
      void duplicate(page);
    },
    nameFirst() {
      if (wasAskedForName || !/^Untitled\d*\.ipynb$/i.test(nameOf(notebook.path.peek()))) return;
      wasAskedForName = true;
      page.renaming.value = true;
    },
    closeTab() {
      window.close();
      // A tab that no script opened stays: go where its notebook lies.
      location.assign(addressOf(context.base, "tree", folderOf(notebook.path.value)));
    },
    announce,
    async writeClipboard(data) {
      clipboard = data;
      isWritten = false;
      const taken = await write(data);
      if (clipboard === data) isWritten = taken;
      return taken;
    },
    async readClipboard() {
      if (!isWritten && clipboard !== null) return clipboard;
      try {
        const [item] = await navigator.clipboard.read();
        if (item === undefined) return clipboard ?? { json: null, text: null };
        const read = async (type: string) =>
          item.types.includes(type) ? (await item.getType(type)).text() : null;
        const [json, text] = [await read(CELLS_MIME), await read("text/plain")];
        // Some systems drop what they do not know: our own copy is as good, while its text is what lies there.
        if (json === null && text === clipboard?.text) return clipboard;
        return { json, text };
      } catch {
        return clipboard ?? { json: null, text: null };
      }
    },
    newId(length) {
      const letters = "0123456789abcdefghijklmnopqrstuvwxyz";
      // 252 is the largest multiple of 36 in a byte: above it, letters would not be equally likely.
      let id = "";
      while (id.length < length) {
        for (const byte of crypto.getRandomValues(new Uint8Array(length * 2))) {
          if (byte < 252 && id.length < length) id += letters[byte % 36];
        }
      }
      return id;
    },
  };
  return page;
}

const SETTLE_MS = 5000;

/** A field or a dialog is gone: the next key is for the cell again, unless the focus went elsewhere on purpose. */
export function giveFocusBack(page: NotebookPage): void {
  requestAnimationFrame(() => {
    const focused = document.activeElement;
    if (focused !== null && focused !== document.body) return;
    const { active, mode } = page.notebook.selection.peek();
    if (active === null) return;
    if (mode === "edit") page.editor(active)?.focus();
    else
      document
        .querySelector<HTMLElement>(`[data-cell="${CSS.escape(active)}"]`)
        ?.focus({ preventScroll: true });
  });
}

/** Cells on the clipboard, for other tabs and other notebooks. */
const CELLS_MIME = "web application/x-carnet-cells+json";

export function outputsHidden(metadata: Readonly<Record<string, Json>>): boolean {
  return metadata.collapsed === true || jupyterFlag(metadata, "outputs_hidden");
}

export function sourceHidden(metadata: Readonly<Record<string, Json>>): boolean {
  return jupyterFlag(metadata, "source_hidden");
}

function jupyterFlag(metadata: Readonly<Record<string, Json>>, name: string): boolean {
  return isObject(metadata.jupyter) && metadata.jupyter[name] === true;
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function toggled(set: ReadonlySet<CellId>, id: CellId): ReadonlySet<CellId> {
  const next = new Set(set);
  if (!next.delete(id)) next.add(id);
  return next;
}

/** Show a cell that folded headings hide: they open. */
function reveal(page: NotebookPage, id: CellId): void {
  const { notebook, folded } = page;
  const order = notebook.order.peek();
  const cell = (one: CellId): CellView => notebook.cell(one).peek();
  const at = order.indexOf(id);
  if (at < 0 || visibleCells(order, folded.peek(), cell).includes(id)) return;
  let level = 7;
  const opened = new Set(folded.peek());
  for (const one of order.slice(0, at + 1).toReversed()) {
    const own = headingLevel(cell(one));
    if (own === 0 || own >= level) continue;
    level = own;
    if (one !== id) opened.delete(one);
  }
  folded.value = opened;
}

/** Write the file, and keep this state of it as a version; unasked, only where that can be done now. */
async function saveVersion(page: NotebookPage, asked: boolean): Promise<void> {
  const { notebook, context } = page;
  notebook.save();
  if (!asked && notebook.link.peek().kind !== "live") return;
  await settled(notebook);
  try {
    await context.rest.request("POST", "api/contents", `${notebook.path.peek()}/checkpoints`);
    announce(asked ? "Version saved." : "Saved.");
  } catch (error) {
    // The file is saved, and the bar says so: a store that keeps no versions is no fault of a Ctrl-S.
    if (asked) page.refused.value = { refusal: "invalid", message: sentence(error) };
  }
}

/** Have the browser keep what is at an address. */
function keep(address: string, name: string): void {
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
}

/** Have the server make another format; that takes seconds, and says so. */
async function downloadAs(page: NotebookPage, format: string): Promise<void> {
  const { notebook, context, making } = page;
  if (making.peek() !== "") return;
  making.value = `Making the ${format === "script" ? "script" : `${format} file`}…`;
  try {
    notebook.save();
    await settled(notebook);
    const { name, blob } = await context.rest.file(`nbconvert/${format}`, notebook.path.peek());
    const address = URL.createObjectURL(blob);
    keep(address, name);
    // The browser takes it over with the click, some a moment later.
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
    announce(`Downloaded ${name}.`);
  } catch (error) {
    page.refused.value = { refusal: "invalid", message: sentence(error) };
  } finally {
    making.value = "";
  }
}

async function duplicate(page: NotebookPage): Promise<void> {
  const { notebook, context } = page;
  // The tab must open in the click itself, or the browser takes it for a pop-up.
  const tab = window.open("", "_blank");
  try {
    notebook.save();
    await settled(notebook);
    const path = notebook.path.peek();
    const json = { copy_from: path };
    const made = await context.rest.request("POST", "api/contents", folderOf(path), { json });
    const entry = readEntry(made);
    if (entry === null) throw new Error("The copy was made, but the server did not say where.");
    const address = addressOf(context.base, "notebooks", entry.path);
    if (tab === null) location.assign(address);
    else tab.location.assign(address);
  } catch (error) {
    tab?.close();
    page.refused.value = { refusal: "invalid", message: sentence(error) };
  }
}

/** Wait until the file holds what the page shows; not for ever, since a save may fail (which has its own line). */
export function settled(notebook: NotebookModel): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(() => done(), SETTLE_MS);
    const stop = effect(() => {
      if (!notebook.saved.value.dirty && notebook.pendingCount.value === 0) queueMicrotask(() => done());
    });
    const done = (): void => {
      clearTimeout(timer);
      stop();
      resolve();
    };
  });
}

/** Show what the kernel knows about the thing at the cursor. */
function inspect(page: NotebookPage): void {
  const { active } = page.notebook.selection.peek();
  if (active !== null) page.editor(active)?.act("tooltip");
}

/** Take in what a notebook says about itself when it opens: folded headings. */
export function readFolds(page: NotebookPage): void {
  batch(() => {
    const ids = page.notebook.order.value.filter(
      id => page.notebook.cell(id).peek().metadata.heading_collapsed === true,
    );
    if (ids.length > 0) page.folded.value = new Set(ids);
  });
}
