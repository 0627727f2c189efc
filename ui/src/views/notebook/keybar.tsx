/** On phones: Run, and the keys a soft keyboard lacks, above the keyboard. Pressing one leaves the keyboard open. */

import type { IconNode } from "lucide";
import { ArrowDown, ArrowLeft, ArrowRight, ArrowRightToLine, ArrowUp, Play } from "lucide";
import { Button } from "../../controls/button.tsx";
import { only, step } from "../../core/selection.ts";
import type { EditorAction } from "../../editor/handle.ts";
import { runCommand } from "./menus.ts";
import type { NotebookPage } from "./page.ts";

const ARROWS: readonly { readonly action: EditorAction; readonly label: string; readonly icon: IconNode }[] =
  [
    { action: "left", label: "Left", icon: ArrowLeft },
    { action: "up", label: "Up", icon: ArrowUp },
    { action: "down", label: "Down", icon: ArrowDown },
    { action: "right", label: "Right", icon: ArrowRight },
  ];

export function KeyBar({ page }: { readonly page: NotebookPage }) {
  const { notebook } = page;
  const { mode, active } = notebook.selection.value;
  const editing = mode === "edit" && active !== null;
  const editor = () => (active === null ? null : page.editor(active));
  const arrow = (action: EditorAction) => {
    if (editing) editor()?.act(action);
    else if (action === "up") notebook.select(step(notebook.selection.peek(), page.visible.peek(), -1));
    else if (action === "down") notebook.select(step(notebook.selection.peek(), page.visible.peek(), 1));
  };
  return (
    <div class="keybar" role="toolbar" aria-label="Keys">
      <Button
        icon={Play}
        kind="primary"
        label="Run"
        keepsFocus
        onClick={() => runCommand(page, "cell.run")}
      />
      <Button keepsFocus disabled={!editing} onClick={() => active !== null && notebook.select(only(active))}>
        Esc
      </Button>
      <Button
        icon={ArrowRightToLine}
        label="Tab: complete or indent"
        keepsFocus
        disabled={!editing}
        onClick={() => editor()?.act("complete")}
      />
      {ARROWS.map(({ action, label, icon }) => (
        <Button key={action} icon={icon} label={label} keepsFocus onClick={() => arrow(action)} />
      ))}
      {["(", "'"].map(sign => (
        <Button
          key={sign}
          class="keybar-sign"
          keepsFocus
          disabled={!editing}
          label={sign === "(" ? "Parenthesis" : "Quote"}
          onClick={() => editor()?.insert(sign)}
        >
          {sign}
        </Button>
      ))}
    </div>
  );
}
