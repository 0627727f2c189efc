/**
 * All commands of the notebook page: the only list. Menu, palette, toolbar and keyboard read it.
 *
 * Keys follow what Jupyter hands know. docs/reference/keyboard.md lists them; a test holds it against this file.
 */

import { cellsFromClipboard, cellsToClipboard, newCell } from "../core/clipboard.ts";
import type { CellView, LocalEdit } from "../core/model.ts";
import { only, selectedRange, step } from "../core/selection.ts";
import type { CellId, CellKind, RunId } from "../core/wire.ts";
import type { EditorAction } from "../editor/handle.ts";
import { strings } from "../strings.ts";
import { cellOf, headingEdit, headingLevelOf, mergeEdits, splitEdits } from "./celledits.ts";
import { type Command, type CommandContext, command } from "./command.ts";

// ---- what several commands need

const isWritable = ({ notebook }: CommandContext): boolean => notebook.writable.peek();
const hasForeign = ({ notebook }: CommandContext): boolean =>
  notebook.order.peek().some(id => notebook.cell(id).peek().foreign);
const canChange = (context: CommandContext): boolean => isWritable(context) && context.cell !== null;
const hasKernel = (context: CommandContext): boolean =>
  isWritable(context) && context.notebook.kernel.peek().status !== "none";

/** The runs of the selected cells that wait their turn, in the queue's order. */
function queuedRuns({ notebook, selected }: CommandContext): readonly RunId[] {
  if (!notebook.writable.peek()) return [];
  const waiting = notebook.runs.peek().filter(run => run.started_ms === null);
  return waiting.filter(run => selected.includes(run.cell_id)).map(run => run.id);
}

function views({ notebook }: CommandContext, ids: readonly CellId[]): readonly CellView[] {
  return ids.map(id => notebook.cell(id).peek());
}

function order({ notebook }: CommandContext): readonly CellId[] {
  return notebook.order.peek();
}

/** Run code cells, and show Markdown cells as text. */
function runCells(context: CommandContext, ids: readonly CellId[]): void {
  const cells = views(context, ids);
  context.page.setRendered(
    cells.filter(cell => cell.kind === "markdown").map(cell => cell.id),
    true,
  );
  context.notebook.run(cells.filter(cell => cell.kind === "code").map(cell => cell.id));
}

function insert(context: CommandContext, after: CellId | null, kind: CellKind, source = ""): CellId {
  const id = context.page.newId(8);
  context.notebook.edit([{ op: "insert-cells", after, cells: [newCell(kind, id, source)] }]);
  return id;
}

/** The cell that stands before the first selected one; null: none does. */
function above(context: CommandContext): CellId | null {
  const { from } = selectedRange(context.notebook.selection.peek(), order(context));
  return order(context)[from - 1] ?? null;
}

/** The cell behind which a new one stands: after the selection, and after what its last cell has folded away. */
function below(context: CommandContext): CellId | null {
  const all = order(context);
  const last = context.selected.at(-1);
  if (last === undefined) return all.at(-1) ?? null;
  const next = after(context, last);
  return next === undefined ? (all.at(-1) ?? null) : (all[all.indexOf(next) - 1] ?? last);
}

/** The next cell that can be seen. */
function after(context: CommandContext, id: CellId): CellId | undefined {
  const visible = context.page.withoutHidden(order(context));
  return visible[visible.indexOf(id) + 1];
}

function select(context: CommandContext, id: CellId | null, mode: "command" | "edit" = "command"): void {
  if (mode === "edit" && id !== null) context.page.setRendered([id], false);
  context.notebook.select(only(id, mode));
  if (id !== null) context.page.scrollToCell(id, "nearest");
}

function move(context: CommandContext, by: number, extend = false): void {
  const visible = context.page.withoutHidden(order(context));
  const next = step(context.notebook.selection.peek(), visible, by, { extend });
  context.notebook.select(next);
  if (next.active !== null) context.page.scrollToCell(next.active, "nearest");
}

