/** Menus, palette and toolbar, all from the one list of commands. */

import { COMMANDS, commandById } from "../../commands/all.ts";
import { type Command, contextOf, type Menu } from "../../commands/command.ts";
import { IS_MAC } from "../../commands/keydown.ts";
import { keyLabel } from "../../commands/keys.ts";
import type { MenuEntry, MenuSpec } from "../../controls/menu.tsx";
import type { PaletteItem } from "../../controls/palette.tsx";
import type { NotebookPage } from "./page.ts";

export function runCommand(page: NotebookPage, id: string): void {
  const context = contextOf(page.notebook, page);
  const found = commandById(id);
  if (found.when(context)) found.run(context);
}

const MENUS: readonly { readonly label: string; readonly menus: readonly Menu[] }[] = [
  { label: "File", menus: ["file", "download", "place"] },
  { label: "Edit", menus: ["edit", "insert"] },
  { label: "View", menus: ["view"] },
  { label: "Run", menus: ["run"] },
  { label: "Kernel", menus: ["kernel"] },
  { label: "Help", menus: ["help"] },
];

export function menubar(page: NotebookPage): readonly MenuSpec[] {
  return MENUS.map(({ label, menus }) => ({
    label,
    entries: () => {
      const groups = menus.map(menu =>
        entriesOf(
          page,
          thoseThere(page).filter(command => command.menu === menu),
        ),
      );
      return separated(groups);
    },
  }));
}

/** What can be done with the selected cells. */
export function cellMenu(page: NotebookPage): MenuSpec {
  const groups = [
    ["cell.run", "cells.run-above", "cells.run-below"],
    ["cells.cut", "cells.copy", "cells.paste-below"],
    ["cell.insert-above", "cell.insert-below", "cell.split", "cells.merge-below"],
    ["cells.to-code", "cells.to-markdown", "cells.to-raw"],
    ["outputs.toggle", "outputs.toggle-scroll", "outputs.clear"],
    ["cells.delete"],
  ];
  return {
    label: "This cell",
    entries: () =>
      separated(
        groups.map(ids =>
          entriesOf(
            page,
            thoseThere(page).filter(command => ids.includes(command.id)),
          ),
        ),
      ),
  };
}

/** All commands but those for what is not installed. */
function thoseThere({ context }: NotebookPage): readonly Command[] {
  return COMMANDS.filter(({ extra }) => extra === null || context.extras.includes(extra));
}

function separated(groups: readonly (readonly MenuEntry[])[]): MenuEntry[] {
  return groups
    .filter(group => group.length > 0)
    .flatMap((group, index): readonly MenuEntry[] => (index > 0 ? ["rule", ...group] : group));
}

function entriesOf(page: NotebookPage, wanted: readonly Command[]): MenuEntry[] {
  const context = contextOf(page.notebook, page);
  return wanted.map(command => ({
    label: command.label,
    keys: firstKeys(command),
    disabled: !command.when(context),
    run: () => command.run(contextOf(page.notebook, page)),
  }));
}

export function paletteItems(page: NotebookPage): readonly PaletteItem[] {
  const context = contextOf(page.notebook, page);
  const others = thoseThere(page).filter(command => command.id !== "app.palette");
  return others.map(command => ({
    id: command.id,
    label: command.label,
    words: command.words,
    keys: firstKeys(command),
    disabled: !command.when(context),
    run: () => command.run(contextOf(page.notebook, page)),
  }));
}

export function firstKeys(command: Command): string | undefined {
  const [first] = [...command.keys, ...command.editorKeys];
  return first === undefined ? undefined : keyLabel(first, IS_MAC);
}
