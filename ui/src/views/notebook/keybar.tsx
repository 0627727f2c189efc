/**
 * On phones: Run, and what a soft keyboard lacks, above the keyboard. Pressing one leaves the keyboard open.
 *
 * While a cell is edited these are keys; else they are what can be done with the cell.
 */

import type { IconNode } from "lucide";
import {
  ArrowDown,
  ArrowLeft,
  ArrowRight,
  ArrowRightToLine,
  ArrowUp,
  EllipsisVertical,
  Pencil,
  Play,
  Plus,
  Trash2,
} from "lucide";
import { Button } from "../../controls/button.tsx";
import { Icon } from "../../controls/icon.tsx";
import { MenuButton } from "../../controls/menu.tsx";
import { only } from "../../core/selection.ts";
import type { CellId } from "../../core/wire.ts";
import type { EditorAction } from "../../editor/handle.ts";
import { insertCell } from "./cell.tsx";
import { cellMenu, runCommand } from "./menus.ts";
import type { NotebookPage } from "./page.ts";

const ARROWS: readonly { readonly action: EditorAction; readonly label: string; readonly icon: IconNode }[] =
  [
    { action: "left", label: "Left", icon: ArrowLeft },
    { action: "up", label: "Up", icon: ArrowUp },
    { action: "down", label: "Down", icon: ArrowDown },
    { action: "right", label: "Right", icon: ArrowRight },
  ];

export function KeyBar({ page }: { readonly page: NotebookPage }) {
  const { mode, active } = page.notebook.selection.value;
  return (
    <div class="keybar" role="toolbar" aria-label="Keys" data-keys="own">
      <Button
        icon={Play}
        kind="primary"
        label="Run"
        keepsFocus
        onClick={() => runCommand(page, "cell.run")}
      />
      {mode === "edit" && active !== null ? <Keys page={page} id={active} /> : <CellActions page={page} />}
    </div>
  );
}

function Keys({ page, id }: { readonly page: NotebookPage; readonly id: CellId }) {
  const editor = () => page.editor(id);
  return (
    <>
      <Button keepsFocus onClick={() => page.notebook.select(only(id))}>
        Esc
      </Button>
      <Button
        icon={ArrowRightToLine}
        label="Tab: complete or indent"
        keepsFocus
        onClick={() => editor()?.act("complete")}
      />
      {ARROWS.map(({ action, label, icon }) => (
        <Button key={action} icon={icon} label={label} keepsFocus onClick={() => editor()?.act(action)} />
      ))}
      <Button class="keybar-sign" keepsFocus label="Parenthesis" onClick={() => editor()?.insert("(")}>
        (
      </Button>
      <Button class="keybar-sign" keepsFocus label="Quote" onClick={() => editor()?.insert("'")}>
        '
      </Button>
    </>
  );
}

function CellActions({ page }: { readonly page: NotebookPage }) {
  const { notebook } = page;
  const writable = notebook.writable.value;
  const { active } = notebook.selection.value;
  const chosen = writable && active !== null;
  const act = (command: string) => () => runCommand(page, command);
  return (
    <>
      <Button
        icon={Pencil}
        label="Edit"
        disabled={!chosen}
        onClick={() => active !== null && page.edit(active, "end")}
      />
      <MenuButton
        spec={{
          label: "Add below",
          entries: () => [
            { label: "Code", run: () => insertCell(page, active, "code") },
            { label: "Text", run: () => insertCell(page, active, "markdown") },
          ],
        }}
        tip="Add below"
      >
        <Icon shape={Plus} />
      </MenuButton>
      <Button icon={ArrowUp} label="Previous cell" keepsFocus onClick={act("selection.previous")} />
      <Button icon={ArrowDown} label="Next cell" keepsFocus onClick={act("selection.next")} />
      <Button icon={Trash2} label="Delete" disabled={!chosen} onClick={act("cells.delete")} />
      <MenuButton spec={cellMenu(page)} tip="More">
        <Icon shape={EllipsisVertical} />
      </MenuButton>
    </>
  );
}
