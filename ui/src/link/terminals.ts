/** The terminals of this tab: which frames are whose, and attaching over each new link. */

import type { LinkStatus } from "../core/model.ts";
import { TerminalStore } from "../core/terminal.ts";
import type { Attached, Ended, NoTerminal, Shown, ToServer, Typed } from "../core/wire.ts";

const AGAIN_AFTER_MS = 1_000;

export type OfTerminal = Attached | Shown | Typed | Ended | NoTerminal;

export interface TerminalSurroundings {
  /** Does nothing while there is no link. */
  readonly send: (frame: ToServer) => void;
  readonly isOpen: () => boolean;
  readonly later: (delayMs: number, callback: () => void) => void;
}

export class Terminals {
  readonly #around: TerminalSurroundings;
  readonly #all = new Map<number, TerminalStore>();
  #counter = 0;

  constructor(around: TerminalSurroundings) {
    this.#around = around;
  }

  open(name: string): TerminalStore {
    for (const store of this.#all.values()) if (store.name === name) return store;
    this.#counter += 1;
    const attach = this.#counter;
    const store: TerminalStore = new TerminalStore(name, attach, {
      send: this.#around.send,
      attachLater: () => this.#around.later(AGAIN_AFTER_MS, () => this.#attach(store)),
      close: () => {
        this.#all.delete(attach);
        this.#around.send({ frame: "detach", attach });
      },
    });
    this.#all.set(attach, store);
    this.#attach(store);
    return store;
  }

  /** A new link is there. */
  linked(): void {
    for (const store of this.#all.values()) this.#attach(store);
  }

  /** The link is gone. */
  down(): void {
    for (const store of this.#all.values()) store.down();
  }

  showLink(status: LinkStatus): void {
    for (const store of this.#all.values()) {
      if (JSON.stringify(store.link.peek()) !== JSON.stringify(status)) store.link.value = status;
    }
  }

  receive(frame: OfTerminal): void {
    const store = this.#all.get(frame.attach);
    if (store === undefined) return;
    switch (frame.frame) {
      case "attached":
        store.receiveAttached(frame);
        return;
      case "shown":
        store.receiveShown(frame);
        return;
      case "typed":
        store.receiveTyped(frame);
        return;
      case "ended":
        store.receiveEnded(frame);
        return;
      case "no-terminal":
        store.receiveProblem(frame);
        return;
    }
  }

  #attach(store: TerminalStore): void {
    if (this.#around.isOpen() && store.isWanted) this.#around.send(store.attachFrame());
  }
}
