/** What the terminal page knows besides the terminal, and its side of the commands. */

import { type Signal, signal } from "@preact/signals";
import type { TerminalActions, TerminalContext } from "../../commands/terminal.ts";
import type { AppContext } from "../../context.ts";
import { announce } from "../../controls/announce.tsx";
import { ask } from "../../controls/dialog.tsx";
import type { TerminalModel } from "../../core/terminal.ts";
import { strings } from "../../strings.ts";
import { sentence } from "../dashboard/contents.ts";
import { addressOf } from "../places.ts";
import { endTerminal, openNewTerminal } from "../terminals.ts";
import { bounded, keepOptions, loadOptions, type Options } from "./options.ts";
import type { TerminalScreen } from "./screen.ts";

export interface TerminalPage extends TerminalActions {
  readonly context: AppContext;
  readonly terminal: TerminalModel;
  readonly overlay: Signal<"palette" | "help" | null>;
  readonly finds: Signal<boolean>;
  readonly found: Signal<{ readonly at: number; readonly of: number }>;
  sought: string;
  /** What the shell says of itself; empty: nothing. */
  readonly title: Signal<string>;
  /** It rang while nobody looked. */
  readonly rang: Signal<boolean>;
  /** What went wrong, as a sentence. */
  readonly notice: Signal<string>;
  readonly options: Signal<Options>;
  /** Ctrl is held by a tap: it goes with the next key. */
  readonly ctrl: Signal<boolean>;
  readonly nowMs: Signal<number>;
  screen: TerminalScreen | null;
  focus(): void;
}

export function makeTerminalPage(context: AppContext, terminal: TerminalModel): TerminalPage {
  const say = (text: string): void => {
    page.notice.value = text;
    announce(text);
  };
  const page: TerminalPage = {
    context,
    terminal,
    overlay: signal(null),
    finds: signal(false),
    found: signal({ at: 0, of: 0 }),
    sought: "",
    title: signal(""),
    rang: signal(false),
    notice: signal(""),
    options: signal(loadOptions()),
    ctrl: signal(false),
    nowMs: signal(Date.now()),
    screen: null,

    focus() {
      page.screen?.xterm.focus();
    },
    openPalette() {
      page.overlay.value = "palette";
    },
    openHelp() {
      page.overlay.value = "help";
    },
    leave() {
      document.querySelector<HTMLElement>(".terminal-bar [role=menuitem][tabindex='0']")?.focus();
    },
    find() {
      const selected = page.screen?.xterm.getSelection() ?? "";
      if (selected !== "" && !selected.includes("\n")) page.sought = selected;
      page.finds.value = true;
    },
    findNext(direction) {
      if (!page.finds.peek()) page.find();
      else page.screen?.find(page.sought, direction);
    },
    get hasSelection() {
      return page.screen?.xterm.hasSelection() ?? false;
    },
    copy() {
      const text = page.screen?.xterm.getSelection() ?? "";
      if (text === "") {
        announce("Nothing is selected.");
        return;
      }
      navigator.clipboard.writeText(text).then(
        () => announce("Copied."),
        () => say("The browser did not let the page copy."),
      );
    },
    paste() {
      navigator.clipboard.readText().then(
        text => {
          page.screen?.xterm.paste(text);
          page.focus();
        },
        () => say("The browser did not let the page read the clipboard. Press Ctrl+Shift+V."),
      );
    },
    selectAll() {
      page.screen?.xterm.selectAll();
    },
    clear() {
      page.screen?.xterm.clear();
    },
    zoom(step) {
      setOptions({ fontSize: bounded(page.options.peek().fontSize + step) });
    },
    toggle(option) {
      const on = !page.options.peek()[option];
      setOptions({ [option]: on });
      announce(on ? "On." : "Off.");
    },
    isOn: option => page.options.peek()[option],
    newTerminal() {
      openNewTerminal(context.rest, context.base, "").catch((error: unknown) => say(sentence(error)));
    },
    end() {
      void endAfterQuestion();
    },
    openFiles() {
      window.open(addressOf(context.base, "tree", ""), "_blank", "noopener");
    },
    closeTab() {
      window.close();
      // A tab that no script opened stays.
      location.assign(addressOf(context.base, "tree", ""));
    },
  };

  function setOptions(change: Partial<Options>): void {
    page.options.value = { ...page.options.peek(), ...change };
    keepOptions(page.options.value);
    page.screen?.look(page.options.value);
  }

  async function endAfterQuestion(): Promise<void> {
    const answer = await ask(strings.terminalEndTitle, strings.terminalEndText, [
      { value: "end", label: strings.terminalEndAction, kind: "danger" },
    ]);
    if (answer === null) return;
    try {
      await endTerminal(context.rest, terminal.name);
    } catch (error) {
      say(sentence(error));
    }
  }
  return page;
}

export function contextOfTerminal(page: TerminalPage): TerminalContext {
  return { terminal: page.terminal, page };
}
