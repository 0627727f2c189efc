/** One cell: its mark and times in the margins, its source or text, its outputs, and what can be done with it. */

import type { ReadonlySignal } from "@preact/signals";
import { computed, effect, useComputed } from "@preact/signals";
import { ArrowDown, ArrowUp, ChevronRight, EllipsisVertical, Play, Plus, Square, Trash2, X } from "lucide";
import { useCallback, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { Button } from "../../controls/button.tsx";
import { Icon } from "../../controls/icon.tsx";
import { MenuButton, openContextMenu } from "../../controls/menu.tsx";
import type { CellView } from "../../core/model.ts";
import { only, selectedIds } from "../../core/selection.ts";
import type { CellId, CellKind } from "../../core/wire.ts";
import { Markdown } from "../../outputs/markdownview.tsx";
import { strings } from "../../strings.ts";
import { moment } from "../words.ts";
import { attachmentUrl } from "./attachments.ts";
import { cellWithHeading, headingLevel, hiddenBelow } from "./headings.ts";
import { InputLine } from "./input.tsx";
import { cellMenu, runCommand } from "./menus.ts";
import { Outputs } from "./outputs.tsx";
import { type NotebookPage, sourceHidden } from "./page.ts";
import { Source, takeCursor } from "./source.tsx";
import { labelOf, promptOf, sideOf } from "./status.ts";

export interface CellProps {
  readonly page: NotebookPage;
  readonly id: CellId;
  readonly index: number;
  readonly total: number;
}

export function CellShell(props: CellProps) {
  const cell = props.page.notebook.cell(props.id);
  const loaded = useComputed(() => cell.value.loaded).value;
  if (!loaded) {
    return (
      <section
        class="cell"
        data-cell={props.id}
        aria-label={`Cell ${props.index + 1} of ${props.total}, loading`}
      >
        <div class="cell-placeholder" />
      </section>
    );
  }
  return <LoadedCell {...props} cell={cell} />;
}

function LoadedCell({
  page,
  id,
  index,
  total,
  cell,
}: CellProps & { readonly cell: ReadonlySignal<CellView> }) {
  const { notebook } = page;
  const section = useRef<HTMLElement>(null);
  const active = useComputed(() => notebook.selection.value.active === id).value;
  const editing = useComputed(
    () => notebook.selection.value.active === id && notebook.selection.value.mode === "edit",
  ).value;
  const selected = useComputed(() =>
    selectedIds(notebook.selection.value, notebook.order.value).includes(id),
  ).value;
  const kind = useComputed(() => cell.value.kind).value;
  // Made anew when a place changes: a computed value sees signals change, not plain values.
  const label = useMemo(() => computed(() => labelOf(cell.value, index, total)), [cell, index, total]).value;
  const status = useComputed(() => cell.value.status.kind).value;
  const freshness = useComputed(() => cell.value.freshness).value;
  const outcome = useComputed(() => cell.value.lastRun?.outcome).value;
  const hidden = useComputed(() => sourceHidden(cell.value.metadata)).value;
  const asText = useComputed(() => cell.value.kind === "markdown" && !page.sourceShown.value.has(id)).value;

  // A text cell that is being edited shows its source.
  useLayoutEffect(() => {
    if (editing && kind === "markdown") page.setRendered([id], false);
  }, [editing, kind, id, page]);

  // The focus follows the selection, unless it is somewhere else on purpose (a dialog, a menu, a field).
  // At once, not at the next frame: the next key may be pressed before that.
  useLayoutEffect(
    () =>
      effect(() => {
        const { active: now, mode } = notebook.selection.value;
        const element = section.current;
        if (now !== id || element === null || !mayTakeFocus()) return;
        if (mode === "command") {
          if (document.activeElement !== element && !isOutputFocus(element))
            element.focus({ preventScroll: true });
        } else {
          const editor = page.editor(id);
          if (editor !== null && !editor.hasFocus()) editor.focus(takeCursor(page));
        }
      }),
    [notebook, page, id],
  );

  const select = (event: FocusEvent) => {
    const { selection } = notebook;
    if (event.target !== section.current) return;
    const now = selection.peek();
    if (now.active !== id || now.mode !== "command") notebook.select(only(id));
  };
  const press = (event: PointerEvent) => {
    if (event.button !== 0) return;
    const target = event.target;
    if (!(target instanceof Element) || target.closest("button, a, input, summary")) return;
    // In the editor that has the cursor, Shift selects text; in another cell's, cells.
    const isRange = event.shiftKey && notebook.selection.peek().active !== id;
    if (!isRange && target.closest(".cm-editor, .source-static")) return;
    if (event.shiftKey) {
      event.preventDefault();
      const { anchor } = notebook.selection.peek();
      notebook.select({ mode: "command", anchor: anchor ?? id, active: id });
      return;
    }
    const now = notebook.selection.peek();
    if (now.active !== id || now.mode !== "command" || now.anchor !== id) notebook.select(only(id));
  };

  return (
    <section
      ref={section}
      class="cell"
      data-cell={id}
      data-kind={kind}
      data-active={active ? "" : undefined}
      data-selected={selected ? "" : undefined}
      data-editing={editing ? "" : undefined}
      data-status={status}
      data-outcome={outcome}
      data-stale={freshness === "stale" ? "" : undefined}
      aria-label={label}
      tabIndex={active ? 0 : -1}
      onFocus={select}
      onPointerDown={press}
      onContextMenu={event => {
        const inside =
          event.target instanceof Element && event.target.closest(".cm-editor, a, img, .outputs, .prose");
        if (!inside || event.target === section.current) openContextMenu(event, cellMenu(page));
      }}
    >
      <Prompt page={page} cell={cell} index={index} />
      <div class="cell-body">
        {hidden ? (
          <button
            type="button"
            class="button hidden-line"
            onClick={() => notebook.edit([showSource(cell.peek())])}
          >
            Source is hidden. Show
          </button>
        ) : asText ? (
          <TextCell page={page} cell={cell} />
        ) : (
          <Source page={page} cell={cell} label={label} active={active} />
        )}
        {kind === "code" && (
          <>
            <Outputs page={page} cell={cell} />
            <InputLine page={page} cell={cell} />
          </>
        )}
        <Toolbar page={page} cell={cell} />
      </div>
      <Side page={page} cell={cell} />
      <Between page={page} after={id} />
    </section>
  );
}

/** Nothing else on the page holds the focus for a reason. */
function mayTakeFocus(): boolean {
  const focused = document.activeElement;
  if (focused === null || focused === document.body) return true;
  return focused.closest(".cells") !== null;
}

/** A scrolling output, a link in one, or a button of this cell keeps the focus it was given. */
function isOutputFocus(section: Element): boolean {
  const focused = document.activeElement;
  return (
    focused !== null &&
    section.contains(focused) &&
    focused.closest(".outputs, .cell-toolbar, .input-line") !== null
  );
}

function Prompt(props: {
  readonly page: NotebookPage;
  readonly cell: ReadonlySignal<CellView>;
  readonly index: number;
}) {
  const { page, cell } = props;
  const words = useComputed(() => promptOf(cell.value)).value;
  const id = cell.peek().id;
  const fold = useComputed(() => headingLevel(cell.value) > 0).value;
  const folded = useComputed(() => page.folded.value.has(id)).value;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dragging; keys move cells too
    <div
      class="mark"
      data-tone={words.tone}
      draggable={page.notebook.writable.value}
      onDragStart={event => {
        event.dataTransfer?.setData(DRAG_MIME, id);
        if (event.dataTransfer) event.dataTransfer.effectAllowed = "move";
      }}
    >
      {fold ? (
        <Button
          icon={ChevronRight}
          class="fold"
          label={folded ? "Unfold this section" : "Fold this section"}
          tabIndex={-1}
          pressed={!folded}
          onClick={() => page.setCollapsed(id, !folded)}
        />
      ) : (
        <>
          <span class="mark-text">{words.text}</span>
          {cell.value.kind === "code" && <RunMark page={page} cell={cell} />}
        </>
      )}
    </div>
  );
}

