import { effect } from "@preact/signals-core";
import { expect, test } from "vitest";
import type { Page, RefusedView } from "./model.ts";
import { NotebookStore } from "./store.ts";
import { aCell, aSnapshot, aView, ModelClient, ModelServer, randomFrom } from "./testing.ts";
import { applyTo, replacing } from "./text.ts";
import type { CellId, Run } from "./wire.ts";

let ids = 0;
const newId = (length: number): string => `${(ids++).toString(36)}`.padStart(length, "0");

function connected(server: ModelServer, name = "c1"): ModelClient {
  const client = new ModelClient(server, name, newId);
  client.connect();
  return client;
}

/** An editor that only hears what the store tells it. */
function openEditor(
  client: ModelClient,
  id: CellId,
): { text: string; type: (at: number, text: string) => void } {
  const editor = {
    text: client.source(id),
    type: (at: number, text: string) => {
      const changes = replacing(editor.text.length, at, at, text);
      editor.text = applyTo(changes, editor.text);
      client.store.type(id, changes, listener);
    },
  };
  const listener = (changes: Parameters<typeof applyTo>[0]) => {
    editor.text = applyTo(changes, editor.text);
  };
  client.store.onSource(id, listener);
  return editor;
}

function flush(...clients: ModelClient[]): void {
  for (let moved = true; moved; ) {
    moved = false;
    for (const client of clients) moved = client.up() || client.down(1) || moved;
  }
}

test("pn2 typing shows at once, and what is typed meanwhile goes with the next intent", () => {
  const server = new ModelServer(aView({ a: "" }));
  const client = connected(server);
  const editor = openEditor(client, "a");
  editor.type(0, "x");
  expect(client.source("a")).toBe("x");
  client.up();
  editor.type(1, "y");
  editor.type(2, "z");
  expect(client.up()).toBe(false);
  flush(client);
  expect(server.state.cells.get("a")?.cell.source).toBe("xyz");
  expect(server.entries.map(entry => entry.intent)).toEqual([1, 2]);
  expect(client.store.pendingCount.value).toBe(0);
});

test("pn3 a run waits behind what was typed before it", () => {
  const server = new ModelServer(aView({ a: "" }));
  const client = connected(server);
  const editor = openEditor(client, "a");
  editor.type(0, "x");
  client.up();
  editor.type(1, "y");
  client.store.run(["a"]);
  expect(client.store.cell("a").value.status).toEqual({ kind: "asked" });
  editor.type(2, "z");
  expect(client.store.take()).toEqual([]);
  client.down(1);
  const bodies = client.store.take().map(one => one.body.intent);
  expect(bodies).toEqual(["edit", "run-cells"]);
});

test("lk15 in4 a second change of a cell waits for the first; those of other cells do not, and none overtakes", () => {
  const server = new ModelServer(aView({ a: "", b: "" }));
  const client = connected(server);
  const numbers = () => client.store.take().map(one => one.number);
  openEditor(client, "a").type(0, "x");
  expect(numbers()).toEqual([1]);
  openEditor(client, "b").type(0, "y");
  expect(numbers()).toEqual([2]);
  openEditor(client, "a").type(1, "z");
  expect(numbers()).toEqual([]);
  // Waits for its turn behind the change of a cell, which waits for its own cell.
  client.edit({ op: "insert-cells", after: "b", cells: [aCell("n")] });
  expect(numbers()).toEqual([]);
  server.commit({ ops: [], client_id: "c1", intent: 1 });
  client.down(1);
  expect(numbers()).toEqual([3, 4]);
});

test("lk11 an entry decides all lower numbers of its client that were sent", () => {
  const server = new ModelServer(aView({ a: "", b: "" }));
  const client = connected(server);
  openEditor(client, "a").type(0, "x");
  openEditor(client, "b").type(0, "y");
  expect(client.store.take().map(one => one.number)).toEqual([1, 2]);
  openEditor(client, "a").type(1, "z");
  server.commit({ ops: [], client_id: "c1", intent: 2 });
  client.down(1);
  expect(client.store.take().map(one => one.number)).toEqual([3]);
  expect(client.store.pendingCount.value).toBe(1);
});

