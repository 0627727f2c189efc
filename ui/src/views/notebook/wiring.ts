/** The keyboard of the notebook page: one listener, and the same for editors. */

import { COMMANDS } from "../../commands/all.ts";
import { contextOf } from "../../commands/command.ts";
import { makeKeydown } from "../../commands/keydown.ts";
import { drawNow } from "../../draw.ts";
import { keepEarly } from "./early.ts";
import type { NotebookPage } from "./page.ts";

export function wireKeys(page: NotebookPage): () => void {
  const press = makeKeydown({
    commands: COMMANDS,
    context: () => contextOf(page.notebook, page),
    nowMs: () => performance.now(),
    // Without a cell, or before the editor is there, a letter is somebody who begins to type, not a command.
    plainKeys: () =>
      page.notebook.order.peek().length > 0 && page.notebook.selection.peek().mode === "command",
  });
  const keydown = (event: KeyboardEvent) => {
    const handled = press(event);
    if (handled) {
      // A command ends the typing: what comes of it, such as a question of the cell that runs, may take the focus.
      page.typedMs = 0;
      drawNow();
    }
    return handled;
  };
  page.onKey = keydown;
  const listen = (event: KeyboardEvent) => {
    if (!pressesSomething(event) && !keepEarly(page, event)) keydown(event);
  };
  const typed = () => {
    page.typedMs = Date.now();
  };
  document.addEventListener("keydown", listen);
  document.addEventListener("beforeinput", typed, true);
  return () => {
    document.removeEventListener("keydown", listen);
    document.removeEventListener("beforeinput", typed, true);
    page.onKey = () => false;
  };
}

/** Enter and Space on a button, a link or a summary press it, also inside a cell. */
function pressesSomething(event: KeyboardEvent): boolean {
  if (event.key !== "Enter" && event.key !== " ") return false;
  if (event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return false;
  return (
    event.target instanceof Element &&
    event.target.closest("button, a[href], summary, [role=button]") !== null
  );
}
