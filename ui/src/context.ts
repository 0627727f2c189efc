/** What the entry gives to every view. Only types. */

import type { ReadonlySignal } from "@preact/signals-core";
import type { Extra } from "./commands/command.ts";
import type { LinkWay, NotebookModel } from "./core/model.ts";
import type { TerminalModel } from "./core/terminal.ts";
import type { Rest } from "./rest.ts";
import type { SignIn } from "./signin.ts";

export interface AppContext {
  /** The server's base URL: ends with a slash. Build every address from it. */
  readonly base: string;
  readonly rest: Rest;
  /** Whether the login goes on; its dialog stands over every page by itself. */
  readonly signIn: SignIn;
  readonly extras: readonly Extra[];
  /** Set when the server has another version than this page came from: offer to load it again. Null: not linked. */
  readonly newVersion: ReadonlySignal<string | null> | null;
  /** How the link of this tab travels; null: it has none. */
  readonly connection: {
    readonly way: ReadonlySignal<LinkWay>;
    readonly roundTripMs: ReadonlySignal<number | null>;
  } | null;
  /** Open a notebook, or get the one that is open in this page already. */
  openNotebook(path: string): NotebookModel;
  /** Show a terminal, or get the one that is shown in this page already. */
  openTerminal(name: string): TerminalModel;
}

/** What ui/src/views/dashboard and ui/src/views/notebook (index.tsx) export. */
export interface View {
  /** Draw into `element`; returns how to take it away. */
  mount(element: HTMLElement, context: AppContext): () => void;
}
