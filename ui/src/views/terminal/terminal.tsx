/** A terminal: the bar, the shell's screen, and a line for what went wrong or has ended. */

import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { Command as CommandIcon, Menu as MenuIcon, Search } from "lucide";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { IS_MAC, makeKeydown } from "../../commands/keydown.ts";
import { TERMINAL_COMMANDS } from "../../commands/terminal.ts";
import type { AppContext } from "../../context.ts";
import { announce } from "../../controls/announce.tsx";
import { Button } from "../../controls/button.tsx";
import { Hosts } from "../../controls/hosts.tsx";
import { Icon } from "../../controls/icon.tsx";
import { MenuButton, Menubar, type MenuEntry } from "../../controls/menu.tsx";
import { Palette } from "../../controls/palette.tsx";
import { drawNow } from "../../draw.ts";
import { Breadcrumb } from "../breadcrumb.tsx";
import { Help } from "../notebook/help.tsx";
import { linkWords } from "../notebook/status.ts";
import { addressOf } from "../places.ts";
import { startTerminal, terminalAddress } from "../terminals.ts";
import { count } from "../words.ts";
import { TerminalFindBar } from "./findbar.tsx";
import { KeyRow } from "./keyrow.tsx";
import { terminalMenus, terminalPalette } from "./menus.ts";
import { contextOfTerminal, makeTerminalPage, type TerminalPage } from "./page.ts";
import { makeScreen } from "./screen.ts";
import { endedWords, withCtrl } from "./typing.ts";
import "./terminal.css";

const HELP = [{ title: "Everywhere on this page", mode: "both" }] as const;

export function TerminalView({ context, name }: { readonly context: AppContext; readonly name: string }) {
  const page = useMemo(() => makeTerminalPage(context, context.openTerminal(name)), [context, name]);
  const overlay = page.overlay.value;
  useTabTitle(page);
  useClock(page);
  return (
    <div class="terminal">
      <Bar page={page} />
      <main class="terminal-main" aria-label={`Terminal ${name}`}>
        <ShellScreen page={page} />
        <Line page={page} />
      </main>
      {page.finds.value && <TerminalFindBar page={page} />}
      <KeyRow page={page} />
      {overlay === "palette" && (
        <Palette
          items={terminalPalette(page)}
          placeholder="What do you want to do?"
          onClose={() => {
            page.overlay.value = null;
          }}
        />
      )}
      {overlay === "help" && (
        <Help
          commands={TERMINAL_COMMANDS}
          sections={HELP}
          onClose={() => {
            page.overlay.value = null;
          }}
        />
      )}
      <Hosts />
    </div>
  );
}

function Bar({ page }: { readonly page: TerminalPage }) {
  const menus = useMemo(() => terminalMenus(page), [page]);
  const { terminal } = page;
  const { signIn } = page.context;
  const words = useComputed(() =>
    linkWords(terminal.link.value, page.nowMs.value, signIn.state.value.kind === "in"),
  ).value;
  const link = terminal.link.value;
  const over = terminal.status.value.kind === "ended" || terminal.status.value.kind === "problem";
  const reason = link.kind === "reconnecting" || link.kind === "closed" ? link.reason : "";
  const everything = (): MenuEntry[] =>
    menus.flatMap((menu, index): MenuEntry[] => [
      ...(index > 0 ? (["rule"] as const) : []),
      { heading: menu.label },
      ...menu.entries(),
    ]);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape leads from the bar's own controls back to the shell
    <header
      class="bar terminal-bar"
      onKeyDown={event => {
        if (event.key === "Escape") page.focus();
      }}
    >
      <Breadcrumb base={page.context.base} path="">
        <h1 class="here">Terminal {terminal.name}</h1>
      </Breadcrumb>
      <Menubar label="Terminal" menus={menus} />
      <span class="terminal-title" title={page.title.value}>
        {page.title.value}
      </span>
      <div class="states">
        <span class="state" data-tone={over ? "soft" : words.tone} title={reason} role="status">
          {!over && <i class="dot" data-link={link.kind} aria-hidden="true" />}
          {over ? "Ended" : words.text}
        </span>
      </div>
      <div class="bar-actions">
        <Button icon={Search} label="Find" onClick={() => page.find()} />
        <Button
          icon={CommandIcon}
          class="wide-only"
          label="All commands"
          onClick={() => page.openPalette()}
        />
        <MenuButton spec={{ label: "Menu", entries: everything }} class="phone-only" tip="Menu">
          <Icon shape={MenuIcon} />
        </MenuButton>
      </div>
    </header>
  );
}