/** In place of the number while the pointer is there: run, or stop. */
function RunMark({ page, cell }: { readonly page: NotebookPage; readonly cell: ReadonlySignal<CellView> }) {
  const { status, id } = cell.value;
  const running = status.kind === "running";
  const queued = status.kind === "queued";
  return (
    <Button
      icon={running ? Square : queued ? X : Play}
      class="mark-run"
      label={running ? "Interrupt" : queued ? strings.cancelRuns : "Run this cell"}
      tabIndex={-1}
      onClick={() => {
        if (running) page.notebook.interrupt();
        else if (queued) page.notebook.cancelRuns([status.runId]);
        else page.notebook.run([id]);
      }}
    />
  );
}

export const DRAG_MIME = "application/x-carnet-cell";

function Side({ page, cell }: { readonly page: NotebookPage; readonly cell: ReadonlySignal<CellView> }) {
  const { notebook } = page;
  const id = cell.peek().id;
  const words = useComputed(() => {
    const view = cell.value;
    // Only a running cell follows the clock.
    const now = view.status.kind === "running" ? page.nowMs.value : 0;
    return sideOf(view, notebook.place(id).value, now + notebook.clockOffsetMs.value);
  }).value;
  const run = cell.value.lastRun;
  return (
    <div class="side" data-tone={words.tone} title={run === null ? "" : `Ran ${moment(run.finished_ms)}`}>
      {words.text}
    </div>
  );
}

