import { beforeEach, expect, test } from "vitest";
import { only } from "../core/selection.ts";
import { aCell, aView, ModelClient, ModelServer } from "../core/testing.ts";
import type { CellKind } from "../core/wire.ts";
import { COMMANDS, commandById } from "./all.ts";
import { contextOf, type PageActions } from "./command.ts";

let said: string[] = [];
let hidden: string[] = [];
let rendered: [readonly string[], boolean][] = [];
let clipboard: { json: string | null; text: string | null } = { json: null, text: null };
let sure = true;
let closed = 0;
let ids = 0;
let runIds = 0;

beforeEach(() => {
  said = [];
  hidden = [];
  rendered = [];
  clipboard = { json: null, text: null };
  sure = true;
  closed = 0;
  ids = 0;
});

const nothing = (): void => {};
const page: PageActions = {
  openPalette: nothing,
  newTerminal: () => said.push("terminal"),
  openHelp: nothing,
  openConnection: nothing,
  confirm: async () => sure,
  editor: id => ({
    cellId: id,
    focus: nothing,
    hasFocus: () => true,
    selection: () => ({ from: 3, to: 3 }),
    select: nothing,
    insert: nothing,
    act: action => said.push(action),
    setLabel: nothing,
    setKind: nothing,
    setLineNumbers: nothing,
    setReadOnly: nothing,
    destroy: nothing,
  }),
  edit: (id, cursor) => said.push(`edit ${id} at the ${cursor}`),
  scrollToCell: nothing,
  scrollPages: nothing,
  toggleOutputs: nothing,
  toggleOutputScroll: nothing,
  toggleLineNumbers: nothing,
  toggleOutline: nothing,
  setRendered: (cells, on) => {
    if (cells.length > 0) rendered.push([cells, on]);
  },
  setCollapsed: () => false,
  setAllCollapsed: nothing,
  find: nothing,
  findNext: nothing,
  print: nothing,
  toggleInspector: nothing,
  chooseKernel: nothing,
  rename: nothing,
  download: format => said.push(`download ${format}`),
  openDashboard: nothing,
  openAccount: () => said.push("account"),
  signOut: () => said.push("sign out"),
  openLab: nothing,
  withoutHidden: order => order.filter(id => !hidden.includes(id)),
  saveVersion: () => said.push("saved"),
  revert: nothing,
  duplicate: nothing,
  nameFirst: () => said.push("name?"),
  closeTab: () => {
    closed += 1;
  },
  announce: text => said.push(text),
  writeClipboard: async data => {
    clipboard = data;
    return true;
  },
  readClipboard: async () => clipboard,
  newId: () => `n${++ids}`,
};

interface Bench {
  readonly client: ModelClient;
  readonly server: ModelServer;
  run(id: string): Promise<void>;
  order(): readonly string[];
  sources(): readonly string[];
  intents(): readonly string[];
}

function bench(sources: Record<string, string>, kinds: Record<string, CellKind> = {}): Bench {
  const view = aView(sources);
  for (const state of Object.values(view.cells)) {
    Object.assign(state.cell, aCell(state.cell.id, state.cell.source, kinds[state.cell.id] ?? "code"));
  }
  const server = new ModelServer(view);
  const client = new ModelClient(server, "c1", length => `id${runIds++}`.padEnd(length, "0"));
  client.connect();
  const bodies: string[] = [];
  const flush = (): void => {
    for (const { number, body } of client.store.take()) {
      bodies.push(
        body.intent === "run-cells" ? `run ${body.runs.map(run => run.cell_id).join(" ")}` : body.intent,
      );
      server.receive("c1", number, body);
    }
    client.down(99);
  };
  return {
    client,
    server,
    run: async id => {
      const found = commandById(id);
      const context = contextOf(client.store, page);
      if (!found.when(context)) throw new Error(`${id} cannot run now`);
      found.run(context);
      for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
      flush();
    },
    order: () => client.store.order.peek(),
    sources: () => client.store.order.peek().map(one => client.source(one)),
    intents: () => bodies,
  };
}

test("ids and labels are unique, and no two commands of one mode share a key", () => {
  expect(new Set(COMMANDS.map(one => one.id)).size).toBe(COMMANDS.length);
  expect(new Set(COMMANDS.map(one => one.label)).size).toBe(COMMANDS.length);
  for (const mode of ["command", "edit"] as const) {
    const keys = COMMANDS.filter(one => one.mode === "both" || one.mode === mode).flatMap(one => one.keys);
    // Escape closes the pager when there is one; nothing else has it.
    expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([]);
  }
});