test("typing in one cell touches the signal of that cell and no other", () => {
  const server = new ModelServer(aView({ a: "", b: "" }));
  const client = connected(server);
  const drawn: string[] = [];
  effect(() => void drawn.push(`a:${client.store.cell("a").value.source}`));
  effect(() => void drawn.push(`b:${client.store.cell("b").value.source}`));
  effect(() => void drawn.push(`order:${client.store.order.value.length}`));
  drawn.length = 0;
  openEditor(client, "a").type(0, "x");
  expect(drawn).toEqual(["a:x"]);
});

test("pn4 two who type at one place: the one that arrives first stands first, for both", () => {
  const server = new ModelServer(aView({ a: "()" }));
  const one = connected(server, "c1");
  const two = connected(server, "c2");
  const first = openEditor(one, "a");
  const second = openEditor(two, "a");
  first.type(1, "one");
  second.type(1, "two");
  flush(one, two);
  expect(server.state.cells.get("a")?.cell.source).toBe("(onetwo)");
  expect([first.text, second.text]).toEqual(["(onetwo)", "(onetwo)"]);
});

test("structural edits show at once and are rolled back when refused", () => {
  const server = new ModelServer(aView({ a: "", b: "" }));
  const client = connected(server);
  const refused: RefusedView[] = [];
  client.store.onRefused(one => refused.push(one));
  client.edit({ op: "insert-cells", after: "a", cells: [aCell("n", "new")] });
  expect(client.store.order.value).toEqual(["a", "n", "b"]);
  expect(client.source("n")).toBe("new");
  client.store.take();
  server.commit({ client_id: "c1", intent: 1, refusal: "invalid", message: "No such thing." });
  client.down(1);
  expect(client.store.order.value).toEqual(["a", "b"]);
  expect(refused).toEqual([{ refusal: "invalid", message: "No such thing." }]);
});

test("pn5 a refused frame rolls typing back in the editor too", () => {
  const server = new ModelServer(aView({ a: "abc" }));
  const client = connected(server);
  const editor = openEditor(client, "a");
  editor.type(1, "X");
  client.store.take();
  editor.type(4, "Y");
  client.store.receiveRefused({
    frame: "refused",
    follow: 1,
    client_id: "c1",
    number: 1,
    refusal: "read-only",
    message: "Look only.",
  });
  expect(editor.text).toBe("abcY");
  expect(client.source("a")).toBe("abcY");
});

test("typing into a cell that someone deleted is no error", () => {
  const server = new ModelServer(aView({ a: "abc", b: "" }));
  const one = connected(server, "c1");
  const two = connected(server, "c2");
  const editor = openEditor(two, "a");
  one.edit({ op: "delete-cells", cell_ids: ["a"] });
  editor.type(3, "d");
  flush(one, two);
  expect(two.store.order.value).toEqual(["b"]);
  expect(two.store.pendingCount.value).toBe(0);
});

test("lk10 a cut in the middle: everything undecided goes again and nothing is doubled", () => {
  const server = new ModelServer(aView({ a: "" }));
  const client = connected(server);
  const editor = openEditor(client, "a");
  editor.type(0, "x");
  client.up();
  client.cut();
  editor.type(1, "y");
  client.edit({ op: "insert-cells", after: "a", cells: [aCell("n")] });
  client.connect();
  flush(client);
  expect(server.state.cells.get("a")?.cell.source).toBe("xy");
  expect(server.state.order).toEqual(["a", "n"]);
  expect(editor.text).toBe("xy");
});

