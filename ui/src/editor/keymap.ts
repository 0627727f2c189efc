/** What keys do while text is edited. Those that act on cells come from the commands, before these. */

import {
  acceptCompletion,
  closeBracketsKeymap,
  completionStatus,
  startCompletion,
} from "@codemirror/autocomplete";
import {
  cursorDocEnd,
  cursorDocStart,
  defaultKeymap,
  deleteLine,
  historyKeymap,
  indentLess,
  indentMore,
  insertTab,
  toggleBlockComment,
} from "@codemirror/commands";
import { indentUnit } from "@codemirror/language";
import { selectNextOccurrence } from "@codemirror/search";
import { EditorSelection, type Extension } from "@codemirror/state";
import { type Command, type EditorView, keymap } from "@codemirror/view";
import type { NotebookModel } from "../core/model.ts";
import type { EditorOptions } from "./handle.ts";
import { askTooltip, closeTooltip } from "./tooltip.ts";

export function editorKeymap(options: Pick<EditorOptions, "notebook" | "onLeave">): Extension {
  const leave: Command = () => {
    options.onLeave("escape");
    return true;
  };
  return keymap.of([
    // Completion's own Escape comes before these.
    { key: "Escape", run: view => closeTooltip(view) || oneSelection(view) || leave(view) },
    { key: "Ctrl-m", run: leave },
    { key: "ArrowUp", run: overEdge(-1, () => options.onLeave("up")) },
    { key: "ArrowDown", run: overEdge(1, () => options.onLeave("down")) },
    { key: "Tab", run: tab },
    { key: "Shift-Tab", run: shiftTab(options.notebook) },
    { key: "Alt-a", run: toggleBlockComment },
    { key: "Mod-d", run: deleteLine, preventDefault: true },
    { key: "Mod-Shift-d", run: selectNextOccurrence, preventDefault: true },
    { linux: "Ctrl-ArrowUp", win: "Ctrl-ArrowUp", run: cursorDocStart },
    { linux: "Ctrl-ArrowDown", win: "Ctrl-ArrowDown", run: cursorDocEnd },
    ...closeBracketsKeymap,
    ...historyKeymap,
    ...defaultKeymap.filter(binding => binding.key !== "Mod-Enter" && binding.key !== "Shift-Alt-a"),
  ]);
}

/** Complete when there is text before the cursor, else indent. */
export const tab: Command = view => {
  if (completionStatus(view.state) === "active") return acceptCompletion(view);
  const { main, ranges } = view.state.selection;
  if (!main.empty) return indentMore(view);
  const before = textBefore(view, main.head);
  if (ranges.length === 1 && before.trim() !== "" && !/\s$/.test(before)) return startCompletion(view);
  return indent(view);
};

/** Spaces up to the next stop. */
function indent(view: EditorView): boolean {
  const unit = view.state.facet(indentUnit);
  if (unit.startsWith("\t")) return insertTab(view);
  view.dispatch(
    view.state.changeByRange(range => {
      const column = range.head - view.state.doc.lineAt(range.head).from;
      const insert = " ".repeat(unit.length - (column % unit.length));
      return {
        changes: { from: range.from, to: range.to, insert },
        range: EditorSelection.cursor(range.from + insert.length),
      };
    }),
    { userEvent: "input.indent" },
  );
  return true;
}

/** A tooltip, unless there is something to dedent. */
export function shiftTab(notebook: NotebookModel): Command {
  const ask = askTooltip(notebook);
  return view => {
    const { main } = view.state.selection;
    if (!main.empty || textBefore(view, main.head).trim() === "") return indentLess(view);
    return ask(view);
  };
}

function textBefore(view: EditorView, position: number): string {
  const line = view.state.doc.lineAt(position);
  return line.text.slice(0, position - line.from);
}

const oneSelection: Command = view => {
  const { selection } = view.state;
  if (selection.ranges.length === 1) return false;
  view.dispatch({ selection: EditorSelection.single(selection.main.anchor, selection.main.head) });
  return true;
};

/** Up on the first visual line, or down on the last, leaves the cell. */
function overEdge(direction: -1 | 1, leave: () => void): Command {
  return view => {
    const { main, ranges } = view.state.selection;
    if (ranges.length > 1 || !main.empty || completionStatus(view.state) === "active") return false;
    const { doc } = view.state;
    const edge = direction === -1 ? 0 : doc.length;
    if (doc.lineAt(main.head).number !== doc.lineAt(edge).number) return false;
    const here = view.coordsAtPos(main.head);
    const there = view.coordsAtPos(edge);
    // A wrapped line has several visual ones.
    if (here !== null && there !== null && Math.abs(here.top - there.top) > 2) return false;
    leave();
    return true;
  };
}