test("Shift-Enter runs and goes on, and at the end makes a new cell to type in", async () => {
  const { client, run, order, intents } = bench({ a: "1", b: "2" });
  await run("cell.run");
  expect(client.store.selection.value).toEqual(only("b"));
  await run("cell.run");
  expect(order()).toEqual(["a", "b", "n1"]);
  expect(client.store.selection.value).toEqual(only("n1", "edit"));
  expect(intents()).toEqual(["run a", "run b", "edit"]);
});

test("running a Markdown cell shows it as text, and sends nothing", async () => {
  const { run, intents } = bench({ a: "# A", b: "" }, { a: "markdown" });
  await run("cell.run-in-place");
  expect(rendered).toEqual([[["a"], true]]);
  expect(intents()).toEqual([]);
});

test("Alt-Enter runs and inserts below; Run all runs the code cells in order", async () => {
  const { run, order, intents } = bench({ a: "1", m: "# M", b: "2" }, { m: "markdown" });
  await run("cell.run-insert");
  expect(order()).toEqual(["a", "n1", "m", "b"]);
  await run("cells.run-all");
  expect(intents().at(-1)).toBe("run a n1 b");
});

test("run above and below count from the selection", async () => {
  const { client, run, intents } = bench({ a: "1", b: "2", c: "3" });
  client.store.select(only("b"));
  await run("cells.run-above");
  await run("cells.run-below");
  expect(intents()).toEqual(["run a", "run b c"]);
});

test("insert, delete, undo and redo", async () => {
  const { client, run, order } = bench({ a: "1", b: "2" });
  await run("cell.insert-above");
  expect(order()).toEqual(["n1", "a", "b"]);
  expect(client.store.selection.value).toEqual(only("n1"));
  await run("cells.delete");
  expect(order()).toEqual(["a", "b"]);
  expect(said).toEqual(["Cell deleted. Press Z to undo."]);
  await run("cells.undo");
  expect(order()).toEqual(["n1", "a", "b"]);
  await run("cells.redo");
  expect(order()).toEqual(["a", "b"]);
});

test("a notebook whose cells are all deleted has one to type in; one that may not go stays", async () => {
  const { client, run, order } = bench({ a: "1" });
  await run("cells.delete");
  expect(order()).toEqual(["n1"]);
  client.edit({ op: "set-cell-metadata", cell_id: "n1", set: { deletable: false }, remove: [] });
  await run("cells.delete");
  expect(order()).toEqual(["n1"]);
});

test("cut and paste move cells, with new ids; Shift-V pastes above", async () => {
  const { client, run, order, sources } = bench({ a: "1", b: "2", c: "3" });
  await run("cells.cut");
  expect(order()).toEqual(["b", "c"]);
  client.store.select(only("c"));
  await run("cells.paste-below");
  expect(sources()).toEqual(["2", "3", "1"]);
  client.store.select(only("b"));
  await run("cells.paste-above");
  expect(sources()).toEqual(["1", "2", "3", "1"]);
  expect(new Set(order()).size).toBe(4);
});

test("a cut is done before the next key, whatever the clipboard does", () => {
  const { client } = bench({ a: "1", b: "2", c: "3" });
  for (const _press of [1, 2]) {
    const context = contextOf(client.store, page);
    commandById("cells.cut").run(context);
  }
  expect(client.store.order.peek()).toEqual(["c"]);
});

test("split takes what is behind the cursor to a new cell; merge takes it back", async () => {
  const { client, run, sources } = bench({ a: "one\ntwo" });
  client.store.select(only("a", "edit"));
  await run("cell.split");
  expect(sources()).toEqual(["one", "two"]);
  expect(client.store.selection.value).toEqual(only("n1", "edit"));
  client.store.select({ mode: "command", anchor: "a", active: "n1" });
  await run("cells.merge");
  expect(sources()).toEqual(["one\ntwo"]);
});

test("merge above and below; Markdown with an empty line between", async () => {
  const { client, run, sources } = bench({ a: "# A", b: "text", c: "x" }, { a: "markdown", b: "markdown" });
  client.store.select(only("b"));
  await run("cells.merge-above");
  expect(sources()).toEqual(["# A\n\ntext", "x"]);
  await run("cells.merge-below");
  expect(sources()).toEqual(["# A\n\ntext\n\nx"]);
});

test("cells move up and down, and stop at the ends", async () => {
  const { client, run, order } = bench({ a: "", b: "", c: "", d: "" });
  client.store.select({ mode: "command", anchor: "b", active: "c" });
  await run("cells.move-up");
  expect(order()).toEqual(["b", "c", "a", "d"]);
  await run("cells.move-up");
  expect(order()).toEqual(["b", "c", "a", "d"]);
  await run("cells.move-down");
  await run("cells.move-down");
  expect(order()).toEqual(["a", "d", "b", "c"]);
});