function remove(context: CommandContext): void {
  const { notebook, page, selected } = context;
  const ids = selected.filter(id => notebook.cell(id).peek().metadata.deletable !== false);
  if (ids.length === 0) return;
  const edits: LocalEdit[] = [{ op: "delete-cells", cell_ids: ids }];
  // A notebook always has a cell to type in.
  if (ids.length === order(context).length) {
    edits.push({ op: "insert-cells", after: null, cells: [newCell("code", page.newId(8))] });
  }
  notebook.edit(edits);
  notebook.select(only(notebook.selection.peek().active));
  page.announce(strings.deletedCells(ids.length));
}

async function copy(context: CommandContext): Promise<void> {
  await context.page.writeClipboard(cellsToClipboard(views(context, context.selected).map(cellOf)));
}

async function paste(context: CommandContext, after: CellId | null): Promise<void> {
  const { notebook, page } = context;
  const cells = cellsFromClipboard(await page.readClipboard(), length => page.newId(length));
  if (cells.length === 0) {
    page.announce(strings.nothingToPaste);
    return;
  }
  notebook.edit([{ op: "insert-cells", after, cells }]);
  notebook.select({ mode: "command", anchor: cells[0]?.id ?? null, active: cells.at(-1)?.id ?? null });
}

function setKind(context: CommandContext, kind: CellKind): void {
  const ids = views(context, context.selected)
    .filter(cell => cell.kind !== kind)
    .map(cell => cell.id);
  context.notebook.edit(ids.map(id => ({ op: "set-kind", cell_id: id, kind })));
  if (kind === "markdown") context.page.setRendered(ids, false);
}

function merge(context: CommandContext, ids: readonly CellId[]): void {
  const [first] = ids;
  context.notebook.edit(mergeEdits(views(context, ids)));
  if (first !== undefined) select(context, first, context.mode);
}

function moveCells(context: CommandContext, direction: -1 | 1): void {
  const all = order(context);
  const { from, to } = selectedRange(context.notebook.selection.peek(), all);
  if (direction === -1 ? from === 0 : to >= all.length) return;
  const after = direction === -1 ? (all[from - 2] ?? null) : (all[to] ?? null);
  context.notebook.edit([{ op: "move-cells", cell_ids: context.selected, after }]);
  const active = context.notebook.selection.peek().active;
  if (active !== null) context.page.scrollToCell(active, "nearest");
}

function goToHeading(context: CommandContext, direction: -1 | 1): void {
  const all = context.page.withoutHidden(order(context));
  const start = context.cell === null ? 0 : all.indexOf(context.cell.id);
  for (let at = start + direction; at >= 0 && at < all.length; at += direction) {
    const id = all[at];
    if (id === undefined || headingLevelOf(context.notebook.cell(id).peek()) === 0) continue;
    select(context, id);
    return;
  }
}

function clearOutputs(context: CommandContext, ids: readonly CellId[]): void {
  const code = views(context, ids).filter(cell => cell.kind === "code");
  if (code.length > 0) context.notebook.edit([{ op: "clear-outputs", cell_ids: code.map(cell => cell.id) }]);
}

async function restart(
  context: CommandContext,
  text: string,
  clear: boolean,
  run: readonly CellId[],
): Promise<void> {
  const { notebook, page } = context;
  const question = { title: strings.restartTitle, text, action: strings.restartAction, danger: true };
  if (await page.confirm(question)) notebook.restart({ clear, run });
}

async function shutdown(context: CommandContext): Promise<boolean> {
  const question = {
    title: strings.shutdownTitle,
    text: strings.shutdownText,
    action: strings.shutdownAction,
    danger: true,
  };
  const sure = await context.page.confirm(question);
  if (sure) context.notebook.shutdownKernel({ now: false });
  return sure;
}

/** Acts in the editor of the active cell. */
function inEditor(
  id: string,
  label: string,
  action: EditorAction,
  keys: Pick<Command, "keys"> | Pick<Command, "editorKeys">,
): Command {
  return command({
    id,
    label,
    mode: "edit",
    ...keys,
    when: ({ cell, page, mode }) => mode === "edit" && cell !== null && page.editor(cell.id) !== null,
    run: ({ cell, page }) => {
      if (cell !== null) page.editor(cell.id)?.act(action);
    },
  });
}

