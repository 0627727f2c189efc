/** The browser's tab says the notebook's name, and by its icon whether it is busy or not saved. */

import { effect } from "@preact/signals";
import { nameOf } from "../places.ts";
import busyIcon from "./favicons/busy.svg?url";
import idleIcon from "./favicons/idle.svg?url";
import unsavedIcon from "./favicons/unsaved.svg?url";
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
    setIcon(unsaved ? unsavedIcon : busy ? busyIcon : idleIcon);
  });
}

export function setIcon(address: string): void {
  let link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  if (link === null) {
    link = document.createElement("link");
    link.rel = "icon";
    document.head.append(link);
  }
  if (link.getAttribute("href") !== address) link.href = address;
}