test("kinds change for all selected; headings only on Markdown", async () => {
  const { client, run, sources } = bench({ a: "x", b: "y" });
  client.store.select({ mode: "command", anchor: "a", active: "b" });
  await run("cells.to-markdown");
  expect(["a", "b"].map(id => client.store.cell(id).value.kind)).toEqual(["markdown", "markdown"]);
  await run("cells.heading-2");
  await run("cells.heading-3");
  expect(sources()).toEqual(["### x", "### y"]);
  await run("cells.to-code");
  await expect(run("cells.heading-1")).rejects.toThrow("cannot run now");
});

test("the selection moves and grows by keys", async () => {
  const { client, run } = bench({ a: "", b: "", c: "" });
  await run("selection.next");
  await run("selection.extend-down");
  expect(client.store.selection.value).toEqual({ mode: "command", anchor: "b", active: "c" });
  await run("selection.extend-to-top");
  expect(client.store.selection.value).toEqual({ mode: "command", anchor: "b", active: "a" });
  await run("cells.select-all");
  expect(client.store.selection.value).toEqual({ mode: "command", anchor: "a", active: "c" });
  await run("cell.edit");
  expect(client.store.selection.value).toEqual(only("c", "edit"));
});

test("keys pass over what a folded heading hides, and new cells come after it", async () => {
  const at = bench({ a: "# A", b: "1", c: "# C", d: "2" }, { a: "markdown", c: "markdown" });
  hidden = ["b", "d"];
  at.client.store.select(only("a"));
  await at.run("selection.next");
  expect(at.client.store.selection.peek().active).toBe("c");
  await at.run("headings.collapse");
  expect(at.client.store.selection.peek().active).toBe("a");
  await at.run("cell.insert-below");
  expect(at.order()).toEqual(["a", "b", "n1", "c", "d"]);
  at.client.store.select(only("c"));
  await at.run("cell.run");
  expect(at.order()).toEqual(["a", "b", "n1", "c", "d", "n2"]);
});

test("a new heading is typed behind its sign", async () => {
  const at = bench({ a: "1" });
  await at.run("heading.insert-below");
  expect(at.sources()).toEqual(["1", "# "]);
  expect(said).toEqual(["edit n1 at the end"]);
});

test("saving keeps a version too, and asks for the name of what has none", async () => {
  const at = bench({ a: "1" });
  await at.run("notebook.save");
  expect(said).toEqual(["saved", "name?"]);
});

test("restart asks, and does nothing when the answer is no", async () => {
  const { client, server, run, intents } = bench({ a: "1" });
  server.commit({
    ops: [{ op: "set-kernel", kernel: { ...client.store.kernel.value, id: "k", status: "idle" } }],
  });
  client.down(1);
  sure = false;
  await run("kernel.restart");
  expect(intents()).toEqual([]);
  sure = true;
  await run("kernel.restart-run-all");
  await run("app.close-and-shut-down");
  expect(intents()).toEqual(["restart-kernel", "shutdown-kernel"]);
  expect(closed).toBe(1);
});

test("what waits in the queue is taken out of it, or put first", async () => {
  const { client, server, run, intents } = bench({ a: "1", b: "2", c: "3" });
  const queued = ["a", "b", "c"].map(id => ({
    id: `run-${id}`,
    cell_id: id,
    batch_id: "batch",
    source: "",
    version: 0,
    stop_on_error: true,
    by: "ada",
    queued_ms: 0,
    started_ms: null,
    reply: null,
    idle: false,
    cancelled: false,
    elsewhere: false,
  }));
  server.commit({ ops: [{ op: "queue-runs", runs: queued }] });
  server.commit({ ops: [{ op: "start-run", run_id: "run-a", at_ms: 1 }] });
  client.down(2);
  client.store.select(only("a"));
  await expect(run("queue.cancel")).rejects.toThrow("cannot run now");
  client.store.select(only("c"));
  await run("queue.next");
  await run("queue.cancel");
  expect(intents()).toEqual(["reorder-queue", "cancel-runs"]);
});

test("without a kernel there is nothing to interrupt", async () => {
  await expect(bench({ a: "1" }).run("kernel.interrupt")).rejects.toThrow("cannot run now");
});

test("an unknown id is a mistake of ours", () => {
  expect(() => commandById("no.such")).toThrow("There is no command no.such.");
});

test("every format but the notebook and its script needs nbconvert", async () => {
  const formats = COMMANDS.filter(one => one.id.startsWith("notebook.download-"));
  expect(formats.filter(one => one.extra === null).map(one => one.id)).toEqual(["notebook.download-script"]);
  const { run } = bench({ a: "" });
  await run("notebook.download");
  await run("notebook.download-html");
  expect(said).toEqual(["download ipynb", "download html"]);
});
