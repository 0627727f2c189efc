/**
 * All commands of the terminal page. Nearly every key belongs to the shell, so these need Ctrl and Shift, or a menu.
 *
 * docs/reference/keyboard.md lists the keys; a test holds it against this file.
 */

import type { TerminalModel } from "../core/terminal.ts";
import { strings } from "../strings.ts";
import { type Command, command } from "./command.ts";

export type TerminalOption = "screenReader" | "pasteKey";

/** What commands ask of the page around the terminal. The terminal view implements it. */
export interface TerminalActions {
  openPalette(): void;
  openHelp(): void;
  /** Move the focus out of the shell. */
  leave(): void;
  find(): void;
  findNext(direction: 1 | -1): void;
  readonly hasSelection: boolean;
  copy(): void;
  paste(): void;
  selectAll(): void;
  clear(): void;
  zoom(step: 1 | -1): void;
  toggle(option: TerminalOption): void;
  isOn(option: TerminalOption): boolean;
  newTerminal(): void;
  /** After a question. */
  end(): void;
  openFiles(): void;
  closeTab(): void;
}

export interface TerminalContext {
  readonly terminal: TerminalModel;
  readonly page: TerminalActions;
}

const isLive = ({ terminal }: TerminalContext): boolean => terminal.status.peek().kind === "live";

export const TERMINAL_COMMANDS: readonly Command<TerminalContext>[] = [
  command<TerminalContext>({
    id: "terminal.new",
    label: strings.newTerminal,
    words: "shell console bash",
    menu: "file",
    run: ({ page }) => page.newTerminal(),
  }),
  command<TerminalContext>({
    id: "terminal.files",
    label: strings.terminalFiles,
    words: "dashboard tree home browser folder",
    menu: "file",
    run: ({ page }) => page.openFiles(),
  }),
  command<TerminalContext>({
    id: "terminal.close",
    label: strings.closeTab,
    words: "tab window",
    menu: "file",
    run: ({ page }) => page.closeTab(),
  }),
  command<TerminalContext>({
    id: "terminal.end",
    label: strings.terminalEnd,
    words: "shut down stop kill exit",
    menu: "file",
    when: isLive,
    run: ({ page }) => page.end(),
  }),
  command<TerminalContext>({
    id: "terminal.copy",
    label: strings.terminalCopy,
    menu: "edit",
    keys: ["Ctrl-Shift-c"],
    // The stroke is taken in any case: browsers open their tools at it.
    run: ({ page }) => page.copy(),
  }),
  command<TerminalContext>({
    id: "terminal.paste",
    label: strings.terminalPaste,
    menu: "edit",
    // The browser pastes, without asking whether it may.
    editorKeys: ["Accel-Shift-v"],
    when: isLive,
    run: ({ page }) => page.paste(),
  }),
  command<TerminalContext>({
    id: "terminal.select-all",
    label: strings.terminalSelectAll,
    menu: "edit",
    run: ({ page }) => page.selectAll(),
  }),
  command<TerminalContext>({
    id: "terminal.clear",
    label: strings.terminalClear,
    words: "scrollback history reset",
    menu: "edit",
    run: ({ page }) => page.clear(),
  }),
  command<TerminalContext>({
    id: "terminal.find",
    label: strings.terminalFind,
    words: "search",
    menu: "edit",
    keys: ["Accel-Shift-f"],
    run: ({ page }) => page.find(),
  }),
  command<TerminalContext>({
    id: "terminal.find-next",
    label: strings.terminalFindNext,
    keys: ["Accel-Shift-g"],
    run: ({ page }) => page.findNext(1),
  }),
  command<TerminalContext>({
    id: "terminal.palette",
    label: strings.palette,
    words: "palette search",
    menu: "view",
    keys: ["Accel-Shift-p"],
    run: ({ page }) => page.openPalette(),
  }),
  command<TerminalContext>({
    id: "terminal.larger",
    label: strings.terminalLarger,
    words: "zoom font size bigger",
    menu: "view",
    run: ({ page }) => page.zoom(1),
  }),
  command<TerminalContext>({
    id: "terminal.smaller",
    label: strings.terminalSmaller,
    words: "zoom font size",
    menu: "view",
    run: ({ page }) => page.zoom(-1),
  }),
  command<TerminalContext>({
    id: "terminal.screen-reader",
    label: strings.terminalScreenReader,
    words: "accessibility speak",
    menu: "view",
    run: ({ page }) => page.toggle("screenReader"),
  }),
  command<TerminalContext>({
    id: "terminal.paste-key",
    label: strings.terminalPasteKey,
    words: "clipboard quoted insert",
    menu: "view",
    run: ({ page }) => page.toggle("pasteKey"),
  }),
  command<TerminalContext>({
    id: "terminal.leave",
    label: strings.terminalLeave,
    words: "focus keyboard escape",
    menu: "view",
    keys: ["Ctrl-F6"],
    run: ({ page }) => page.leave(),
  }),
  command<TerminalContext>({
    id: "terminal.help",
    label: strings.help,
    words: "keys",
    menu: "help",
    keys: ["Accel-Shift-h"],
    run: ({ page }) => page.openHelp(),
  }),
];
