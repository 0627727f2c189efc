import { describe, expect, test } from "vitest";
import type { CommOperation } from "./comms.ts";
import { NO_KERNEL } from "./state.ts";
import { NotebookStore } from "./store.ts";
import { aSnapshot, aView } from "./testing.ts";
import type { Comm, Entry } from "./wire.ts";

describe("comms", () => {
  const slider: Comm = {
    target: "jupyter.widget",
    module: "",
    data: { value: 1 },
    buffers: [],
    live: true,
    clear_pending: false,
    column: -1,
  };
  const draft = {
    comm_id: "m1",
    data: { method: "update", state: { value: 2 } },
    buffers: [],
    message: "comm_msg",
    target: "",
    cell_id: null,
  } as const;

  interface Tab {
    readonly store: NotebookStore;
    readonly heard: readonly (CommOperation | null)[];
    readonly entry: (entry: Omit<Entry, "seq" | "at_ms">) => void;
  }

  function withSlider(): Tab {
    let ids = 0;
    const store = new NotebookStore("a.ipynb", {
      clientId: "tab",
      newId: length => `${(ids++).toString(36)}`.padStart(length, "0"),
      wake: () => undefined,
      ask: () => Promise.resolve({ ok: false, error: "" }),
      unfollow: () => undefined,
    });
    store.receiveSnapshot(aSnapshot(aView({ a: "1" })));
    const heard: (CommOperation | null)[] = [];
    store.onComm(operation => heard.push(operation));
    const entry: Tab["entry"] = entry => store.receiveEntries([{ seq: store.seq + 1, at_ms: 0, ...entry }]);
    entry({ ops: [{ op: "open-comm", comm_id: "m1", comm: slider }] });
    return { store, heard, entry };
  }

  async function isOver(promise: Promise<void>): Promise<boolean> {
    return Promise.race([promise.then(() => true), Promise.resolve().then(() => false)]);
  }

  test("listeners hear what happened, in order, and the state is there", () => {
    const { store, heard, entry } = withSlider();
    entry({ ops: [{ op: "change-comm", comm_id: "m1", data: { value: 3 }, buffers: [] }] });
    expect(heard.map(operation => operation?.op)).toEqual(["open-comm", "change-comm"]);
    expect(store.comm("m1")?.data).toEqual({ value: 3 });
  });

  test("a message is over when the kernel has handled it", async () => {
    const { store, entry } = withSlider();
    const handled = store.sendComm(draft);
    const [sent] = store.take();
    if (sent?.body.intent !== "send-comm") throw new Error("nothing was sent");
    const { intent: _, send_id: id, ...rest } = sent.body;
    const send = { ...rest, id, outputs: false, answered: [] };
    entry({ ops: [{ op: "comm-sent", send }], client_id: "tab", intent: sent.number });
    expect(await isOver(handled)).toBe(false);
    entry({ ops: [{ op: "comm-handled", send_id: id }] });
    expect(await isOver(handled)).toBe(true);
  });

  test("it is over too when it came too late, and when the kernel ended", async () => {
    const { store, entry } = withSlider();
    const late = store.sendComm(draft);
    const [sent] = store.take();
    expect(await isOver(late)).toBe(false);
    entry({ ops: [], client_id: "tab", intent: sent?.number ?? 0 });
    expect(await isOver(late)).toBe(true);

    const lost = store.sendComm(draft);
    store.take();
    entry({ ops: [{ op: "set-kernel", kernel: { ...NO_KERNEL, status: "dead" } }] });
    expect(await isOver(lost)).toBe(true);
    expect(store.comm("m1")?.live).toBe(false);
  });

  test("a snapshot leaves what is pending, and says that everything may be different", async () => {
    const { store, heard } = withSlider();
    const pending = store.sendComm(draft);
    store.receiveSnapshot(aSnapshot({ ...aView({ a: "1" }), comms: { m1: slider } }));
    expect(heard.at(-1)).toBeNull();
    expect(await isOver(pending)).toBe(false);
    store.take();
    store.receiveSnapshot(aSnapshot(aView({ a: "1" }), 1));
    expect(await isOver(pending)).toBe(true);
    expect(store.comm("m1")).toBeUndefined();
  });

  test("it is kept for no other tab", () => {
    const { store } = withSlider();
    store.takeStored();
    expect(store.pendingCount.value).toBe(0);
    store.sendComm(draft).catch(() => undefined);
    expect(store.takeStored().put).toEqual([]);
    expect(store.pendingCount.value).toBe(0);
  });
});
