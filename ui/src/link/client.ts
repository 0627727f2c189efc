/**
 * The link of this tab: performs what `connection.ts` decides, and carries frames to and from the notebooks.
 *
 * Times, timers, randomness, storage and transport come from outside (`Surroundings`),
 * so that tests play them. Rules LK20 to LK28: docs/specs/link-page.md.
 */

import { type ReadonlySignal, signal } from "@preact/signals-core";
import type { AnswerView, LinkStatus, NotebookModel } from "../core/model.ts";
import type { Outgoing } from "../core/pending.ts";
import { NotebookStore } from "../core/store.ts";
import type { TerminalModel } from "../core/terminal.ts";
import {
  type Answer,
  type ClientId,
  type Entries,
  type NotebookPath,
  PROTOCOL,
  type Question,
  type Refused,
  type Stalled,
  type ToBrowser,
  type ToServer,
  type Welcome,
} from "../core/wire.ts";
import { strings } from "../strings.ts";
import { begin, type Connection, type ConnectionEvent, dueMs, type Stepped, step } from "./connection.ts";
import { decodeFrame, encodeFrame } from "./frames.ts";
import { bringHome, type Homecoming } from "./homecoming.ts";
import { NO_JOURNAL, type OfflineJournal } from "./journal.ts";
import { Terminals } from "./terminals.ts";
import type { OpenTransport, Transport } from "./transports/transport.ts";

export const ANSWER_WITHIN_MS = 15_000;

/** Locks named after clients: held while a tab lives. Null where the browser has none. */
export interface ClientLocks {
  /** Hold the lock of this client for as long as the page lives. */
  hold(clientId: ClientId): void;
  /** Do `work` holding the lock of a client that is gone; false: it lives. */
  withDead(clientId: ClientId, work: () => Promise<void>): Promise<boolean>;
}

export interface Surroundings {
  nowMs(): number;
  /** From 0 to 1. */
  chance(): number;
  newId(length: number): string;
  /** Call later, once; returns how not to. */
  later(delayMs: number, callback: () => void): () => void;
  /** Whether the browser believes to have a network. */
  online(): boolean;
  /** Why a link could not be opened, in better words than the transport has, when they can be found out. */
  explain(reason: string): Promise<Explained>;
  /** The server lets us in no more. `mayGoOn`: it may be for the login; otherwise this page is too old for it. */
  closed(mayGoOn: boolean): void;
  /** The server takes this browser for somebody else than whose page this is. */
  stranger(user: string): void;
  readonly transport: Transport;
  /** The journal of this user. */
  openJournal(user: string): Promise<OfflineJournal>;
  readonly locks: ClientLocks | null;
}

export interface Explained {
  readonly reason: string;
  /** The login has ended: there is no use in trying again before somebody signs in. */
  readonly signedOut: boolean;
}

/** One notebook this tab follows. */
interface Followed {
  readonly follow: number;
  readonly store: NotebookStore;
  /** The server has said all it had to say about what we have: intents may go. */
  live: boolean;
  pumping: boolean;
  pumpAgain: boolean;
  homecoming: Homecoming | null;
  comingHome: boolean;
  /** What dead tabs left was looked for over this link. */
  cameHome: boolean;
}

interface OpenQuestion {
  readonly resolve: (answer: AnswerView) => void;
  readonly cancel: () => void;
}

export class Client {
  readonly clientId: ClientId;
  /** Another version of the server than this page was loaded from: offer to load it again. */
  readonly newVersion: ReadonlySignal<string | null>;
  /** How long the last answer of the server took; null: none came yet. */
  readonly roundTripMs: ReadonlySignal<number | null>;