test("lk14 after a snapshot, what was decided goes and the rest is mapped over the difference", () => {
  const server = new ModelServer(aView({ a: "one two" }));
  const mine = connected(server, "c1");
  const theirs = connected(server, "c2");
  const editor = openEditor(mine, "a");
  editor.type(0, "A ");
  mine.up();
  mine.cut();
  editor.type(9, " Z");
  openEditor(theirs, "a").type(3, " and");
  flush(theirs);
  mine.connect({ forget: true });
  expect(editor.text).toBe(mine.source("a"));
  flush(mine, theirs);
  expect(server.state.cells.get("a")?.cell.source).toBe("A one and two Z");
  expect(editor.text).toBe("A one and two Z");
});

test("pn6 a base that the server knows no more: the change comes again, mapped", () => {
  const server = new ModelServer(aView({ a: "one two" }), 1);
  const mine = connected(server, "c1");
  const theirs = connected(server, "c2");
  const editor = openEditor(mine, "a");
  editor.type(7, "!");
  const taken = mine.store.take();
  const other = openEditor(theirs, "a");
  for (const letter of ["x", "y", "z"]) {
    other.type(0, letter);
    flush(theirs);
  }
  for (const { number, body } of taken) server.receive("c1", number, body);
  editor.type(8, "?");
  flush(mine, theirs);
  expect(server.state.cells.get("a")?.cell.source).toBe("zyxone two!?");
  expect(editor.text).toBe("zyxone two!?");
});

test("another journal: what had arrived before it was lost is not doubled", () => {
  const server = new ModelServer(aView({ a: "a" }));
  const client = connected(server);
  const editor = openEditor(client, "a");
  editor.type(1, "b");
  client.store.take();
  client.store.receiveSnapshot(aSnapshot(aView({ a: "ab" }, "j2")));
  expect(editor.text).toBe("ab");
  expect(client.source("a")).toBe("ab");
});

test("the cells of a long notebook come in parts; those that are in can be edited at once", () => {
  const store = connected(new ModelServer(aView({ a: "1", b: "2" }))).store;
  expect(store.cell("b").value.loaded).toBe(true);
  const fresh = new NotebookStore("a.ipynb", {
    clientId: "c9",
    newId,
    wake: () => {},
    ask: async () => ({ ok: false, error: "" }),
    unfollow: () => {},
  });
  const view = aView({ a: "1", b: "2" });
  const { a, b } = view.cells;
  if (a === undefined || b === undefined) throw new Error("no cells");
  fresh.receiveSnapshot({ ...aSnapshot({ ...view, cells: { a } }), more: true });
  expect(fresh.status.value.kind).toBe("ready");
  expect(fresh.order.value).toEqual(["a", "b"]);
  expect(fresh.cell("b").value.loaded).toBe(false);
  fresh.receiveMore({ frame: "more-cells", follow: 1, cells: { b }, comms: {}, more: false });
  expect(fresh.cell("b").value).toMatchObject({ loaded: true, source: "2" });
});

test("se8 what is typed makes an output stale at once", () => {
  const view = aView({ a: "1" });
  const server = new ModelServer(view);
  const client = connected(server);
  const run: Run = {
    id: "r1",
    cell_id: "a",
    batch_id: "b1",
    source: "1",
    version: 0,
    stop_on_error: true,
    by: "ann",
    queued_ms: 1,
    started_ms: null,
    reply: null,
    idle: false,
    cancelled: false,
    elsewhere: false,
  };
  const cell = client.store.cell("a");
  server.commit({ ops: [{ op: "queue-runs", runs: [run] }] });
  client.down(1);
  expect(cell.value.status).toEqual({ kind: "queued", runId: "r1", queuedMs: 1, by: "ann" });
  expect(client.store.place("a").value).toBe(1);
  server.commit({ ops: [{ op: "start-run", run_id: "r1", at_ms: 2 }] });
  client.down(1);
  expect(cell.value.status).toEqual({ kind: "running", runId: "r1", sinceMs: 2, by: "ann" });
  server.commit({ ops: [{ op: "finish-run", run_id: "r1", outcome: "done", at_ms: 3, execution_count: 4 }] });
  client.down(1);
  expect(cell.value).toMatchObject({ status: { kind: "idle" }, freshness: "fresh", executionCount: 4 });
  openEditor(client, "a").type(0, "0");
  expect(cell.value.freshness).toBe("stale");
});

