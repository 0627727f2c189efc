/** Find in the sources of all cells, also those that are not on the screen. */

import { ArrowDown, ArrowUp, X } from "lucide";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { announce } from "../../controls/announce.tsx";
import { Button } from "../../controls/button.tsx";
import { only } from "../../core/selection.ts";
import type { CellId } from "../../core/wire.ts";
import { findAll, type Found } from "./finding.ts";
import type { NotebookPage } from "./page.ts";

export function FindBar({ page, onClose }: { readonly page: NotebookPage; readonly onClose: () => void }) {
  const { notebook } = page;
  const field = useRef<HTMLInputElement>(null);
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(-1);
  const order = notebook.order.value;
  // Sources are read when the query changes: a letter typed elsewhere must not search the notebook again.
  const found = useMemo(
    () => findAll(query, order, id => notebook.cell(id).peek().source),
    [query, order, notebook],
  );
  useEffect(() => field.current?.focus(), []);

  const go = (step: 1 | -1) => {
    if (found.length === 0) return;
    const next = (at + step + found.length) % found.length;
    setAt(next);
    const hit = found[next];
    if (hit === undefined) return;
    show(page, hit);
    announce(`${next + 1} of ${found.length}`);
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: <search> is not known to all screen readers yet
    <div
      class="find-bar"
      role="search"
      onKeyDown={event => {
        event.stopPropagation();
        if (event.key === "Escape") onClose();
        else if (event.key === "Enter") go(event.shiftKey ? -1 : 1);
        else return;
        event.preventDefault();
      }}
    >
      <input
        ref={field}
        class="field"
        type="text"
        aria-label="Find in sources"
        placeholder="Find in sources"
        autocomplete="off"
        spellcheck={false}
        value={query}
        onInput={event => {
          setQuery(event.currentTarget.value);
          setAt(-1);
        }}
      />
      <span class="find-count">{query === "" ? "" : `${at + 1} of ${found.length}`}</span>
      <Button icon={ArrowUp} label="Previous" disabled={found.length === 0} onClick={() => go(-1)} />
      <Button icon={ArrowDown} label="Next" disabled={found.length === 0} onClick={() => go(1)} />
      <Button icon={X} label="Close" keys="Esc" onClick={onClose} />
    </div>
  );
}

function show(page: NotebookPage, hit: Found<CellId>): void {
  const { notebook } = page;
  if (notebook.cell(hit.id).peek().kind === "markdown") page.setRendered([hit.id], false);
  notebook.select(only(hit.id));
  page.scrollToCell(hit.id, "center");
  // The editor may be made just now.
  setTimeout(() => page.editor(hit.id)?.select(hit.from, hit.to), 120);
}
