/**
 * One terminal as the page sees it: how far its output came, what was typed and is not taken yet, how things stand.
 *
 * It knows neither the screen that draws it nor the link that feeds it. Rules TE1
 * to TE9: docs/specs/terminals.md.
 */

import { type ReadonlySignal, type Signal, signal } from "@preact/signals-core";
import type { LinkStatus } from "./model.ts";
import type { Attach, Attached, Ended, NoTerminal, Shown, ToServer, Typed } from "./wire.ts";

/** Typed and sent, but not yet taken: more waits here. */
const AHEAD_BYTES = 256 << 10;
const FRAME_BYTES = 16 << 10;
/** What is kept of what is typed while there is no line. */
export const KEPT_BYTES = 64 << 10;

export type TerminalStatus =
  | { readonly kind: "loading" }
  | { readonly kind: "live" }
  /** Negative: ended by the signal of that number. */
  | { readonly kind: "ended"; readonly exitCode: number }
  | { readonly kind: "problem"; readonly status: number; readonly message: string };

/** What draws it. Calls come in the order of the output. */
export interface Screen {
  /** Clear it. `modes`: sequences to begin with; `isCut`: what comes begins in the middle of something. */
  clear(modes: Uint8Array, isCut: boolean): void;
  /** The first byte is at `offset`. `isOld`: it was shown to somebody before, so nothing in it is to be answered. */
  show(data: Uint8Array, offset: number, isOld: boolean): void;
}

export interface TerminalModel {
  readonly name: string;
  readonly status: ReadonlySignal<TerminalStatus>;
  readonly link: ReadonlySignal<LinkStatus>;
  /** Bytes that are typed and not taken yet. */
  readonly waiting: ReadonlySignal<number>;
  /** Begin to draw. */
  draw(screen: Screen): void;
  /** `isAnswer`: the screen answers a program's question. False: it was not taken, and never will be. */
  type(data: Uint8Array, isAnswer: boolean): boolean;
  resize(rows: number, columns: number): void;
  /** Have a full-screen program draw itself again. */
  redraw(): void;
  /** All bytes before this offset are drawn, or nobody looks. */
  drawn(offset: number): void;
  /** Show it from the start of what is kept. */
  again(): void;
  close(): void;
}

/** What the link does for a terminal. */
export interface TerminalLine {
  /** Send this now, if the link is there. */
  send(frame: ToServer): void;
  /** Ask for it again, a moment later. */
  attachLater(): void;
  close(): void;
}

interface Input {
  readonly number: number;
  readonly data: Uint8Array;
  readonly isAnswer: boolean;
  sent: boolean;
}

export class TerminalStore implements TerminalModel {
  readonly name: string;
  readonly status: Signal<TerminalStatus> = signal<TerminalStatus>({ kind: "loading" });
  readonly link: Signal<LinkStatus> = signal<LinkStatus>({ kind: "live" });
  readonly waiting: Signal<number> = signal(0);

  readonly #attach: number;
  readonly #line: TerminalLine;
  #screen: Screen | null = null;
  #life = "";
  #have = 0;
  /** Before it: output that is old. */
  #oldUntil = 0;
  #rows = 0;
  #columns = 0;
  #number = 0;
  #inputs: Input[] = [];
  /** The server has answered our attach over this link. */
  #isAttached = false;

  constructor(name: string, attach: number, line: TerminalLine) {
    this.name = name;
    this.#attach = attach;
    this.#line = line;
  }

  draw(screen: Screen): void {
    this.#screen = screen;
  }

  // ---- the link

  /** What asks for it, or for what is missing. */
  attachFrame(): Attach {
    return {
      frame: "attach",
      attach: this.#attach,
      name: this.name,
      life: this.#life,
      have: this.#have,
      rows: this.#rows,
      columns: this.#columns,
    };
  }

  /** Whether it is worth asking for. */
  get isWanted(): boolean {
    const { kind } = this.status.peek();
    return kind === "loading" || kind === "live";
  }

