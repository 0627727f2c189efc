/** Find in sources and outputs of all cells, also those that are not on the screen; replace in sources. */

import { ChangeSet } from "@codemirror/state";
import { ArrowDown, ArrowUp, X } from "lucide";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { announce } from "../../controls/announce.tsx";
import { Button } from "../../controls/button.tsx";
import { only } from "../../core/selection.ts";
import type { CellId } from "../../core/wire.ts";
import { drawNow } from "../../draw.ts";
import { count } from "../words.ts";
import { seekChunk } from "./chunks.ts";
import { type Found, findAll } from "./finding.ts";
import { type NotebookPage, outputsHidden } from "./page.ts";

export function FindBar({ page, onClose }: { readonly page: NotebookPage; readonly onClose: () => void }) {
  const { notebook } = page;
  const field = useRef<HTMLInputElement>(null);
  const [query, setQuery] = useState(() => firstQuery(page));
  const [replacement, setReplacement] = useState("");
  const [round, setRound] = useState(0);
  const [at, setAt] = useState(-1);
  const replaces = page.overlay.value === "replace" && notebook.writable.value;
  const order = notebook.order.value;
  const seek = seekChunk.value;
  // Cells are read when the query changes: a letter typed elsewhere must not search the notebook again.
  const found = useMemo(
    () =>
      round < 0
        ? []
        : findAll(
            query,
            order,
            id => notebook.cell(id).peek().source,
            id => {
              const { outputs, metadata } = notebook.cell(id).peek();
              return seek === undefined || outputsHidden(metadata) ? "" : seek.wordsOf(outputs);
            },
          ),
    [query, order, notebook, round, seek],
  );
  useEffect(() => () => seekChunk.value?.mark(null), []);
  // Before the next key: what is typed after Ctrl-F is to be found, and no command for the cell that had the focus.
  useLayoutEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, []);

  const go = (step: 1 | -1) => {
    if (found.length === 0) return;
    const next = (at + step + found.length) % found.length;
    setAt(next);
    const hit = found[next];
    if (hit === undefined) return;
    show(page, hit, query);
    announce(`${next + 1} of ${found.length}`);
  };
  const goNow = useRef(go);
  goNow.current = go;
  useLayoutEffect(() => {
    page.finder = direction => goNow.current(direction);
    return () => {
      page.finder = null;
    };
  }, [page]);
  /** All in one step of undo; or the one that is shown. */
  const replace = (hits: readonly Found<CellId>[]) => {
    const byCell = new Map<CellId, Found<CellId>[]>();
    for (const hit of hits) {
      if (hit.inOutputs !== undefined) continue;
      if (!sameCase(notebook.cell(hit.id).peek().source.slice(hit.from, hit.to), query)) continue;
      byCell.set(hit.id, [...(byCell.get(hit.id) ?? []), hit]);
    }
    notebook.edit(
      [...byCell].map(([cellId, inCell]) => ({
        op: "change-source",
        cellId,
        changes: ChangeSet.of(
          inCell.map(({ from, to }) => ({ from, to, insert: replacement })),
          notebook.cell(cellId).peek().source.length,
        ),
      })),
    );
    setRound(round + 1);
    setAt(hits.length === 1 ? at - 1 : -1);
    announce(`${count(hits.length, "place")} replaced.`);
  };
  const inSources = found.filter(hit => hit.inOutputs === undefined);
  return (
    <div
      class="find-bar"
      role="search"
      onKeyDown={event => {
        event.stopPropagation();
        // Enter may come before the last letter was drawn, and so was searched for.
        drawNow();
        const accel = event.ctrlKey || event.metaKey;
        const inButton = event.target instanceof HTMLButtonElement;
        if (event.key === "Escape") onClose();
        else if (event.key === "Enter" && !inButton) goNow.current(event.shiftKey ? -1 : 1);
        else if (accel && event.key.toLowerCase() === "g") goNow.current(event.shiftKey ? -1 : 1);
        else if (accel && event.key === "f") field.current?.select();
        else return;
        event.preventDefault();
      }}
    >
      <input
        ref={field}
        class="field"
        type="text"
        aria-label="Find in sources and outputs"
        placeholder="Find in sources and outputs"
        autocomplete="off"
        spellcheck={false}
        value={query}
        onInput={event => {
          setQuery(event.currentTarget.value);
          page.sought = event.currentTarget.value;
          setAt(-1);
        }}
      />
      <span class="find-count">{query === "" ? "" : `${at + 1} of ${found.length}`}</span>
      <Button icon={ArrowUp} label="Previous" disabled={found.length === 0} onClick={() => go(-1)} />
      <Button icon={ArrowDown} label="Next" disabled={found.length === 0} onClick={() => go(1)} />
      <Button icon={X} label="Close" keys="Esc" onClick={onClose} />
      {replaces && (
        <div class="find-replace">
          <input
            class="field"
            type="text"
            aria-label="Replace with"
            placeholder="Replace with"
            autocomplete="off"
            spellcheck={false}
            value={replacement}
            onInput={event => setReplacement(event.currentTarget.value)}
          />
          <Button
            disabled={found[at] === undefined || found[at]?.inOutputs !== undefined}
            onClick={() => replace(found.slice(at, at + 1))}
          >
            Replace
          </Button>
          <Button disabled={inSources.length === 0} onClick={() => replace(inSources)}>
            All {inSources.length > 0 && inSources.length.toLocaleString("en")}
          </Button>
        </div>
      )}
    </div>
  );
}

/** What is selected in the editor, if it is a part of one line; else what was looked for before. */
function firstQuery(page: NotebookPage): string {
  const { active, mode } = page.notebook.selection.peek();
  const selected = active === null || mode !== "edit" ? undefined : page.editor(active)?.selection();
  if (active === null || selected === undefined || selected.from === selected.to) return page.sought;
  const text = page.notebook.cell(active).peek().source.slice(selected.from, selected.to);
  if (text.includes("\n")) return page.sought;
  page.sought = text;
  return text;
}

/** The source may have changed since it was searched. */
function sameCase(text: string, query: string): boolean {
  return text === query || text.toLowerCase() === query;
}

function show(page: NotebookPage, hit: Found<CellId>, query: string): void {
  const { notebook } = page;
  const seek = seekChunk.value;
  seek?.mark(null);
  if (seek !== undefined && hit.inOutputs !== undefined) {
    const { id, inOutputs } = hit;
    notebook.select(only(id));
    page.scrollToCell(id, "nearest");
    // The outputs may be drawn just now.
    setTimeout(() => {
      if (page.finder === null) return; // the bar is closed
      const box = document.querySelector(`[data-cell="${CSS.escape(id)}"] .outputs`);
      const range = box === null ? null : seek.rangeOf(box, query, inOutputs);
      seek.mark(range);
      if (range !== null) seek.scrollTo(range);
    }, 120);
    return;
  }
  if (notebook.cell(hit.id).peek().kind === "markdown") page.setRendered([hit.id], false);
  notebook.select(only(hit.id));
  page.scrollToCell(hit.id, "center");
  // The editor may be made just now.
  setTimeout(() => page.editor(hit.id)?.select(hit.from, hit.to), 120);
}
