/** The browser's tab says the notebook's name, and by its icon whether it is busy or not saved. */

import { effect } from "@preact/signals";
import { setIcon } from "../icon.ts";
import { nameOf } from "../places.ts";
import type { NotebookPage } from "./page.ts";

/** A file that was not written for so long is worth a mark; autosave takes a second. */
const UNSAVED_AFTER_MS = 4000;

export function showTabState(page: NotebookPage): () => void {
  const { notebook } = page;
  let dirtySinceMs: number | null = null;
  return effect(() => {
    const name = nameOf(notebook.path.value).replace(/\.ipynb$/i, "");
    const busy = notebook.runs.value.length > 0;
    const dirty = notebook.saved.value.dirty || notebook.pendingCount.value > 0;
    if (!dirty) dirtySinceMs = null;
    else dirtySinceMs ??= Date.now();
    const unsaved = dirtySinceMs !== null && page.nowMs.value - dirtySinceMs > UNSAVED_AFTER_MS;
    const title = `${unsaved ? "* " : ""}${busy ? "● " : ""}${name} — Carnet`;
    if (document.title !== title) document.title = title;
    setIcon(unsaved ? "unsaved" : busy ? "busy" : "idle");
  });
}