/** The notebook in another format; all but the script need nbconvert. */
function downloadAs(
  format: string,
  label: string,
  words: string,
  more: Partial<Pick<Command, "menu" | "extra">> = {},
): Command {
  return command({
    id: `notebook.download-${format}`,
    label,
    words: `export convert ${words}`,
    menu: "download",
    extra: "export",
    ...more,
    run: ({ page }) => page.download(format),
  });
}

// ---- file

const FILE: readonly Command[] = [
  command({
    id: "notebook.save",
    label: strings.save,
    words: "checkpoint write",
    menu: "file",
    keys: ["Accel-s", "s"],
    when: isWritable,
    run: ({ page }) => {
      page.saveVersion({ asked: false });
      page.nameFirst();
    },
  }),
  command({
    id: "notebook.save-version",
    label: strings.saveVersion,
    words: "checkpoint history snapshot",
    menu: "file",
    when: isWritable,
    run: ({ page }) => page.saveVersion({ asked: true }),
  }),
  command({
    id: "notebook.revert",
    label: strings.revert,
    words: "checkpoint restore go back",
    menu: "file",
    when: isWritable,
    run: ({ page }) => page.revert(),
  }),
  command({
    id: "notebook.trust",
    label: strings.trust,
    words: "scripts run interactive outputs javascript",
    menu: "file",
    when: context => isWritable(context) && hasForeign(context),
    run: ({ notebook }) => notebook.trust(),
  }),
  command({
    id: "notebook.duplicate",
    label: strings.duplicate,
    words: "copy save as",
    menu: "file",
    when: isWritable,
    run: ({ page }) => page.duplicate(),
  }),
  command({
    id: "notebook.rename",
    label: strings.rename,
    words: "title name",
    menu: "file",
    when: isWritable,
    run: ({ page }) => page.rename(),
  }),
  command({
    id: "notebook.download",
    label: strings.download,
    words: "export",
    menu: "download",
    run: ({ page }) => page.download("ipynb"),
  }),
  downloadAs("script", strings.downloadScript, "python py code", { extra: null }),
  downloadAs("html", strings.downloadHtml, "web page"),
  downloadAs("markdown", strings.downloadMarkdown, "md text"),
  downloadAs("pdf", strings.downloadPdf, "print paper latex"),
  downloadAs("latex", strings.downloadLatex, "tex", { menu: null }),
  downloadAs("rst", strings.downloadRst, "restructuredtext sphinx", { menu: null }),
  downloadAs("slides", strings.downloadSlides, "reveal presentation", { menu: null }),
  command({
    id: "notebook.print",
    label: strings.print,
    menu: "download",
    keys: ["Accel-p"],
    run: ({ page }) => page.print(),
  }),
  command({
    id: "app.dashboard",
    label: strings.openDashboard,
    words: "files tree home browser",
    menu: "place",
    run: ({ page }) => page.openDashboard(),
  }),
  command({
    id: "app.new-terminal",
    label: strings.newTerminal,
    words: "shell console bash",
    menu: "place",
    extra: "terminals",
    run: ({ page }) => page.newTerminal(),
  }),
  command({
    id: "app.open-lab",
    label: strings.openLab,
    words: "jupyter lab",
    menu: "place",
    extra: "lab",
    run: ({ page }) => page.openLab(),
  }),
  command({
    id: "app.close",
    label: strings.closeTab,
    menu: "place",
    keys: ["Alt-w"],
    run: ({ page }) => page.closeTab(),
  }),
  command({
    id: "app.close-and-shut-down",
    label: strings.closeAndShutDown,
    words: "halt quit",
    menu: "place",
    keys: ["Ctrl-Shift-q"],
    when: isWritable,
    run: context => {
      void shutdown(context).then(sure => {
        if (sure) context.page.closeTab();
      });
    },
  }),
];

// ---- edit

