import { IDBFactory, IDBKeyRange } from "fake-indexeddb";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { NotebookModel } from "../core/model.ts";
import { aView, ModelServer } from "../core/testing.ts";
import { replacing } from "../core/text.ts";
import type { ClientId, ToBrowser, ToServer } from "../core/wire.ts";
import { Client, type ClientLocks, type Surroundings } from "./client.ts";
import { openJournal } from "./journal.ts";
import { decode, encode } from "./msgpack.ts";
import type { TransportEvents } from "./transports/transport.ts";

beforeEach(() => {
  vi.stubGlobal("IDBKeyRange", IDBKeyRange);
});
afterEach(() => {
  vi.unstubAllGlobals();
});

/** A clock whose timers fire when the test moves it. */
class Clock {
  nowMs = 1_000;
  #timers: { atMs: number; callback: () => void }[] = [];

  later(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.nowMs + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter(one => one !== timer);
    };
  }

  pass(ms: number): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      const due = this.#timers.filter(one => one.atMs <= endMs).toSorted((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter(one => one !== due);
      this.nowMs = Math.max(this.nowMs, due.atMs);
      due.callback();
    }
    this.nowMs = endMs;
  }
}

/** A server of one notebook, over a line that the test cuts. */
class Wire {
  readonly server: ModelServer;
  readonly sent: ToServer[] = [];
  up = true;
  opened = 0;
  silent = false;
  signedOut = false;
  user = "ada";
  /** What the page was told when the link was closed. */
  readonly closed: boolean[] = [];
  readonly strangers: string[] = [];
  #events: TransportEvents | null = null;
  #clientId: ClientId = "";
  #sentSeq = -1;

  constructor(server: ModelServer) {
    this.server = server;
  }

