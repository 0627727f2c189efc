/** The notebook's headings, beside its cells: where one is, where something runs or failed, and a way there. */

import { useComputed } from "@preact/signals";
import { X } from "lucide";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { Button } from "../../controls/button.tsx";
import { only } from "../../core/selection.ts";
import { type Heading, outlineOf, sectionOf } from "./outlining.ts";
import { giveFocusBack, type NotebookPage } from "./page.ts";
import "./outline.css";

/** As wide as this, the outline has room of its own; below, it lies over the cells. Says the same as outline.css. */
const BESIDE = "(min-width: 1140px)";

type State = "running" | "failed";
const WORDS: Readonly<Record<State, string>> = { running: "running", failed: "failed" };

export function Outline({ page }: { readonly page: NotebookPage }) {
  const { notebook } = page;
  const box = useRef<HTMLElement>(null);
  const headings = useComputed(() => outlineOf(notebook.order.value, id => notebook.cell(id).value)).value;
  const states = useComputed(() => statesOf(page, headings)).value;
  const here = useComputed(() =>
    sectionOf(notebook.selection.value.active, headings, notebook.order.value),
  ).value;
  const top = Math.min(6, ...headings.map(heading => heading.level));

  // Before the next key.
  useLayoutEffect(() => {
    if (!page.outlineTakesFocus) return;
    page.outlineTakesFocus = false;
    const current = box.current?.querySelector<HTMLElement>("[aria-current]");
    (current ?? box.current?.querySelector<HTMLElement>("button:last-of-type"))?.focus();
  }, [page]);
  useEffect(() => {
    box.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }, [here]);

  return (
    <nav
      ref={box}
      class="outline"
      aria-label="Outline"
      onKeyDown={event => {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        event.stopPropagation();
        if (event.key === "Escape") page.toggleOutline();
        else if (!moveFocus(box.current, event.key)) return;
        event.preventDefault();
      }}
    >
      <header class="outline-head">
        <h2>Outline</h2>
        <Button icon={X} label="Close the outline" keys="Esc" onClick={() => page.toggleOutline()} />
      </header>
      {headings.length === 0 ? (
        <p class="outline-empty">Headings of text cells stand here.</p>
      ) : (
        <ol>
          {headings.map((heading, index) => {
            const state = states[index];
            return (
              <li key={`${heading.cell} ${heading.index}`} data-depth={heading.level - top}>
                <button
                  type="button"
                  class="button outline-item"
                  aria-current={index === here ? "location" : undefined}
                  data-state={state}
                  onClick={() => go(page, heading)}
                >
                  <span class="outline-text">{heading.text}</span>
                  {state !== undefined && <span class="outline-state">{WORDS[state]}</span>}
                </button>
              </li>
            );
          })}
        </ol>
      )}
    </nav>
  );
}

/** What goes on below each heading, up to the next one. */
function statesOf({ notebook }: NotebookPage, headings: readonly Heading[]): readonly (State | undefined)[] {
  const states: (State | undefined)[] = headings.map(() => undefined);
  const lastOf = new Map(headings.map((heading, index) => [heading.cell, index]));
  let section = -1;
  for (const id of notebook.order.value) {
    section = lastOf.get(id) ?? section;
    if (section < 0) continue;
    const { status, lastRun } = notebook.cell(id).value;
    if (status.kind === "running") states[section] = "running";
    else if (status.kind === "idle" && lastRun?.outcome === "failed") states[section] ??= "failed";
  }
  return states;
}

function go(page: NotebookPage, heading: Heading): void {
  // The next key is for the cell that is shown.
  if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
  page.notebook.select(only(heading.cell));
  page.scrollToCell(heading.cell, "start");
  giveFocusBack(page);
  if (!window.matchMedia(BESIDE).matches) page.toggleOutline();
  if (heading.index === 0) return;
  // The cell may be drawn just now.
  requestAnimationFrame(() => {
    const cell = document.querySelector(`[data-cell="${CSS.escape(heading.cell)}"]`);
    cell?.querySelectorAll(".prose :is(h1, h2, h3, h4, h5, h6)")[heading.index]?.scrollIntoView();
  });
}

function moveFocus(box: HTMLElement | null, key: string): boolean {
  const items = [...(box?.querySelectorAll<HTMLElement>(".outline-item") ?? [])];
  const focused = document.activeElement;
  const at = focused instanceof HTMLElement ? items.indexOf(focused) : -1;
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[key];
  if (to === undefined) return false;
  items[Math.max(0, Math.min(items.length - 1, to))]?.focus();
  return true;
}