const EDIT: readonly Command[] = [
  command({
    id: "cells.undo",
    label: strings.undo,
    menu: "edit",
    mode: "command",
    keys: ["z", "Accel-z"],
    when: context => isWritable(context) && context.notebook.canUndo.peek(),
    run: ({ notebook }) => notebook.undo(),
  }),
  command({
    id: "cells.redo",
    label: strings.redo,
    menu: "edit",
    mode: "command",
    keys: ["Shift-z", "Accel-Shift-z", "Ctrl-y"],
    when: context => isWritable(context) && context.notebook.canRedo.peek(),
    run: ({ notebook }) => notebook.redo(),
  }),
  command({
    id: "cells.cut",
    label: strings.cut,
    menu: "edit",
    mode: "command",
    keys: ["x", "Accel-x"],
    when: canChange,
    // At once: the next key is for what is left. What was copied is known before.
    run: context => {
      void copy(context);
      remove(context);
    },
  }),
  command({
    id: "cells.copy",
    label: strings.copy,
    menu: "edit",
    mode: "command",
    keys: ["c", "Accel-c"],
    // With text selected in an output, copying is about that text.
    when: ({ cell }) => cell !== null && (globalThis.getSelection?.()?.isCollapsed ?? true),
    run: context => {
      void copy(context).then(() => context.page.announce(strings.copiedCells(context.selected.length)));
    },
  }),
  command({
    id: "cells.paste-below",
    label: strings.pasteBelow,
    menu: "edit",
    mode: "command",
    keys: ["v", "Accel-v"],
    when: isWritable,
    run: context => void paste(context, below(context)),
  }),
  command({
    id: "cells.paste-above",
    label: strings.pasteAbove,
    menu: "edit",
    mode: "command",
    keys: ["Shift-v"],
    when: isWritable,
    run: context => void paste(context, above(context)),
  }),
  command({
    id: "cells.delete",
    label: strings.deleteCells,
    words: "remove",
    menu: "edit",
    mode: "command",
    keys: ["d d"],
    when: canChange,
    run: remove,
  }),
  command({
    id: "cell.split",
    label: strings.split,
    menu: "edit",
    mode: "edit",
    keys: ["Ctrl-Shift--", "Ctrl-Shift-_", "Alt--"],
    when: context => canChange(context) && context.page.editor(context.cell?.id ?? "") !== null,
    run: context => {
      const { cell, notebook, page } = context;
      const editor = cell === null ? null : page.editor(cell.id);
      if (cell === null || editor === null) return;
      const id = page.newId(8);
      notebook.edit(splitEdits(cell, editor.selection().from, id));
      select(context, id, "edit");
    },
  }),
  command({
    id: "cells.merge",
    label: strings.mergeSelected,
    words: "join",
    menu: "edit",
    mode: "command",
    keys: ["Shift-m"],
    when: canChange,
    run: context => {
      const { selected } = context;
      const next = order(context)[order(context).indexOf(selected.at(-1) ?? "") + 1];
      merge(context, selected.length > 1 || next === undefined ? selected : [...selected, next]);
    },
  }),
  command({
    id: "cells.merge-above",
    label: strings.mergeAbove,
    words: "join",
    menu: "edit",
    mode: "command",
    keys: ["Ctrl-Backspace"],
    when: context => canChange(context) && above(context) !== null,
    run: context => {
      const before = above(context);
      if (before !== null) merge(context, [before, ...context.selected]);
    },
  }),
  command({
    id: "cells.merge-below",
    label: strings.mergeBelow,
    words: "join",
    menu: "edit",
    keys: ["Ctrl-Shift-m"],
    when: canChange,
    run: context => {
      const next = order(context)[order(context).indexOf(context.selected.at(-1) ?? "") + 1];
      if (next !== undefined) merge(context, [...context.selected, next]);
    },
  }),
  command({
    id: "cells.move-up",
    label: strings.moveUp,
    menu: "edit",
    keys: ["Ctrl-Shift-ArrowUp"],
    when: canChange,
    run: context => moveCells(context, -1),
  }),
  command({
    id: "cells.move-down",
    label: strings.moveDown,
    menu: "edit",
    keys: ["Ctrl-Shift-ArrowDown"],
    when: canChange,
    run: context => moveCells(context, 1),
  }),
  command({
    id: "cells.select-all",
    label: strings.selectAll,
    menu: "edit",
    mode: "command",
    keys: ["Accel-a"],
    run: context => {
      const all = order(context);
      context.notebook.select({ mode: "command", anchor: all[0] ?? null, active: all.at(-1) ?? null });
    },
  }),
  command({
    id: "notebook.find",
    label: strings.find,
    words: "search",
    menu: "edit",
    keys: ["Accel-f", "f"],
    run: ({ page }) => page.find({ replace: false }),
  }),
  command({
    id: "notebook.replace",
    label: strings.replace,
    words: "search",
    menu: "edit",
    keys: ["Accel-h"],
    when: isWritable,
    run: ({ page }) => page.find({ replace: true }),
  }),
  command({
    id: "notebook.find-next",
    label: strings.findNext,
    keys: ["Accel-g"],
    run: ({ page }) => page.findNext(1),
  }),
  command({
    id: "notebook.find-previous",
    label: strings.findPrevious,
    keys: ["Accel-Shift-g"],
    run: ({ page }) => page.findNext(-1),
  }),
];