test("a page is shown once, and told", () => {
  const server = new ModelServer(aView({ a: "" }));
  const client = connected(server);
  const pages: Page[] = [];
  client.store.onPage(page => pages.push(page));
  server.commit({ ops: [{ op: "show-page", run_id: "r", data: { "text/plain": "doc" } }] });
  client.down(1);
  expect(pages).toEqual([{ runId: "r", data: { "text/plain": "doc" } }]);
  expect(client.store.page.value).toEqual(pages[0]);
});

test("undo takes a split back, though someone typed in the meantime", () => {
  const server = new ModelServer(aView({ a: "one\ntwo" }));
  const client = connected(server, "c1");
  const other = connected(server, "c2");
  client.edit(
    { op: "change-source", cellId: "a", changes: replacing(7, 3, 7, "") },
    { op: "insert-cells", after: "a", cells: [aCell("n", "two")] },
  );
  expect(client.store.canUndo.value).toBe(true);
  flush(client, other);
  openEditor(other, "a").type(0, "#");
  flush(client, other);
  client.store.undo();
  flush(client, other);
  expect(client.store.order.value).toEqual(["a"]);
  expect(client.source("a")).toBe("#one\ntwo");
  client.store.redo();
  flush(client, other);
  expect(other.store.order.value).toEqual(["a", "n"]);
  expect([other.source("a"), other.source("n")]).toEqual(["#one", "two"]);
});

test("undo of delete and move puts the cells back where they were", () => {
  const server = new ModelServer(aView({ a: "1", b: "2", c: "3", d: "4" }));
  const client = connected(server);
  client.edit({ op: "move-cells", cell_ids: ["a", "c"], after: "d" });
  expect(client.store.order.value).toEqual(["b", "d", "a", "c"]);
  client.edit({ op: "delete-cells", cell_ids: ["b", "d"] });
  flush(client);
  client.store.undo();
  expect(client.store.order.value).toEqual(["b", "d", "a", "c"]);
  expect(client.source("b")).toBe("2");
  client.store.undo();
  flush(client);
  expect(server.state.order).toEqual(["a", "b", "c", "d"]);
});

test("lk26 what is kept for another tab holds no answers to prompts", () => {
  const client = connected(new ModelServer(aView({ a: "" })));
  client.store.answerInput("r1", "secret");
  client.store.save();
  client.store.take();
  const { put } = client.store.takeStored();
  expect(put.map(item => item.body.intent)).toEqual(["save-now"]);
});

test("edits of a dead tab come home, mapped over what came since", () => {
  const server = new ModelServer(aView({ a: "one two" }));
  const dead = connected(server, "dead");
  const editor = openEditor(dead, "a");
  editor.type(7, "!");
  dead.cut();
  const { put } = dead.store.takeStored();
  const alive = connected(server, "alive");
  openEditor(alive, "a").type(0, "zero ");
  flush(alive);
  for (const item of put) alive.store.adopt(item);
  flush(alive);
  expect(server.state.cells.get("a")?.cell.source).toBe("zero one two!");
});

// ---- laws

interface Fuzzed {
  readonly server: ModelServer;
  readonly clients: readonly ModelClient[];
  readonly tokens: readonly { readonly cell: CellId; readonly token: string }[];
  readonly deleted: ReadonlySet<CellId>;
  readonly editors: readonly {
    readonly client: ModelClient;
    readonly cell: CellId;
    readonly editor: { text: string };
  }[];
}