  readonly transport = {
    name: "test",
    open: (events: TransportEvents) => {
      this.opened += 1;
      this.#events = events;
      queueMicrotask(() => (this.up ? events.opened() : events.lost("refused")));
      return {
        send: (bytes: Uint8Array) => {
          if (this.#events === events && !this.silent) this.#receive(decode(bytes) as ToServer);
        },
        close: () => {
          if (this.#events === events) this.#events = null;
        },
      };
    },
  };

  cut(): void {
    const events = this.#events;
    this.#events = null;
    events?.lost("cut");
  }

  better(): void {
    this.#events?.better();
  }

  say(frame: ToBrowser): void {
    if (!this.silent) this.#events?.received(encode(frame));
  }

  /** What happened since goes out, as a follower sends it. */
  tell(): void {
    if (this.#sentSeq < 0 || this.#events === null) return;
    const entries = this.server.entries.filter(entry => entry.seq > this.#sentSeq);
    this.#sentSeq = this.server.state.seq;
    if (entries.length > 0) this.say({ frame: "entries", follow: 1, entries });
  }

  #receive(frame: ToServer): void {
    this.sent.push(frame);
    switch (frame.frame) {
      case "hello":
        this.#clientId = frame.client_id;
        this.#sentSeq = -1;
        this.say({ frame: "welcome", protocol: 1, version: "1", now_ms: 5_000, user: this.user });
        break;
      case "follow":
        if (frame.journal_id === this.server.state.journalId) {
          this.#sentSeq = frame.have;
          this.tell();
        } else {
          this.#sentSeq = this.server.state.seq;
          this.say(this.server.snapshotFor(this.#clientId));
        }
        break;
      case "intend":
        this.server.receive(frame.client_id, frame.number, frame.body);
        this.tell();
        break;
      case "ask":
        this.say({ frame: "answer", ask: frame.ask, value: { matches: ["a"] }, error: "" });
        break;
      case "ping":
        this.say({ frame: "pong", sent_ms: frame.sent_ms });
        break;
      case "unfollow":
      case "seen":
        break;
    }
  }
}

class Locks implements ClientLocks {
  readonly held = new Set<ClientId>();

  hold(clientId: ClientId): void {
    this.held.add(clientId);
  }

  async withDead(clientId: ClientId, work: () => Promise<void>): Promise<boolean> {
    if (this.held.has(clientId)) return false;
    await work();
    return true;
  }
}

let ids = 0;

interface Tab {
  readonly client: Client;
  readonly clock: Clock;
  readonly wire: Wire;
  readonly notebook: NotebookModel;
  readonly type: (at: number, text: string) => void;
}

async function aTab(
  options: {
    server?: ModelServer;
    factory?: IDBFactory;
    locks?: Locks | null;
    openJournal?: () => Promise<never>;
    online?: () => boolean;
  } = {},
): Promise<Tab> {
  const clock = new Clock();
  const wire = new Wire(options.server ?? new ModelServer(aView({ a: "" })));
  const factory = options.factory ?? new IDBFactory();
  const surroundings: Surroundings = {
    nowMs: () => clock.nowMs,
    chance: () => 1,
    newId: length => `t${ids++}`.padEnd(length, "x"),
    later: (delayMs, callback) => clock.later(delayMs, callback),
    online: options.online ?? (() => true),
    explain: async reason => ({
      reason: wire.up ? reason : `${reason}, for a reason`,
      signedOut: wire.signedOut,
    }),
    closed: mayGoOn => wire.closed.push(mayGoOn),
    stranger: user => wire.strangers.push(user),
    transport: wire.transport,
    openJournal: options.openJournal ?? (user => openJournal(factory, user)),
    locks: options.locks === undefined ? new Locks() : options.locks,
  };
  const client = new Client(surroundings, "1");
  const notebook = client.openNotebook("a.ipynb");
  await settled();
  return {
    client,
    clock,
    wire,
    notebook,
    type: (at, text) => {
      const { source } = notebook.cell("a").peek();
      notebook.edit([{ op: "change-source", cellId: "a", changes: replacing(source.length, at, at, text) }]);
    },
  };
}

/** Let everything that waits for microtasks and storage happen. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) await new Promise(resolve => setTimeout(resolve, 0));
}

const source = (wire: Wire): string | undefined => wire.server.state.cells.get("a")?.cell.source;

test("a notebook opens: hello, follow, snapshot; and says that it is live", async () => {
  const { notebook, wire } = await aTab();
  expect(wire.sent.map(frame => frame.frame).slice(0, 2)).toEqual(["hello", "follow"]);
  expect(notebook.status.value).toEqual({ kind: "ready" });
  expect(notebook.link.value).toEqual({ kind: "live" });
  expect(notebook.clockOffsetMs.value).toBe(4_000);
});

test("an intent goes out, and is forgotten when it is decided", async () => {
  const { notebook, wire, type } = await aTab();
  type(0, "x");
  await settled();
  expect(source(wire)).toBe("x");
  expect(notebook.pendingCount.value).toBe(0);
});

test("lk7 a tab that finds a gap follows again", async () => {
  const { notebook, wire } = await aTab();
  for (const text of ["one", "two"]) {
    wire.server.commit({ ops: [{ op: "add-notice", notice: { id: text, kind: "info", text, at_ms: 0 } }] });
  }
  const [, second] = wire.server.entries;
  if (second === undefined) throw new Error("no entry");
  wire.say({ frame: "entries", follow: 1, entries: [second] });
  await settled();
  expect(notebook.notices.value.map(notice => notice.id)).toEqual(["one", "two"]);
});

test("lk10 after a cut, the tab says what it has, and sends again what is undecided, with the same numbers", async () => {
  const { notebook, wire, type, clock } = await aTab();
  type(0, "x");
  await settled();
  wire.cut();
  expect(notebook.link.value).toMatchObject({ kind: "reconnecting", reason: "cut" });
  type(1, "y");
  notebook.run(["a"]);
  await settled();
  clock.pass(1_000);
  await settled();
  expect(notebook.link.value).toEqual({ kind: "live" });
  const follow = wire.sent.filter(frame => frame.frame === "follow").at(-1);
  expect(follow).toMatchObject({ journal_id: "j1", have: 1 });
  const numbers = wire.sent.flatMap(frame => (frame.frame === "intend" ? [frame.number] : []));
  expect(numbers).toEqual([1, 2, 3]);
  expect(source(wire)).toBe("xy");
});

test("lk20 nothing is sent again before the server has answered the follow", async () => {
  const { wire, type, clock } = await aTab();
  wire.silent = true;
  type(0, "x");
  await settled();
  wire.cut();
  wire.silent = false;
  wire.sent.length = 0;
  clock.pass(1_000);
  await settled();
  expect(wire.sent.map(frame => frame.frame)).toEqual(["hello", "follow", "ping", "intend", "seen"]);
  expect(source(wire)).toBe("x");
});

test("lk22 a dead line is noticed in less than ten seconds", async () => {
  const { notebook, wire, clock } = await aTab();
  wire.silent = true;
  clock.pass(9_900);
  expect(notebook.link.value.kind).toBe("reconnecting");
});

test("lk29 what the server cannot record is said, until it can, or the line is cut", async () => {
  const { notebook, wire } = await aTab();
  wire.say({ frame: "stalled", follow: 1, reason: "Disk full.", disk_full: true });
  expect(notebook.stalled.value).toEqual({ reason: "Disk full.", diskFull: true, sinceMs: 1_000 });
  wire.say({ frame: "stalled", follow: 1, reason: "", disk_full: false });
  expect(notebook.stalled.value).toBeNull();
  wire.say({ frame: "stalled", follow: 1, reason: "Disk full.", disk_full: true });
  wire.cut();
  expect(notebook.stalled.value).toBeNull();
});

test("without a network the page says so, and counts what waits", async () => {
  let online = true;
  const { client, notebook, wire, type } = await aTab({ online: () => online });
  online = false;
  wire.up = false;
  wire.cut();
  client.offline();
  type(0, "x");
  notebook.run(["a"]);
  await settled();
  expect(notebook.link.value).toEqual({ kind: "offline", waitingEdits: 1, waitingRuns: 1 });
  online = true;
  wire.up = true;
  client.wake();
  await settled();
  expect(notebook.link.value).toEqual({ kind: "live" });
  expect(source(wire)).toBe("x");
});

test("lk27 what a dead tab sent goes again under its own numbers, what it did not is made here; each once", async () => {
  const factory = new IDBFactory();
  const locks = new Locks();
  const server = new ModelServer(aView({ a: "" }));
  const dead = await aTab({ server, factory, locks });
  dead.type(0, "one ");
  await settled();
  // The next one reaches the server, but its decision never comes back; the one after that is never sent.
  dead.wire.tell = () => {};
  dead.type(4, "two ");
  await settled();
  dead.wire.up = false;
  dead.wire.cut();
  dead.type(8, "three ");
  await settled();
  locks.held.clear();

  const alive = await aTab({ server, factory, locks });
  await settled();
  expect(source(alive.wire)).toBe("one two three ");
  expect(alive.notebook.cell("a").value.source).toBe("one two three ");
  const after = await openJournal(factory, "ada");
  expect(await after.others("a.ipynb", "nobody")).toEqual([]);
});

test("lk27 what a living tab has under way is left alone", async () => {
  const factory = new IDBFactory();
  const locks = new Locks();
  const server = new ModelServer(aView({ a: "" }));
  const first = await aTab({ server, factory, locks });
  first.wire.up = false;
  first.wire.cut();
  first.type(0, "x");
  await settled();
  const second = await aTab({ server, factory, locks });
  await settled();
  expect(source(second.wire)).toBe("");
});

test("lk28 without a journal, or without locks, what is typed waits in memory and goes when the line is back", async () => {
  for (const options of [
    { openJournal: () => Promise.reject(new Error("A private window keeps nothing.")) },
    { locks: null },
  ]) {
    const { notebook, wire, type, clock } = await aTab(options);
    wire.up = false;
    wire.cut();
    type(0, "x");
    await settled();
    expect(notebook.pendingCount.value).toBe(1);
    wire.up = true;
    clock.pass(20_000);
    await settled();
    expect(source(wire)).toBe("x");
    expect(notebook.pendingCount.value).toBe(0);
  }
});

test("lk17 a question is answered, or fails with a sentence when the link goes or time passes", async () => {
  const { notebook, wire, clock } = await aTab();
  const question = { question: "complete", code: "a", cursor: 1 } as const;
  expect(await notebook.ask(question)).toEqual({ ok: true, value: { matches: ["a"] } });
  wire.silent = true;
  const lost = notebook.ask(question);
  wire.cut();
  expect(await lost).toEqual({ ok: false, error: "The connection was lost." });
  expect(await notebook.ask(question)).toEqual({ ok: false, error: "There is no connection." });
  expect(clock.nowMs).toBe(1_000);
});

test("another version of the server is noticed", async () => {
  const { client, wire } = await aTab();
  expect(client.newVersion.value).toBeNull();
  wire.say({ frame: "welcome", protocol: 1, version: "2", now_ms: 5_000, user: "ada" });
  expect(client.newVersion.value).toBe("2");
});

test("a problem with the notebook is shown, and the link itself is fine", async () => {
  const { notebook, wire } = await aTab();
  wire.say({ frame: "problem", follow: 1, status: 404, message: "It is gone." });
  expect(notebook.status.value).toEqual({ kind: "problem", status: 404, message: "It is gone." });
  expect(notebook.link.value).toEqual({ kind: "live" });
});

test("why a link cannot be opened is found out and said", async () => {
  const { notebook, wire, clock } = await aTab();
  wire.up = false;
  wire.cut();
  clock.pass(500);
  await settled();
  expect(notebook.link.value).toMatchObject({ kind: "reconnecting", reason: "refused, for a reason" });
});

test("lk4 a goodbye for good is said and nothing is tried again", async () => {
  const { notebook, wire, clock } = await aTab();
  const { opened } = wire;
  wire.say({ frame: "bye", reason: "Reload this page.", retry_ms: -1 });
  clock.pass(60_000);
  await settled();
  expect(notebook.link.value).toEqual({ kind: "closed", reason: "Reload this page." });
  expect(wire.opened).toBe(opened);
  expect(wire.closed).toEqual([true]);
});

test("ac39 after signing in again the link goes on, with what was typed meanwhile", async () => {
  const { client, notebook, wire, type } = await aTab();
  wire.say({ frame: "bye", reason: "You signed out in another tab.", retry_ms: -1 });
  type(0, "x");
  await settled();
  expect(source(wire)).toBe("");
  client.signedIn();
  await settled();
  expect(notebook.link.value).toEqual({ kind: "live" });
  expect([notebook.pendingCount.value, source(wire)]).toEqual([0, "x"]);
  // Once more changes nothing.
  const { opened } = wire;
  client.signedIn();
  await settled();
  expect(wire.opened).toBe(opened);
});

test("ac39 a link that is refused since the login has ended waits for somebody to sign in", async () => {
  const { client, notebook, wire, clock } = await aTab();
  wire.up = false;
  wire.signedOut = true;
  wire.cut();
  clock.pass(500);
  await settled();
  const { opened } = wire;
  clock.pass(60_000);
  await settled();
  expect(notebook.link.value.kind).toBe("closed");
  expect([wire.opened, wire.closed]).toEqual([opened, [true]]);
  wire.up = true;
  client.signedIn();
  await settled();
  expect(notebook.link.value).toEqual({ kind: "live" });
});

test("ac39 what waits in a page goes to the server under no other name", async () => {
  const { notebook, wire, clock, type } = await aTab();
  wire.cut();
  type(0, "secret");
  wire.user = "eve";
  clock.pass(500);
  await settled();
  expect(wire.strangers).toEqual(["eve"]);
  expect([notebook.link.value.kind, source(wire)]).toEqual(["closed", ""]);
});

test("lw5 the link moves to a better way when it is quiet, and says nothing of it", async () => {
  const { notebook, wire, clock, type } = await aTab();
  const said: string[] = [];
  notebook.link.subscribe(link => said.push(link.kind));
  wire.better();
  type(0, "x");
  await settled();
  expect(wire.opened).toBe(1);
  clock.pass(5_000);
  await settled();
  expect(wire.opened).toBe(2);
  expect(wire.sent.at(-1)?.frame).toBe("ping");
  type(1, "y");
  await settled();
  expect(source(wire)).toBe("xy");
  expect(said).toEqual(["live"]);
});

test("the page knows how long an answer takes", async () => {
  const { client } = await aTab();
  expect(client.roundTripMs.value).toBe(0);
});
