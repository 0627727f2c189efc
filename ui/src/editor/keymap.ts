/** What keys do while text is edited. Those that act on cells come from the commands, before these. */

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
import { EditorSelection, type Extension } from "@codemirror/state";
import { type Command, type EditorView, keymap } from "@codemirror/view";
import type { EditorOptions } from "./handle.ts";

export function editorKeymap(options: Pick<EditorOptions, "onLeave">): Extension {
  const leave: Command = () => {
    options.onLeave("escape");
    return true;
  };
  return keymap.of([
    { key: "Escape", run: view => oneSelection(view) || leave(view) },
    { key: "Ctrl-m", run: leave },
    { key: "ArrowUp", run: overEdge(-1, () => options.onLeave("up")) },
    { key: "ArrowDown", run: overEdge(1, () => options.onLeave("down")) },
    { key: "Tab", run: view => (view.state.selection.main.empty ? indent(view) : indentMore(view)) },
    { key: "Shift-Tab", run: indentLess },
    { key: "Alt-a", run: toggleBlockComment },
    { key: "Mod-d", run: deleteLine, preventDefault: true },
    { linux: "Ctrl-ArrowUp", win: "Ctrl-ArrowUp", run: cursorDocStart },
    { linux: "Ctrl-ArrowDown", win: "Ctrl-ArrowDown", run: cursorDocEnd },
    ...historyKeymap,
    ...defaultKeymap.filter(binding => binding.key !== "Mod-Enter" && binding.key !== "Shift-Alt-a"),
  ]);
}

/** Spaces up to the next stop. */
export function indent(view: EditorView): boolean {
  const unit = view.state.facet(indentUnit);
  if (unit.startsWith("\t")) return insertTab(view);
  if (view.state.readOnly) return false;
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

/** The line's text up to a position. */
export function textBefore(view: EditorView, position: number): string {
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
    if (ranges.length > 1 || !main.empty) return false;
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
