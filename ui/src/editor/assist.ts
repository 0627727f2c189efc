/**
 * What helps while typing: completion, tooltips, brackets that close themselves. A chunk of its own, which comes
 * right after the first editor, so that the first character can be typed before it is there.
 */

import {
  acceptCompletion,
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionStatus,
  startCompletion,
} from "@codemirror/autocomplete";
import { indentLess, indentMore } from "@codemirror/commands";
import { selectNextOccurrence } from "@codemirror/search";
import { type Extension, Prec } from "@codemirror/state";
import { type Command, keymap, tooltips } from "@codemirror/view";
import type { NotebookModel } from "../core/model.ts";
import { kernelCompletion } from "./completion.ts";
import { indent, textBefore } from "./keymap.ts";
import { askTooltip, closeTooltip, tooltipField } from "./tooltip.ts";

export { askTooltip } from "./tooltip.ts";
export { selectNextOccurrence, startCompletion };

export function assist(notebook: NotebookModel): Extension {
  return [
    closeBrackets(),
    autocompletion({
      activateOnTyping: false,
      // The list was asked for: the next Tab or Enter is for it, however soon it comes.
      interactionDelay: 0,
      override: [kernelCompletion(notebook)],
      maxRenderedOptions: 100,
    }),
    tooltips({ parent: document.body }),
    tooltipField,
    // Before the editor's own Escape, which leaves the cell; completion's Escape comes before this one.
    Prec.high(
      keymap.of([
        { key: "Escape", run: closeTooltip },
        { key: "Tab", run: tab },
        { key: "Shift-Tab", run: shiftTab(notebook) },
        { key: "Mod-Shift-d", run: selectNextOccurrence, preventDefault: true },
        // An open list has the arrows.
        { key: "ArrowUp", run: view => completionStatus(view.state) === "active" },
        { key: "ArrowDown", run: view => completionStatus(view.state) === "active" },
        ...closeBracketsKeymap,
      ]),
    ),
  ];
}

/** Complete when there is text before the cursor, else indent. */
export const tab: Command = view => {
  if (completionStatus(view.state) === "active") return acceptCompletion(view);
  const { main, ranges } = view.state.selection;
  if (!main.empty) return indentMore(view);
  const before = textBefore(view, main.head);
  if (ranges.length === 1 && before.trim() !== "") return startCompletion(view);
  return indent(view);
};

/** A tooltip, unless there is something to dedent. */
export function shiftTab(notebook: NotebookModel): Command {
  const ask = askTooltip(notebook);
  return view => {
    const { main } = view.state.selection;
    if (!main.empty || textBefore(view, main.head).trim() === "") return indentLess(view);
    return ask(view);
  };
}