// ---- view

const VIEW: readonly Command[] = [
  command({
    id: "app.palette",
    label: strings.palette,
    words: "palette search",
    menu: "view",
    keys: ["Accel-Shift-c", "Accel-Shift-p", "Accel-Shift-f", "p"],
    run: ({ page }) => page.openPalette(),
  }),
  command({
    id: "outputs.toggle",
    label: strings.toggleOutputs,
    words: "collapse fold",
    menu: "view",
    mode: "command",
    keys: ["o"],
    when: canChange,
    run: ({ page, selected }) => page.toggleOutputs(selected),
  }),
  command({
    id: "outputs.toggle-all",
    label: strings.toggleAllOutputs,
    words: "collapse fold",
    menu: "view",
    when: isWritable,
    run: context =>
      context.page.toggleOutputs(
        views(context, order(context))
          .filter(cell => cell.kind === "code")
          .map(cell => cell.id),
      ),
  }),
  command({
    id: "outputs.toggle-scroll",
    label: strings.toggleOutputScroll,
    menu: "view",
    mode: "command",
    keys: ["Shift-o"],
    when: canChange,
    run: ({ page, selected }) => page.toggleOutputScroll(selected),
  }),
  command({
    id: "cell.line-numbers",
    label: strings.toggleLineNumbers,
    menu: "view",
    mode: "command",
    keys: ["l"],
    when: ({ cell }) => cell !== null,
    run: ({ page, cell }) => page.toggleLineNumbers(cell?.id ?? null),
  }),
  command({
    id: "notebook.line-numbers",
    label: strings.toggleAllLineNumbers,
    menu: "view",
    mode: "command",
    keys: ["Shift-l"],
    run: ({ page }) => page.toggleLineNumbers(null),
  }),
  command({
    id: "notebook.outline",
    label: strings.outline,
    words: "table of contents headings toc",
    menu: "view",
    mode: "command",
    keys: ["Accel-Shift-k"],
    run: ({ page }) => page.toggleOutline(),
  }),
  command({
    id: "headings.collapse",
    label: strings.collapseHeading,
    words: "fold",
    mode: "command",
    keys: ["ArrowLeft"],
    run: context => {
      const { cell, page } = context;
      if (cell === null || !page.setCollapsed(cell.id, true)) goToHeading(context, -1);
    },
  }),
  command({
    id: "headings.expand",
    label: strings.expandHeading,
    words: "unfold",
    mode: "command",
    keys: ["ArrowRight"],
    run: context => {
      const { cell, page } = context;
      if (cell === null || !page.setCollapsed(cell.id, false)) goToHeading(context, 1);
    },
  }),
  command({
    id: "headings.collapse-all",
    label: strings.collapseAll,
    words: "fold",
    menu: "view",
    mode: "command",
    keys: ["Ctrl-Shift-ArrowLeft"],
    run: ({ page }) => page.setAllCollapsed(true),
  }),
  command({
    id: "headings.expand-all",
    label: strings.expandAll,
    words: "unfold",
    menu: "view",
    mode: "command",
    keys: ["Ctrl-Shift-ArrowRight"],
    run: ({ page }) => page.setAllCollapsed(false),
  }),
  command({
    id: "app.inspector",
    label: strings.inspector,
    words: "documentation help contextual",
    menu: "view",
    keys: ["Accel-i"],
    run: ({ page }) => page.toggleInspector(),
  }),
  command({
    id: "pager.close",
    label: strings.closePager,
    mode: "command",
    keys: ["q", "Escape"],
    when: ({ notebook }) => notebook.page.peek() !== null,
    run: ({ notebook }) => notebook.closePage(),
  }),
  command({
    id: "notebook.scroll-down",
    label: strings.scrollDown,
    mode: "command",
    keys: ["Space"],
    run: ({ page }) => page.scrollPages(1),
  }),
  command({
    id: "notebook.scroll-up",
    label: strings.scrollUp,
    mode: "command",
    keys: ["Shift-Space"],
    run: ({ page }) => page.scrollPages(-1),
  }),
];

