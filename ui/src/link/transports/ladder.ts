/**
 * One way to carry frames out of several: the best one that gets through. Rules LW1 to LW6: docs/specs/link-page.md.
 *
 * The next way is tried when one fails, and also when it takes long, without giving it up: the first over which an
 * answer comes carries the link. What was sent before that goes over each.
 */

import { type ReadonlySignal, signal } from "@preact/signals-core";
import type { LinkWay } from "../../core/model.ts";
import type { OpenTransport, Transport, TransportEvents } from "./transport.ts";

/** A way that has brought no answer so long gets company. */
export const NEXT_AFTER_MS = 1_500;
/** Whether a better way is free: looked for after so long. The last one goes on. */
export const PROBE_AFTER_MS: readonly number[] = [15_000, 60_000, 240_000, 900_000, 1_800_000];
/** The better way carried the last link: it may have failed by accident. */
export const PROBE_SOON_MS = 3_000;
export const PROBE_WITHIN_MS = 5_000;

export interface LadderSurroundings {
  /** Best first. */
  readonly rungs: readonly Transport[];
  later(delayMs: number, callback: () => void): () => void;
  /** The name of the way that worked last; null: none did. */
  remembered(): string | null;
  remember(name: string): void;
  /** A frame that the server answers on a new link before all others. */
  probe(): Uint8Array;
}

export class Ladder implements Transport {
  readonly name = "ladder";
  /** What carries the link now, and what did not. */
  readonly way: ReadonlySignal<LinkWay>;
  readonly #around: LadderSurroundings;
  readonly #way = signal<LinkWay>({ name: null, failures: [] });
  #probes = 0;

  constructor(around: LadderSurroundings) {
    this.#around = around;
    this.way = this.#way;
  }

  open(events: TransportEvents): OpenTransport {
    const { rungs } = this.#around;
    const last = this.#around.remembered();
    const first = rungs.find(rung => rung.name === last);
    const order = first === undefined ? rungs : [first, ...rungs.filter(rung => rung !== first)];
    const climb = new Climb(order, this.#around, events, {
      failed: failure => {
        const failures = this.#way.peek().failures.filter(one => one.name !== failure.name);
        this.#way.value = { name: null, failures: [...failures, failure] };
      },
      won: name => {
        const failures = this.#way.peek().failures.filter(one => one.name !== name);
        this.#way.value = { name, failures };
        this.#around.remember(name);
        const better = rungs.slice(
          0,
          rungs.findIndex(rung => rung.name === name),
        );
        if (better.length > 0)
          this.#probeLater(
            climb,
            better,
            better.some(rung => rung.name === last),
            events,
          );
      },
    });
    return climb;
  }

  #probeLater(climb: Climb, better: readonly Transport[], isSoon: boolean, events: TransportEvents): void {
    const delayMs = isSoon
      ? PROBE_SOON_MS
      : (PROBE_AFTER_MS[Math.min(this.#probes, PROBE_AFTER_MS.length - 1)] ?? 0);
    if (!isSoon) this.#probes += 1;
    climb.cancelProbe = this.#around.later(delayMs, () => {
      climb.cancelProbe = probe(better, this.#around, name => {
        if (name === null) {
          this.#probeLater(climb, better, false, events);
          return;
        }
        this.#around.remember(name);
        events.better();
      });
    });
  }
}

/** Try ways in turn, apart from the link; null: none answers. Returns how to stop. */
function probe(
  ways: readonly Transport[],
  around: LadderSurroundings,
  done: (name: string | null) => void,
): () => void {
  const [way, ...others] = ways;
  if (way === undefined) {
    done(null);
    return () => {};
  }
  let next: () => void = () => {};
  const close = (): void => {
    cancel();
    line?.close();
    line = null;
  };
  const fail = (): void => {
    close();
    next = probe(others, around, done);
  };
  const cancel = around.later(PROBE_WITHIN_MS, fail);
  let line: OpenTransport | null = way.open({
    opened: () => line?.send(around.probe()),
    received: () => {
      close();
      done(way.name);
    },
    lost: fail,
    better: () => {},
  });
  return () => {
    close();
    next();
  };
}

interface Outcome {
  failed(failure: LinkWay["failures"][number]): void;
  won(name: string): void;
}

/** One link's search for a way, and then the link on it. */
class Climb implements OpenTransport {
  cancelProbe: () => void = () => {};
  readonly #order: readonly Transport[];
  readonly #around: LadderSurroundings;
  readonly #events: TransportEvents;
  readonly #outcome: Outcome;
  /** The ways that are tried now, and whether they can carry frames. */
  readonly #open = new Map<Transport, { line: OpenTransport | null; isOpened: boolean }>();
  #next = 0;
  #carrying: OpenTransport | null = null;
  #isOver = false;
  /** Sent before an answer came: for each way. */
  #sent: Uint8Array[] = [];
  #hasOpened = false;
  #cancelNext: () => void = () => {};

  constructor(
    order: readonly Transport[],
    around: LadderSurroundings,
    events: TransportEvents,
    outcome: Outcome,
  ) {
    this.#order = order;
    this.#around = around;
    this.#events = events;
    this.#outcome = outcome;
    this.#tryNext();
  }

  send(frame: Uint8Array): void {
    if (this.#carrying !== null) {
      this.#carrying.send(frame);
      return;
    }
    this.#sent.push(frame.slice());
    for (const { line, isOpened } of this.#open.values()) if (isOpened) line?.send(frame);
  }

  close(): void {
    this.#isOver = true;
    this.#cancelNext();
    this.cancelProbe();
    this.#carrying?.close();
    for (const { line } of this.#open.values()) line?.close();
    this.#open.clear();
  }

  #tryNext(): void {
    this.#cancelNext();
    const way = this.#order[this.#next];
    if (way === undefined) return;
    this.#next += 1;
    const trial: { line: OpenTransport | null; isOpened: boolean } = { line: null, isOpened: false };
    this.#open.set(way, trial);
    this.#cancelNext = this.#around.later(NEXT_AFTER_MS, () => this.#tryNext());
    trial.line = way.open({
      opened: () => {
        if (this.#isOver || !this.#open.has(way)) return;
        trial.isOpened = true;
        for (const frame of this.#sent) trial.line?.send(frame);
        if (this.#hasOpened) return;
        this.#hasOpened = true;
        this.#events.opened();
      },
      received: frame => {
        if (this.#isOver || !this.#open.has(way)) return;
        if (this.#carrying === null) this.#won(way, trial.line);
        this.#events.received(frame);
      },
      lost: reason => {
        if (!this.#isOver && this.#open.delete(way)) this.#lost(way, reason);
      },
      better: () => {},
    });
  }

  #won(way: Transport, line: OpenTransport | null): void {
    this.#cancelNext();
    this.#carrying = line;
    this.#sent = [];
    for (const [other, trial] of this.#open) {
      if (other === way) continue;
      this.#open.delete(other);
      trial.line?.close();
      this.#outcome.failed({ name: other.name, reason: "It does not answer." });
    }
    this.#outcome.won(way.name);
  }

  #lost(way: Transport, reason: string): void {
    if (this.#carrying === null) {
      this.#outcome.failed({ name: way.name, reason });
      if (this.#next < this.#order.length) this.#tryNext();
      if (this.#open.size > 0) return;
    }
    this.#isOver = true;
    this.cancelProbe();
    this.#events.lost(reason);
  }
}