  /** The link is gone. */
  down(): void {
    this.#isAttached = false;
  }

  receiveAttached(frame: Attached): void {
    if (this.#life !== "" && frame.life !== this.#life) this.#forget();
    this.#life = frame.life;
    this.#oldUntil = frame.end;
    if (frame.fresh || frame.offset !== this.#have) {
      this.#have = frame.offset;
      this.#screen?.clear(frame.modes, frame.offset > 0);
    }
    this.#isAttached = true;
    this.status.value = { kind: "live" };
    for (const input of this.#inputs) input.sent = false;
    this.#pump();
  }

  receiveShown(frame: Shown): void {
    const end = frame.offset + frame.data.length;
    if (!this.#isAttached || end <= this.#have) return;
    if (frame.offset > this.#have) {
      // It cannot be; asking again is what heals it.
      this.#isAttached = false;
      this.#line.attachLater();
      return;
    }
    const data = frame.data.subarray(this.#have - frame.offset);
    // Old and new apart: a question in the old part is not to be answered.
    const old = Math.max(0, Math.min(data.length, this.#oldUntil - this.#have));
    if (old > 0) this.#screen?.show(data.subarray(0, old), this.#have, true);
    if (old < data.length) this.#screen?.show(data.subarray(old), this.#have + old, false);
    this.#have = end;
  }

  receiveTyped(frame: Typed): void {
    this.#inputs = this.#inputs.filter(input => input.number > frame.number);
    this.#pump();
  }

  receiveEnded(frame: Ended): void {
    this.#isAttached = false;
    this.#forget();
    this.status.value = { kind: "ended", exitCode: frame.exit_code };
  }

  receiveProblem(frame: NoTerminal): void {
    this.#isAttached = false;
    if (frame.status === 503) {
      this.#line.attachLater();
      return;
    }
    this.#forget();
    this.status.value = { kind: "problem", status: frame.status, message: frame.message };
  }

  // ---- the screen

  type(data: Uint8Array, isAnswer: boolean): boolean {
    if (!this.isWanted) return false;
    const isFull = !this.#isAttached && this.waiting.peek() + data.length > KEPT_BYTES;
    // An answer that comes after the line was away answers nobody.
    if (isFull || (isAnswer && !this.#isAttached)) return isAnswer;
    for (let start = 0; start < data.length; start += FRAME_BYTES) {
      this.#number += 1;
      this.#inputs.push({
        number: this.#number,
        data: data.slice(start, start + FRAME_BYTES),
        isAnswer,
        sent: false,
      });
    }
    this.#pump();
    return true;
  }

  resize(rows: number, columns: number): void {
    this.#rows = rows;
    this.#columns = columns;
    if (this.#isAttached) this.#line.send({ frame: "resize", attach: this.#attach, rows, columns });
  }

  redraw(): void {
    if (this.#isAttached) this.#line.send({ frame: "redraw", attach: this.#attach });
  }

  drawn(offset: number): void {
    if (this.#isAttached) this.#line.send({ frame: "drawn", attach: this.#attach, offset });
  }

  again(): void {
    if (!this.isWanted) return;
    this.#isAttached = false;
    this.#have = 0;
    // Another life than any: what comes is for a clear screen.
    this.#line.send({ ...this.attachFrame(), life: "" });
  }

  close(): void {
    this.#line.close();
  }

  // ---- inside

  #pump(): void {
    let ahead = 0;
    for (const input of this.#inputs) {
      if (!this.#isAttached || ahead > AHEAD_BYTES) break;
      ahead += input.data.length;
      if (input.sent) continue;
      input.sent = true;
      const { number, data, isAnswer } = input;
      this.#line.send({ frame: "type", attach: this.#attach, number, data, answer: isAnswer });
    }
    this.waiting.value = this.#inputs.reduce((sum, input) => sum + input.data.length, 0);
  }

  #forget(): void {
    this.#inputs = [];
    this.waiting.value = 0;
  }
}