// ---- insert and change

const INSERT: readonly Command[] = [
  command({
    id: "cell.insert-above",
    label: strings.insertAbove,
    words: "add new",
    menu: "insert",
    mode: "command",
    keys: ["a"],
    when: isWritable,
    run: context => select(context, insert(context, above(context), "code")),
  }),
  command({
    id: "cell.insert-below",
    label: strings.insertBelow,
    words: "add new",
    menu: "insert",
    mode: "command",
    keys: ["b"],
    when: isWritable,
    run: context => select(context, insert(context, below(context), "code")),
  }),
  command({
    id: "heading.insert-above",
    label: strings.insertHeadingAbove,
    words: "section title",
    menu: "insert",
    mode: "command",
    keys: ["Shift-a"],
    when: isWritable,
    run: context => context.page.edit(insert(context, above(context), "markdown", "# "), "end"),
  }),
  command({
    id: "heading.insert-below",
    label: strings.insertHeadingBelow,
    words: "section title",
    menu: "insert",
    mode: "command",
    keys: ["Shift-b"],
    when: isWritable,
    run: context => context.page.edit(insert(context, below(context), "markdown", "# "), "end"),
  }),
  command({
    id: "cells.to-code",
    label: strings.toCode,
    words: "type kind",
    menu: "insert",
    mode: "command",
    keys: ["y"],
    when: canChange,
    run: context => setKind(context, "code"),
  }),
  command({
    id: "cells.to-markdown",
    label: strings.toMarkdown,
    words: "type kind text",
    menu: "insert",
    mode: "command",
    keys: ["m"],
    when: canChange,
    run: context => setKind(context, "markdown"),
  }),
  command({
    id: "cells.to-raw",
    label: strings.toRaw,
    words: "type kind",
    menu: "insert",
    mode: "command",
    keys: ["r"],
    when: canChange,
    run: context => setKind(context, "raw"),
  }),
  ...[1, 2, 3, 4, 5, 6].map(level =>
    command({
      id: `cells.heading-${level}`,
      label: strings.heading(level),
      words: "title section",
      mode: "command",
      keys: [String(level)],
      // Only on Markdown cells, as Notebook 7.6 does: on code, a stray digit would lose the outputs.
      when: context => canChange(context) && context.cell?.kind === "markdown",
      run: context =>
        context.notebook.edit(
          views(context, context.selected)
            .filter(cell => cell.kind === "markdown")
            .map(cell => headingEdit(cell, level)),
        ),
    }),
  ),
];

// ---- run