function TextCell({ page, cell }: { readonly page: NotebookPage; readonly cell: ReadonlySignal<CellView> }) {
  const { notebook } = page;
  const { id } = cell.peek();
  const source = useComputed(() => cell.value.source).value;
  const attachments = useComputed(() => cell.value.attachments).value;
  const folded = useComputed(() => page.folded.value.has(id)).value;
  const urlOf = useCallback((name: string) => attachmentUrl(attachments, name), [attachments]);
  const follow = useCallback(
    (anchor: string) => {
      const target = cellWithHeading(anchor, notebook.order.peek(), other => notebook.cell(other).peek());
      if (target !== undefined) {
        history.pushState(null, "", `#${encodeURIComponent(anchor)}`);
        page.scrollToCell(target, "start");
      }
    },
    [notebook, page],
  );
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Enter does the same
    <div
      class="text"
      onDblClick={event => {
        if (event.target instanceof Element && event.target.closest("a, summary, input")) return;
        if (notebook.writable.peek()) page.edit(id, "end");
      }}
    >
      {source.trim() === "" ? (
        <p class="text-empty">Empty text. Double-click or press Enter to write.</p>
      ) : (
        <Markdown source={source} attachmentUrl={urlOf} onAnchor={follow} />
      )}
      {folded && (
        <button type="button" class="button folded-line" onClick={() => page.setCollapsed(id, false)}>
          {foldedWords(hiddenBelow(id, notebook.order.value, other => notebook.cell(other).peek()))}
        </button>
      )}
    </div>
  );
}

function foldedWords(cells: number): string {
  return `${cells} ${cells === 1 ? "cell" : "cells"} folded. Show`;
}

/** Shown when the pointer or the focus is in the cell. It floats over the cell's upper edge and takes no room. */
function Toolbar({ page, cell }: { readonly page: NotebookPage; readonly cell: ReadonlySignal<CellView> }) {
  const { notebook } = page;
  const writable = notebook.writable.value;
  const id = cell.peek().id;
  const here = (command: string) => () => {
    if (notebook.selection.peek().active !== id) notebook.select(only(id));
    runCommand(page, command);
  };
  return (
    <div class="cell-toolbar" data-keys="own" role="toolbar" aria-label="This cell">
      <Button
        icon={ArrowUp}
        label="Move up"
        tabIndex={-1}
        disabled={!writable}
        onClick={here("cells.move-up")}
      />
      <Button
        icon={ArrowDown}
        label="Move down"
        tabIndex={-1}
        disabled={!writable}
        onClick={here("cells.move-down")}
      />
      <Button
        icon={Trash2}
        label="Delete"
        tabIndex={-1}
        disabled={!writable}
        onClick={here("cells.delete")}
      />
      <MenuButton
        spec={{
          label: "This cell",
          entries: () => {
            if (notebook.selection.peek().active !== id) notebook.select(only(id));
            return cellMenu(page).entries();
          },
        }}
        tip="More"
        tabIndex={-1}
      >
        <Icon shape={EllipsisVertical} />
      </MenuButton>
    </div>
  );
}

/** Add a cell here: a line that appears in the gap below a cell. */
export function Between({ page, after }: { readonly page: NotebookPage; readonly after: CellId | null }) {
  if (!page.notebook.writable.value) return null;
  const add = (kind: CellKind) => insertCell(page, after, kind);
  return (
    <div class="between" data-keys="own">
      <Button icon={Plus} tabIndex={-1} onClick={() => add("code")}>
        Code
      </Button>
      <Button icon={Plus} tabIndex={-1} onClick={() => add("markdown")}>
        Text
      </Button>
    </div>
  );
}

export function insertCell(page: NotebookPage, after: CellId | null, kind: CellKind): void {
  const id = page.newId(12);
  page.notebook.edit([
    {
      op: "insert-cells",
      after,
      cells: [
        {
          id,
          kind,
          source: "",
          metadata: {},
          outputs: [],
          execution_count: null,
          attachments: null,
          extra: {},
        },
      ],
    },
  ]);
  page.edit(id, "start");
}

function showSource(cell: CellView) {
  const { jupyter } = cell.metadata;
  const kept = jupyter !== null && typeof jupyter === "object" && !Array.isArray(jupyter) ? jupyter : {};
  return {
    op: "set-cell-metadata",
    cell_id: cell.id,
    set: { jupyter: { ...kept, source_hidden: false } },
    remove: [],
  } as const;
}
