/**
 * Keys for an editor that is not there yet: a slow line brings it seconds after the text, and hands do not wait.
 *
 * They are kept in order, also what ends the typing (Ctrl-Enter), and given to the editor when it has the focus.
 */

import { placeOf } from "../../commands/keydown.ts";
import { strokeOf } from "../../commands/keys.ts";
import type { EditorHandle } from "../../editor/handle.ts";
import { editorChunk } from "./chunks.ts";
import type { NotebookPage } from "./page.ts";

/** Keep a key if it is for an editor that is on its way; true: kept, nobody else may act on it. */
export function keepEarly(page: NotebookPage, event: KeyboardEvent): boolean {
  const { active, mode } = page.notebook.selection.peek();
  if (mode !== "edit" || active === null || page.editor(active) !== null) return false;
  if (editorChunk.value !== undefined || placeOf(event.target) === "field") return false;
  const stroke = strokeOf(event);
  if (stroke === null) return false;
  // The browser's own keys, such as reload, stay its own while nobody has begun to type.
  if (page.early.length === 0 && (stroke.ctrl || stroke.meta || stroke.alt)) return false;
  event.preventDefault();
  page.early.push(event);
  return true;
}

/** Give what was kept to the editor that has the focus now. */
export function giveEarly(page: NotebookPage, editor: EditorHandle): void {
  if (page.early.length === 0) return;
  // Not while the page is being drawn, which the first key would ask for again.
  queueMicrotask(() => {
    for (const event of page.early.splice(0)) {
      const stroke = strokeOf(event);
      const isText = event.key.length === 1 && stroke !== null && !stroke.ctrl && !stroke.meta && !stroke.alt;
      if (isText) editor.insert(event.key);
      else document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", pressed(event)));
    }
  });
}

function pressed(event: KeyboardEvent): KeyboardEventInit {
  const { key, code, ctrlKey, shiftKey, altKey, metaKey } = event;
  return { key, code, ctrlKey, shiftKey, altKey, metaKey, bubbles: true, cancelable: true };
}