const RUN: readonly Command[] = [
  command({
    id: "cell.run",
    repeats: false,
    label: strings.runCell,
    words: "execute",
    menu: "run",
    keys: ["Shift-Enter"],
    when: canChange,
    run: context => {
      runCells(context, context.selected);
      const next = after(context, context.selected.at(-1) ?? "");
      if (next !== undefined) select(context, next);
      else select(context, insert(context, below(context), "code"), "edit");
    },
  }),
  command({
    id: "cell.run-in-place",
    repeats: false,
    label: strings.runInPlace,
    words: "execute stay",
    menu: "run",
    keys: ["Ctrl-Enter", "Accel-Enter"],
    when: canChange,
    run: context => {
      runCells(context, context.selected);
      context.notebook.select({ ...context.notebook.selection.peek(), mode: "command" });
    },
  }),
  command({
    id: "cell.run-insert",
    repeats: false,
    label: strings.runInsert,
    words: "execute new",
    menu: "run",
    keys: ["Alt-Enter"],
    when: canChange,
    run: context => {
      runCells(context, context.selected);
      select(context, insert(context, below(context), "code"), "edit");
    },
  }),
  command({
    id: "cells.run-all",
    label: strings.runAll,
    words: "execute",
    menu: "run",
    when: isWritable,
    run: context => runCells(context, order(context)),
  }),
  command({
    id: "cells.run-above",
    label: strings.runAbove,
    words: "execute",
    menu: "run",
    when: context => canChange(context) && above(context) !== null,
    run: context => {
      const { from } = selectedRange(context.notebook.selection.peek(), order(context));
      runCells(context, order(context).slice(0, from));
    },
  }),
  command({
    id: "cells.run-below",
    label: strings.runBelow,
    words: "execute",
    menu: "run",
    when: canChange,
    run: context => {
      const { from } = selectedRange(context.notebook.selection.peek(), order(context));
      runCells(context, order(context).slice(from));
    },
  }),
  command({
    id: "queue.cancel",
    label: strings.cancelRuns,
    words: "stop dequeue queued unqueue",
    menu: "run",
    when: context => queuedRuns(context).length > 0,
    run: context => context.notebook.cancelRuns(queuedRuns(context)),
  }),
  command({
    id: "queue.next",
    label: strings.runNext,
    words: "reorder priority first queued",
    menu: "run",
    when: context => queuedRuns(context).length > 0,
    // Those that are not named follow in their order.
    run: context => context.notebook.reorderQueue(queuedRuns(context)),
  }),
  command({
    id: "outputs.clear",
    label: strings.clearOutputs,
    words: "remove",
    menu: "run",
    when: canChange,
    run: context => clearOutputs(context, context.selected),
  }),
  command({
    id: "outputs.clear-all",
    label: strings.clearAllOutputs,
    words: "remove",
    menu: "run",
    when: isWritable,
    run: context => clearOutputs(context, order(context)),
  }),
];

// ---- kernel

const KERNEL: readonly Command[] = [
  command({
    id: "kernel.interrupt",
    label: strings.interrupt,
    words: "stop cancel",
    menu: "kernel",
    mode: "command",
    keys: ["i i"],
    when: hasKernel,
    run: ({ notebook }) => notebook.interrupt(),
  }),
  command({
    id: "kernel.restart",
    label: strings.restart,
    menu: "kernel",
    mode: "command",
    keys: ["0 0"],
    when: hasKernel,
    run: context => void restart(context, strings.restartText, false, []),
  }),
  command({
    id: "kernel.restart-clear",
    label: strings.restartClear,
    menu: "kernel",
    when: hasKernel,
    run: context => void restart(context, strings.restartClearText, true, []),
  }),
  command({
    id: "kernel.restart-run-all",
    label: strings.restartRunAll,
    menu: "kernel",
    when: hasKernel,
    run: context => void restart(context, strings.restartRunText, true, order(context)),
  }),
  command({
    id: "kernel.restart-run-to",
    label: strings.restartRunTo,
    menu: "kernel",
    when: context => hasKernel(context) && context.cell !== null,
    run: context => {
      const { to } = selectedRange(context.notebook.selection.peek(), order(context));
      void restart(context, strings.restartRunText, false, order(context).slice(0, to));
    },
  }),
  command({
    id: "kernel.shutdown",
    label: strings.shutdown,
    words: "stop end kill",
    menu: "kernel",
    when: hasKernel,
    run: context => void shutdown(context),
  }),
  command({
    id: "kernel.choose",
    label: strings.chooseKernel,
    words: "select switch kernelspec language",
    menu: "kernel",
    when: isWritable,
    run: ({ page }) => page.chooseKernel(),
  }),
];