  readonly #around: Surroundings;
  readonly #newVersion = signal<string | null>(null);
  readonly #roundTripMs = signal<number | null>(null);
  #version: string | null;
  #connection: Connection | null = null;
  #cancelTick: () => void = () => {};
  #transport: OpenTransport | null = null;
  /** A better way is free: taken when the line is quiet. */
  #isMoveDue = false;
  /** On the way there. It is no loss, so nothing is said of it. */
  #isMoving = false;
  /** Counts links: what was prepared for one is not sent over the next. */
  #epoch = 0;
  #journal: OfflineJournal = NO_JOURNAL;
  #journalUser: string | null = null;
  #clockOffsetMs = 0;
  readonly #followed = new Map<number, Followed>();
  readonly #terminals: Terminals;
  readonly #questions = new Map<number, OpenQuestion>();
  /** Pongs come in the order of pings. */
  #onPong: (() => void)[] = [];
  #counter = 0;

  /** `version`: the server's when this page was loaded; null: unknown. */
  constructor(around: Surroundings, version: string | null) {
    this.#around = around;
    this.#version = version;
    this.newVersion = this.#newVersion;
    this.roundTripMs = this.#roundTripMs;
    this.clientId = around.newId(20);
    around.locks?.hold(this.clientId);
    this.#terminals = new Terminals({
      send: frame => this.#send(frame),
      isOpen: () => this.#connection?.state === "open",
      later: (delayMs, callback) => {
        around.later(delayMs, callback);
      },
    });
  }

  openNotebook(path: NotebookPath): NotebookModel {
    for (const { store } of this.#followed.values()) if (store.path.peek() === path) return store;
    this.#counter += 1;
    const follow = this.#counter;
    const store = new NotebookStore(path, {
      clientId: this.clientId,
      newId: length => this.#around.newId(length),
      wake: () => this.#pump(followed),
      ask: question => this.#ask(followed, question),
      unfollow: () => this.#unfollow(followed),
    });
    const followed: Followed = {
      follow,
      store,
      live: false,
      pumping: false,
      pumpAgain: false,
      homecoming: null,
      comingHome: false,
      cameHome: false,
    };
    this.#followed.set(follow, followed);
    if (this.#connection === null) this.#take(begin(this.#around.nowMs()));
    else if (this.#connection.state === "open") this.#follow(followed);
    this.#showStatus();
    return store;
  }

  openTerminal(name: string): TerminalModel {
    const terminal = this.#terminals.open(name);
    if (this.#connection === null) this.#take(begin(this.#around.nowMs()));
    this.#showStatus();
    return terminal;
  }

  /** The network came back, or the tab is looked at again. */
  wake(): void {
    this.#happened({ event: "wake" });
    this.#showStatus();
  }

  /** This browser is signed in again: go on. */
  signedIn(): void {
    this.#happened({ event: "signed-in" });
  }

  /** The browser says that there is no network. */
  offline(): void {
    this.#showStatus();
  }

  // ---- the connection

  #happened(event: ConnectionEvent, signedOut = false): void {
    if (this.#connection === null) return;
    this.#take(step(this.#connection, event, this.#around.nowMs(), this.#around.chance()), signedOut);
  }

  #take(stepped: Stepped, signedOut = false): void {
    const before = this.#connection;
    this.#connection = stepped.connection;
    if (before?.state === "open" && stepped.connection.state !== "open") this.#down();
    if (stepped.connection.state === "waiting" || stepped.connection.state === "closed")
      this.#isMoving = false;
    for (const action of stepped.actions) {
      if (action === "connect") this.#connect();
      else if (action === "ping") this.#ping(() => {});
      else this.#drop();
    }
    this.#schedule();
    if (before?.state === stepped.connection.state) return;
    this.#showStatus();
    if (stepped.connection.state === "closed") this.#around.closed(before?.state === "open" || signedOut);
  }

  #schedule(): void {
    this.#cancelTick();
    this.#cancelTick = () => {};
    const due = this.#connection === null ? null : dueMs(this.#connection);
    if (due === null) return;
    this.#cancelTick = this.#around.later(Math.max(0, due - this.#around.nowMs()), () =>
      this.#happened({ event: "tick" }),
    );
  }

  #connect(): void {
    this.#drop();
    const epoch = this.#epoch;
    const isOurs = (): boolean => epoch === this.#epoch;
    this.#transport = this.#around.transport.open({
      opened: () => {
        if (isOurs()) this.#send({ frame: "hello", protocol: PROTOCOL, client_id: this.clientId });
      },
      received: bytes => {
        if (isOurs()) this.#receive(bytes);
      },
      lost: reason => {
        if (!isOurs()) return;
        this.#drop();
        if (this.#connection?.state === "connecting") void this.#couldNotConnect(reason);
        else this.#happened({ event: "lost", reason });
      },
      better: () => {
        if (isOurs()) this.#isMoveDue = true;
      },
    });
  }

  /** It never came to a welcome. */
  async #couldNotConnect(reason: string): Promise<void> {
    const epoch = this.#epoch;
    const explained = await this.#around.explain(reason);
    if (epoch !== this.#epoch) return;
    if (explained.signedOut) this.#happened({ event: "bye", reason: explained.reason, retryMs: -1 }, true);
    else this.#happened({ event: "lost", reason: explained.reason });
  }

  /** End the transport, whatever is on it. */
  #drop(): void {
    this.#epoch += 1;
    this.#transport?.close();
    this.#transport = null;
    this.#isMoveDue = false;
    this.#onPong = [];
  }

  /** Nothing was said for a while, and nothing waits: nobody notices. */
  #moveIfQuiet(): void {
    if (!this.#isMoveDue || this.#questions.size > 0 || this.#onPong.length > 0) return;
    this.#isMoving = true;
    this.#happened({ event: "move" });
  }

  /** The link was open and is not any more. */
  #down(): void {
    for (const followed of this.#followed.values()) {
      followed.live = false;
      // The next link says it again, if it is still so.
      followed.store.stalled.value = null;
      // Another tab may have died meanwhile: look again when the link is back.
      followed.cameHome = false;
      followed.homecoming?.interrupted();
    }
    this.#terminals.down();
    for (const { resolve, cancel } of this.#questions.values()) {
      cancel();
      resolve({ ok: false, error: "The connection was lost." });
    }
    this.#questions.clear();
  }

  #send(frame: ToServer): void {
    this.#transport?.send(encodeFrame(frame));
  }

  #ping(onPong: () => void): void {
    const sentMs = this.#around.nowMs();
    this.#onPong.push(() => {
      this.#roundTripMs.value = Math.max(0, this.#around.nowMs() - sentMs);
      onPong();
    });
    this.#send({ frame: "ping", sent_ms: sentMs });
  }

  // ---- frames

  #receive(bytes: Uint8Array): void {
    const frame = decodeFrame(bytes);
    if (frame === null) return;
    this.#happened({ event: "heard" });
    this.#handle(frame);
  }

  #handle(frame: ToBrowser): void {
    switch (frame.frame) {
      case "welcome":
        this.#welcomed(frame);
        return;
      case "snapshot": {
        const followed = this.#followed.get(frame.follow);
        followed?.store.receiveSnapshot(frame);
        if (!frame.more) this.#seen(followed);
        return;
      }
      case "more-cells": {
        const followed = this.#followed.get(frame.follow);
        followed?.store.receiveMore(frame);
        this.#seen(followed);
        return;
      }
      case "entries":
        this.#entries(frame);
        return;
      case "refused":
        this.#refused(frame);
        return;
      case "stalled":
        this.#stalled(frame);
        return;
      case "answer":
        this.#answered(frame);
        return;
      case "problem":
        this.#followed.get(frame.follow)?.store.receiveProblem(frame.status, frame.message);
        return;
      case "pong":
        this.#onPong.shift()?.();
        this.#moveIfQuiet();
        return;
      case "attached":
      case "shown":
      case "typed":
      case "ended":
      case "no-terminal":
        this.#terminals.receive(frame);
        return;
      case "bye":
        this.#happened({ event: "bye", reason: frame.reason, retryMs: frame.retry_ms });
        return;
    }
  }

  #welcomed(frame: Welcome): void {
    if (this.#journalUser !== null && this.#journalUser !== frame.user) {
      // What waits here is of whose page this is: nobody else may send it.
      this.#happened({ event: "bye", reason: strings.otherUser(frame.user), retryMs: -1 });
      this.#around.stranger(frame.user);
      return;
    }
    this.#version ??= frame.version;
    this.#newVersion.value = frame.version === this.#version ? null : frame.version;
    this.#clockOffsetMs = frame.now_ms - this.#around.nowMs();
    this.#happened({ event: "welcomed" });
    if (this.#journalUser === null) {
      this.#journalUser = frame.user;
      void this.#openJournal(frame.user);
    }
    for (const followed of this.#followed.values()) this.#follow(followed);
    this.#terminals.linked();
  }

  async #openJournal(user: string): Promise<void> {
    try {
      this.#journal = await this.#around.openJournal(user);
    } catch {
      // No storage in this window: edits still wait in memory.
      this.#journal = NO_JOURNAL;
    }
    for (const followed of this.#followed.values()) this.#comeHome(followed);
  }

  /** Open it, or go on with it. Intents go again only when the server has answered: a snapshot changes their base. */
  #follow(followed: Followed): void {
    const { store, follow } = followed;
    const { journalId, seq } = store.have;
    store.clockOffsetMs.value = this.#clockOffsetMs;
    this.#send({ frame: "follow", follow, path: store.path.peek(), journal_id: journalId, have: seq });
    // Frames are handled in order, and what a follow brings is sent at once: the pong comes after it.
    this.#ping(() => this.#resumed(followed));
  }

  #resumed(followed: Followed): void {
    if (followed.store.status.peek().kind !== "ready") return;
    followed.live = true;
    this.#isMoving = false;
    for (const outgoing of followed.store.undecided()) this.#intend(followed, outgoing);
    this.#pump(followed);
    this.#comeHome(followed);
    this.#showStatus();
  }

  #entries(frame: Entries): void {
    const followed = this.#followed.get(frame.follow);
    if (followed === undefined) return;
    const [first] = frame.entries;
    if (first !== undefined && first.seq > followed.store.seq + 1) {
      // A gap (LK7): what is missing comes when the notebook is followed again.
      this.#follow(followed);
      return;
    }
    followed.store.receiveEntries(frame.entries);
    for (const entry of frame.entries) {
      if (entry.client_id == null || entry.intent == null) continue;
      followed.homecoming?.decided(entry.client_id, entry.intent, entry.refusal ?? null);
    }
    this.#seen(followed);
  }

  #refused(frame: Refused): void {
    const followed = this.#followed.get(frame.follow);
    followed?.homecoming?.decided(frame.client_id, frame.number, frame.refusal);
    followed?.store.receiveRefused(frame);
  }

  #stalled(frame: Stalled): void {
    const store = this.#followed.get(frame.follow)?.store;
    if (store === undefined) return;
    const sinceMs = store.stalled.peek()?.sinceMs ?? this.#around.nowMs();
    store.stalled.value =
      frame.reason === "" ? null : { reason: frame.reason, diskFull: frame.disk_full, sinceMs };
  }

  #seen(followed: Followed | undefined): void {
    if (followed === undefined) return;
    this.#send({ frame: "seen", follow: followed.follow, seq: followed.store.seq });
  }

  #unfollow(followed: Followed): void {
    this.#followed.delete(followed.follow);
    followed.live = false;
    this.#send({ frame: "unfollow", follow: followed.follow });
  }

  // ---- intents

  #intend(followed: Followed, outgoing: Outgoing): void {
    const { number, body } = outgoing;
    this.#send({ frame: "intend", follow: followed.follow, client_id: this.clientId, number, body });
  }

  /** Keep what is new, then send it: in that order, so that a tab that dies leaves nothing behind but what is kept. */
  #pump(followed: Followed): void {
    if (followed.pumping) {
      followed.pumpAgain = true;
      return;
    }
    followed.pumping = true;
    void this.#pumpAll(followed);
  }

  async #pumpAll(followed: Followed): Promise<void> {
    const { store } = followed;
    do {
      followed.pumpAgain = false;
      const epoch = this.#epoch;
      const outgoing = followed.live ? store.take() : [];
      const changes = store.takeStored();
      if (changes.put.length > 0 || changes.remove.length > 0) {
        try {
          await this.#journal.write(store.path.peek(), this.clientId, changes);
        } catch {
          // Full or gone: the intent is still in memory, and better sent than kept back.
        }
      }
      // Over a new link they went already, with all that was undecided.
      if (epoch === this.#epoch) for (const one of outgoing) this.#intend(followed, one);
    } while (followed.pumpAgain);
    followed.pumping = false;
    this.#showStatus();
  }

  /** Bring home what dead tabs left for this notebook; once for each link. */
  #comeHome(followed: Followed): void {
    const { locks } = this.#around;
    if (!followed.live || followed.cameHome || followed.comingHome) return;
    if (this.#journal === NO_JOURNAL || locks === null || !followed.store.writable.peek()) return;
    followed.comingHome = true;
    void bringHome({
      journal: this.#journal,
      locks,
      store: followed.store,
      clientId: this.clientId,
      nowMs: () => this.#around.nowMs(),
      send: (clientId, { number, body }) =>
        this.#send({ frame: "intend", follow: followed.follow, client_id: clientId, number, body }),
      begun: homecoming => {
        followed.homecoming = homecoming;
      },
    }).then(done => {
      followed.homecoming = null;
      followed.comingHome = false;
      followed.cameHome = done && followed.live;
      // Cut short, and the next link may be there already.
      this.#comeHome(followed);
    });
  }

  // ---- questions

  #ask(followed: Followed, question: Question): Promise<AnswerView> {
    if (!followed.live) return Promise.resolve({ ok: false, error: "There is no connection." });
    this.#counter += 1;
    const ask = this.#counter;
    return new Promise(resolve => {
      const cancel = this.#around.later(ANSWER_WITHIN_MS, () => {
        this.#questions.delete(ask);
        resolve({ ok: false, error: "The kernel does not answer." });
      });
      this.#questions.set(ask, { resolve, cancel });
      this.#send({ frame: "ask", follow: followed.follow, ask, question });
    });
  }

  #answered(frame: Answer): void {
    const open = this.#questions.get(frame.ask);
    if (open === undefined) return;
    this.#questions.delete(frame.ask);
    open.cancel();
    open.resolve(frame.error === "" ? { ok: true, value: frame.value } : { ok: false, error: frame.error });
  }

  // ---- status

  #showStatus(): void {
    for (const followed of this.#followed.values()) {
      const status = this.#statusOf(followed.store, this.#isLive(followed));
      const now = followed.store.link.peek();
      if (JSON.stringify(now) !== JSON.stringify(status)) followed.store.link.value = status;
    }
    this.#terminals.showLink(this.#statusOf(null, this.#connection?.state === "open"));
  }

  #isLive(followed: Followed): boolean {
    return followed.live || followed.store.status.peek().kind === "problem";
  }

  /** `store`: whose edits wait; null: there are none to wait. */
  #statusOf(store: NotebookStore | null, isLive: boolean): LinkStatus {
    const connection = this.#connection;
    if (this.#isMoving) return { kind: "live" };
    if (connection === null || connection.state === "open") {
      if (isLive) return { kind: "live" };
      return { kind: "reconnecting", sinceMs: this.#around.nowMs(), retryAtMs: null, reason: "" };
    }
    if (connection.state === "closed") return { kind: "closed", reason: connection.reason };
    if (!this.#around.online()) {
      const waiting = store?.waiting() ?? { edits: 0, runs: 0 };
      return { kind: "offline", waitingEdits: waiting.edits, waitingRuns: waiting.runs };
    }
    const retryAtMs = connection.state === "waiting" ? connection.retryAtMs : null;
    return { kind: "reconnecting", sinceMs: connection.downSinceMs, retryAtMs, reason: connection.reason };
  }
}
