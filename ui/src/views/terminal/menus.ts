/** The terminal page's menus and palette, from the list of its commands. */

import type { Command, Menu } from "../../commands/command.ts";
import { IS_MAC } from "../../commands/keydown.ts";
import { keyLabel } from "../../commands/keys.ts";
import { TERMINAL_COMMANDS, type TerminalContext, type TerminalOption } from "../../commands/terminal.ts";
import type { MenuEntry, MenuSpec } from "../../controls/menu.tsx";
import type { PaletteItem } from "../../controls/palette.tsx";
import { contextOfTerminal, type TerminalPage } from "./page.ts";

const MENUS: readonly { readonly label: string; readonly menu: Menu }[] = [
  { label: "Terminal", menu: "file" },
  { label: "Edit", menu: "edit" },
  { label: "View", menu: "view" },
  { label: "Help", menu: "help" },
];

const OPTIONS: Readonly<Record<string, TerminalOption>> = {
  "terminal.screen-reader": "screenReader",
  "terminal.paste-key": "pasteKey",
};

export function terminalMenus(page: TerminalPage): readonly MenuSpec[] {
  return MENUS.map(({ label, menu }) => ({
    label,
    entries: () =>
      TERMINAL_COMMANDS.filter(command => command.menu === menu).map(command => entryOf(page, command)),
  }));
}

function entryOf(page: TerminalPage, command: Command<TerminalContext>): MenuEntry {
  const option = OPTIONS[command.id];
  return {
    label: command.label,
    keys: firstKey(command),
    disabled: !command.when(contextOfTerminal(page)),
    ...(option === undefined ? {} : { checked: page.isOn(option) }),
    run: () => command.run(contextOfTerminal(page)),
  };
}

export function terminalPalette(page: TerminalPage): readonly PaletteItem[] {
  return TERMINAL_COMMANDS.filter(command => command.id !== "terminal.palette").map(command => ({
    id: command.id,
    label: command.label,
    words: command.words,
    keys: firstKey(command),
    disabled: !command.when(contextOfTerminal(page)),
    run: () => command.run(contextOfTerminal(page)),
  }));
}

function firstKey(command: Command<TerminalContext>): string | undefined {
  const [first] = [...command.keys, ...command.editorKeys];
  return first === undefined ? undefined : keyLabel(first, IS_MAC);
}