// ---- help, selection and modes

const REST: readonly Command[] = [
  command({
    id: "app.help",
    label: strings.help,
    words: "keys",
    menu: "help",
    keys: ["Accel-Shift-h", "h"],
    run: ({ page }) => page.openHelp(),
  }),
  command({
    id: "app.account",
    label: strings.account,
    words: "password passkey devices tokens codes login security user",
    menu: "help",
    run: ({ page }) => page.openAccount(),
  }),
  command({
    id: "app.sign-out",
    label: strings.signOut,
    words: "log out logout leave",
    menu: "help",
    run: ({ page }) => page.signOut(),
  }),
  command({
    id: "app.connection",
    label: strings.connection,
    words: "network link websocket proxy latency doctor offline",
    menu: "help",
    run: ({ page }) => page.openConnection(),
  }),
  command({
    id: "cell.edit",
    label: strings.editMode,
    mode: "command",
    keys: ["Enter"],
    when: context => context.cell !== null || (isWritable(context) && order(context).length === 0),
    run: context => select(context, context.cell?.id ?? insert(context, null, "code"), "edit"),
  }),
  command({
    id: "cell.leave",
    label: strings.commandMode,
    mode: "edit",
    editorKeys: ["Escape", "Ctrl-m"],
    when: ({ mode }) => mode === "edit",
    run: ({ notebook }) => notebook.select({ ...notebook.selection.peek(), mode: "command" }),
  }),
  command({
    id: "selection.previous",
    label: strings.selectPrevious,
    mode: "command",
    keys: ["ArrowUp", "k"],
    run: context => move(context, -1),
  }),
  command({
    id: "selection.next",
    label: strings.selectNext,
    mode: "command",
    keys: ["ArrowDown", "j"],
    run: context => move(context, 1),
  }),
  command({
    id: "selection.extend-up",
    label: strings.extendUp,
    mode: "command",
    keys: ["Shift-ArrowUp", "Shift-k"],
    run: context => move(context, -1, true),
  }),
  command({
    id: "selection.extend-down",
    label: strings.extendDown,
    mode: "command",
    keys: ["Shift-ArrowDown", "Shift-j"],
    run: context => move(context, 1, true),
  }),
  command({
    id: "selection.extend-to-top",
    label: strings.extendToTop,
    mode: "command",
    keys: ["Shift-Home"],
    run: context => move(context, -order(context).length, true),
  }),
  command({
    id: "selection.extend-to-bottom",
    label: strings.extendToBottom,
    mode: "command",
    keys: ["Shift-End"],
    run: context => move(context, order(context).length, true),
  }),
  inEditor("editor.complete", strings.complete, "complete", { editorKeys: ["Tab"] }),
  inEditor("editor.tooltip", strings.tooltip, "tooltip", { editorKeys: ["Shift-Tab"] }),
  inEditor("editor.comment", strings.toggleComment, "toggle-comment", { editorKeys: ["Accel-/"] }),
  inEditor("editor.block-comment", strings.toggleBlockComment, "toggle-block-comment", {
    editorKeys: ["Alt-a"],
  }),
  inEditor("editor.indent", strings.indent, "indent", { editorKeys: ["Accel-]"] }),
  inEditor("editor.dedent", strings.dedent, "dedent", { editorKeys: ["Accel-["] }),
  inEditor("editor.delete-line", strings.deleteLine, "delete-line", {
    editorKeys: ["Accel-d", "Accel-Shift-k"],
  }),
  inEditor("editor.next-occurrence", strings.selectNextOccurrence, "select-next-occurrence", {
    editorKeys: ["Accel-Shift-d"],
  }),
];

export const COMMANDS: readonly Command[] = [
  ...FILE,
  ...EDIT,
  ...VIEW,
  ...INSERT,
  ...RUN,
  ...KERNEL,
  ...REST,
];

/** The command of this id. Throws when there is none: ids are written in our own code. */
export function commandById(id: string): Command {
  const found = COMMANDS.find(one => one.id === id);
  if (found === undefined) throw new Error(`There is no command ${id}.`);
  return found;
}