function ShellScreen({ page }: { readonly page: TerminalPage }) {
  const host = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = host.current;
    if (element === null) return;
    const press = makeKeydown({
      commands: TERMINAL_COMMANDS,
      context: () => contextOfTerminal(page),
      nowMs: () => performance.now(),
      plainKeys: () => false,
    });
    const pressed = (event: KeyboardEvent): boolean => {
      const handled = press(event);
      if (handled) drawNow();
      return handled;
    };
    const screen = makeScreen(element, page.terminal, page.options.peek(), {
      title: title => {
        page.title.value = title;
      },
      bell: () => {
        if (document.hidden) page.rang.value = true;
      },
      refused: () => announce("That was not typed: the connection is away, and much waits for it already."),
      results: (at, of) => {
        page.found.value = { at, of };
      },
      key: event => pressed(event) || isClipboardKey(page, event),
      typed: text => {
        if (!page.ctrl.peek()) return text;
        page.ctrl.value = false;
        return withCtrl(text);
      },
    });
    page.screen = screen;
    const leave = IS_MAC ? "Control F6" : "Ctrl+F6";
    screen.xterm.textarea?.setAttribute("aria-label", `Terminal ${page.terminal.name}. ${leave} leaves it.`);
    screen.xterm.focus();
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const recolour = () => screen.colour();
    const listen = (event: KeyboardEvent) => {
      pressed(event);
    };
    scheme.addEventListener("change", recolour);
    document.addEventListener("keydown", listen);
    return () => {
      scheme.removeEventListener("change", recolour);
      document.removeEventListener("keydown", listen);
      page.screen = null;
      screen.dispose();
    };
  }, [page]);
  return <div class="terminal-screen" ref={host} />;
}

/** Keys that the browser answers itself, if xterm.js lets it; and Ctrl-C where something is selected. */
function isClipboardKey(page: TerminalPage, event: KeyboardEvent): boolean {
  if (IS_MAC || !event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return false;
  const key = event.key.toLowerCase();
  if (key === "c" && page.hasSelection) {
    event.preventDefault();
    page.copy();
    // So that the next one interrupts.
    page.screen?.xterm.clearSelection();
    return true;
  }
  return key === "v" && page.isOn("pasteKey");
}

/** What is so, over the screen's foot: nothing jumps, and the shell keeps its size. */
function Line({ page }: { readonly page: TerminalPage }) {
  const { terminal, context } = page;
  const starting = useSignal(false);
  const status = terminal.status.value;
  const link = terminal.link.value;
  const waiting = terminal.waiting.value;
  const again = async () => {
    starting.value = true;
    try {
      location.replace(terminalAddress(context.base, await startTerminal(context.rest, "")));
    } catch (error) {
      page.notice.value = error instanceof Error ? error.message : "No terminal could be started.";
      starting.value = false;
    }
  };
  const isOver = status.kind === "ended" || status.kind === "problem";
  const first = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    // Keys have nowhere to go any more; those who need no pointer find what can be done.
    if (isOver) first.current?.focus();
  }, [isOver]);
  useSignalEffect(() => {
    const now = terminal.status.value;
    if (now.kind === "ended") announce(endedWords(now.exitCode));
    if (now.kind === "problem") announce(now.message);
  });
  let text = page.notice.value;
  if (status.kind === "ended") text = endedWords(status.exitCode);
  else if (status.kind === "problem") text = status.message;
  else if (link.kind === "closed") text = link.reason;
  else if (link.kind !== "live") {
    text = `The shell goes on. ${waiting === 0 ? "What you type is kept until the connection is back." : `${count(waiting, "byte")} typed and kept until the connection is back.`}`;
  }
  if (text === "") return null;
  return (
    <div class="terminal-line" data-kind={isOver ? undefined : "soft"}>
      <p>{text}</p>
      {isOver && (
        <span>
          <Button kind="primary" buttonRef={first} disabled={starting.value} onClick={() => void again()}>
            New terminal
          </Button>
          <a class="button" href={addressOf(context.base, "tree", "")}>
            Files
          </a>
        </span>
      )}
      {!isOver && page.notice.value !== "" && (
        <Button
          kind="link"
          onClick={() => {
            page.notice.value = "";
            page.focus();
          }}
        >
          Dismiss
        </Button>
      )}
    </div>
  );
}

function useTabTitle(page: TerminalPage): void {
  const { title, rang, terminal } = page;
  useEffect(() => {
    const seen = () => {
      if (!document.hidden) rang.value = false;
    };
    document.addEventListener("visibilitychange", seen);
    return () => document.removeEventListener("visibilitychange", seen);
  }, [rang]);
  useSignalEffect(() => {
    const name = title.value === "" ? `Terminal ${terminal.name}` : title.value;
    document.title = `${rang.value ? "● " : ""}${name} — Carnet`;
  });
}

/** Ticks while something counts down. */
function useClock(page: TerminalPage): void {
  useEffect(() => {
    const timer = setInterval(() => {
      if (page.terminal.link.peek().kind !== "live") page.nowMs.value = Date.now();
    }, 1000);
    const leave = (event: BeforeUnloadEvent) => {
      // What was typed while the line was away leaves with the page.
      if (page.terminal.waiting.peek() > 0 && page.terminal.link.peek().kind !== "live")
        event.preventDefault();
    };
    window.addEventListener("beforeunload", leave);
    return () => {
      clearInterval(timer);
      window.removeEventListener("beforeunload", leave);
    };
  }, [page]);
}