function fuzz(seed: number, options: { readonly snapshots: boolean; readonly changesLimit: number }): Fuzzed {
  const random = randomFrom(seed);
  const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(random() * from.length)];
  const server = new ModelServer(aView({ a: "alpha\n", b: "beta 😀\n", c: "" }), options.changesLimit);
  const clients = ["c1", "c2", "c3"].map(name => connected(server, name));
  const editors = clients.flatMap(client =>
    ["a", "b", "c"].map(cell => ({ client, cell, editor: openEditor(client, cell) })),
  );
  const tokens: { cell: CellId; token: string }[] = [];
  const deleted = new Set<CellId>();
  let count = 0;
  for (let step = 0; step < 250; step += 1) {
    const client = pick(clients);
    if (client === undefined) continue;
    const dice = random();
    if (dice < 0.35) {
      const one = pick(editors.filter(editor => editor.client === client && client.store.has(editor.cell)));
      if (one === undefined) continue;
      const token = `<${client.clientId}${count++}>`;
      // Not inside another token, so that each can be found again.
      const places = [
        0,
        one.editor.text.length,
        ...[...one.editor.text.matchAll(/>/g)].map(found => found.index + 1),
      ];
      one.editor.type(pick(places) ?? 0, token);
      tokens.push({ cell: one.cell, token });
    } else if (dice < 0.4) {
      const id = newId(8);
      const token = `<n${count++}>`;
      client.edit({
        op: "insert-cells",
        after: pick(client.store.order.value) ?? null,
        cells: [aCell(id, token)],
      });
      editors.push({ client, cell: id, editor: openEditor(client, id) });
      tokens.push({ cell: id, token });
    } else if (dice < 0.42) {
      const id = pick(client.store.order.value);
      if (id === undefined) continue;
      client.edit({ op: "delete-cells", cell_ids: [id] });
      deleted.add(id);
    } else if (dice < 0.45) {
      const id = pick(client.store.order.value);
      if (id !== undefined)
        client.edit({ op: "move-cells", cell_ids: [id], after: pick(client.store.order.value) ?? null });
    } else if (dice < 0.5) client.cut();
    else if (dice < 0.57) client.connect({ forget: options.snapshots && random() < 0.5 });
    else if (dice < 0.8) client.up();
    else client.down(1 + Math.floor(random() * 3));
  }
  for (const client of clients) client.connect();
  flush(...clients);
  return { server, clients, tokens, deleted, editors };
}

function expectConverged({ server, clients, tokens, deleted, editors }: Fuzzed): void {
  const wanted = [...server.state.cells.values()].map(state => [state.cell.id, state.cell.source]);
  for (const client of clients) {
    expect(client.store.pendingCount.value).toBe(0);
    expect(client.store.order.value).toEqual(server.state.order);
    expect(wanted.map(([id]) => [id, client.source(id ?? "")])).toEqual(wanted);
  }
  for (const { client, cell, editor } of editors) {
    if (client.store.has(cell)) expect(editor.text).toBe(client.source(cell));
  }
  const all = wanted.map(([, source]) => source).join("");
  for (const { cell, token } of tokens) {
    if (!deleted.has(cell)) expect(all.split(token).length - 1, token).toBe(1);
  }
}

test("pn1 law: however the network behaves, all see the same, and no word is lost or doubled", () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    expectConverged(fuzz(seed, { snapshots: false, changesLimit: 500 }));
  }
});

test("lk8 law: the same when some come back by snapshot", () => {
  for (let seed = 100; seed <= 160; seed += 1) {
    expectConverged(fuzz(seed, { snapshots: true, changesLimit: 500 }));
  }
});

test("law: the same when the server soon forgets what changes were based on", () => {
  for (let seed = 200; seed <= 260; seed += 1) {
    expectConverged(fuzz(seed, { snapshots: true, changesLimit: 3 }));
  }
});
