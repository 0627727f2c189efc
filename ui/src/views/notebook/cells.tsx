/**
 * The list of cells. Only those near the screen are in the page, and the one with the focus wherever it is.
 *
 * The browser's scroll anchoring keeps what is on the screen in its place when a cell above turns out higher than
 * guessed; where there is none (Safari), this does the same by hand.
 */

import { useSignal, useSignalEffect } from "@preact/signals";
import { useCallback, useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { selectedIds } from "../../core/selection.ts";
import type { CellId } from "../../core/wire.ts";
import { Between, CellShell, DRAG_MIME } from "./cell.tsx";
import { guessHeight, offsetsOf, type Range, rangeOf, segmentsOf } from "./layout.ts";
import type { NotebookPage, ScrollPlace } from "./page.ts";

/** Cells within so many screens above and below are in the page. */
const MARGIN_SCREENS = 0.8;

export function Cells({ page }: { readonly page: NotebookPage }) {
  const { notebook } = page;
  const box = useRef<HTMLDivElement>(null);
  const heights = useRef(new Map<CellId, number>());
  const range = useSignal<Range>({ from: 0, to: 0 });
  const all = useSignal(false);
  const drop = useSignal<{ readonly y: number; readonly after: CellId | null } | null>(null);
  /** Counts new measures: a reason to draw the gaps again. */
  const measured = useSignal(0);

  const heightOf = useCallback(
    (id: CellId) => {
      const known = heights.current.get(id);
      if (known !== undefined) return known;
      const guess = guessHeight(notebook.cell(id).peek());
      return guess;
    },
    [notebook],
  );

  const order = page.visible.value;
  const total = notebook.order.value.length;
  void measured.value;
  const offsets = offsetsOf(order, heightOf);
  const latest = useRef({ order, offsets });
  latest.current = { order, offsets };

  const look = useCallback(() => {
    const element = box.current;
    if (element === null) return;
    const top = -element.getBoundingClientRect().top;
    const screen = window.innerHeight || 800;
    const found = rangeOf(latest.current.offsets, {
      top: top - screen * MARGIN_SCREENS,
      bottom: top + screen * (1 + MARGIN_SCREENS),
    });
    const now = range.peek();
    if (now.from !== found.from || now.to !== found.to) range.value = found;
  }, [range]);

  // Where things are must be known before the first paint, and again whenever order or heights changed.
  useLayoutEffect(look, [look, order, measured.value]);

  useEffect(() => {
    let asked = false;
    const soon = () => {
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => {
        asked = false;
        look();
      });
    };
    window.addEventListener("scroll", soon, { passive: true });
    window.addEventListener("resize", soon);
    const beforePrint = () => {
      all.value = true;
    };
    const afterPrint = () => {
      all.value = false;
    };
    window.addEventListener("beforeprint", beforePrint);
    window.addEventListener("afterprint", afterPrint);
    return () => {
      window.removeEventListener("scroll", soon);
      window.removeEventListener("resize", soon);
      window.removeEventListener("beforeprint", beforePrint);
      window.removeEventListener("afterprint", afterPrint);
    };
  }, [look, all]);

  const observer = useRef<ResizeObserver | null>(null);
  useEffect(() => {
    if (typeof ResizeObserver === "undefined") return;
    const anchored = typeof CSS !== "undefined" && CSS.supports("overflow-anchor", "auto");
    const made = new ResizeObserver(entries => {
      let above = 0;
      let changed = false;
      for (const entry of entries) {
        const id = entry.target instanceof HTMLElement ? entry.target.dataset.cell : undefined;
        if (id === undefined) continue;
        const height = entry.borderBoxSize[0]?.blockSize ?? entry.target.getBoundingClientRect().height;
        const before = heights.current.get(id);
        if (height === 0 || before === height) continue;
        heights.current.set(id, height);
        changed = true;
        if (!anchored && entry.target.getBoundingClientRect().bottom < 0)
          above += height - (before ?? height);
      }
      if (above !== 0) window.scrollBy(0, above);
      if (changed) measured.value += 1;
    });
    observer.current = made;
    for (const element of box.current?.querySelectorAll("[data-cell]") ?? []) made.observe(element);
    return () => {
      made.disconnect();
      observer.current = null;
    };
  }, [measured]);

  const { active } = notebook.selection.value;
  const activeIndex = active === null ? -1 : order.indexOf(active);
  const shown = all.value ? { from: 0, to: order.length } : range.value;
  const segments = segmentsOf(order, offsets, shown, activeIndex >= 0 ? [activeIndex] : []);

  // Watch what was drawn just now; what is gone stops by itself.
  useEffect(() => {
    for (const element of box.current?.querySelectorAll("[data-cell]") ?? [])
      observer.current?.observe(element);
  });

  const show = useCallback(
    (id: CellId, where: ScrollPlace) => {
      const element = box.current?.querySelector<HTMLElement>(`[data-cell="${CSS.escape(id)}"]`);
      if (element) {
        if (where === "nearest") showNearest(element);
        else element.scrollIntoView({ block: where });
        return;
      }
      const { order: cells, offsets: tops } = latest.current;
      const index = cells.indexOf(id);
      if (index < 0 || box.current === null) return;
      const top = box.current.getBoundingClientRect().top + window.scrollY + (tops[index] ?? 0);
      window.scrollTo(0, Math.max(0, top - window.innerHeight / 3));
      look();
      // It is drawn now, and its real height is known after that.
      requestAnimationFrame(() => {
        box.current
          ?.querySelector<HTMLElement>(`[data-cell="${CSS.escape(id)}"]`)
          ?.scrollIntoView({ block: where === "nearest" ? "center" : where });
      });
    },
    [look],
  );
  useEffect(() => {
    page.scroller = { show };
    return () => {
      page.scroller = null;
    };
  }, [page, show]);

  // The cell that keys go to is on the screen.
  const first = useRef(true);
  useSignalEffect(() => {
    const { active: now, mode } = notebook.selection.value;
    if (first.current) {
      first.current = false;
      return;
    }
    if (now !== null && mode === "command") requestAnimationFrame(() => show(now, "nearest"));
  });

  const dropAt = (event: DragEvent): { y: number; after: CellId | null } | null => {
    const element = box.current;
    if (element === null) return null;
    const { top } = element.getBoundingClientRect();
    let after: CellId | null = null;
    let y = 0;
    for (const cell of element.querySelectorAll<HTMLElement>("[data-cell]")) {
      const { top: start, bottom } = cell.getBoundingClientRect();
      if (event.clientY < (start + bottom) / 2) break;
      after = cell.dataset.cell ?? null;
      y = bottom - top;
    }
    return { y, after };
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a place to drop cells; keys move them too
    <div
      ref={box}
      class="cells"
      onDragOver={event => {
        if (!event.dataTransfer?.types.includes(DRAG_MIME)) return;
        event.preventDefault();
        drop.value = dropAt(event);
      }}
      onDragLeave={event => {
        if (!(event.relatedTarget instanceof Node && box.current?.contains(event.relatedTarget)))
          drop.value = null;
      }}
      onDrop={event => {
        const id = event.dataTransfer?.getData(DRAG_MIME);
        const place = dropAt(event);
        drop.value = null;
        if (!id || place === null) return;
        event.preventDefault();
        const ids = selectedIds(notebook.selection.peek(), order);
        const moved = ids.includes(id) ? ids : [id];
        if (place.after !== null && moved.includes(place.after)) return;
        notebook.edit([{ op: "move-cells", cell_ids: moved, after: place.after }]);
      }}
    >
      <div class="between-top">
        <Between page={page} after={null} />
      </div>
      {segments.map((segment, at) =>
        segment.kind === "gap" ? (
          <div key={`gap-${at}`} class="cells-gap" style={{ height: `${segment.height}px` }} />
        ) : (
          <CellShell
            key={segment.id}
            page={page}
            id={segment.id}
            index={order === notebook.order.value ? segment.index : notebook.order.value.indexOf(segment.id)}
            total={total}
          />
        ),
      )}
      {drop.value && <div class="drop-line" style={{ top: `${drop.value.y}px` }} />}
    </div>
  );
}

/** Scroll as little as shows the cell; of one that is higher than the screen, its beginning. */
function showNearest(element: HTMLElement): void {
  const { top, bottom } = element.getBoundingClientRect();
  const bar = document.querySelector(".bar")?.getBoundingClientRect().bottom ?? 0;
  const end = window.innerHeight - 24;
  if (top < bar + 8) window.scrollBy(0, top - bar - 8);
  else if (bottom > end) window.scrollBy(0, Math.min(bottom - end, top - bar - 8));
}
