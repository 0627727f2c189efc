import { beforeEach, expect, test } from "vitest";
import { KEPT_BYTES, TerminalStore } from "./terminal.ts";
import type { Attached, ToServer } from "./wire.ts";

let sent: ToServer[] = [];
let later = 0;
let drawn: string[] = [];
let store: TerminalStore;

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (data: Uint8Array): string => new TextDecoder().decode(data);
const attached = (fields: Partial<Attached> = {}): void =>
  store.receiveAttached({
    frame: "attached",
    attach: 1,
    life: "a",
    offset: 0,
    end: 0,
    fresh: true,
    modes: bytes(""),
    ...fields,
  });
const shown = (offset: number, data: string): void =>
  store.receiveShown({ frame: "shown", attach: 1, offset, data: bytes(data) });
const typed = (): string[] =>
  sent.flatMap(frame => (frame.frame === "type" ? [`${frame.number} ${text(frame.data)}`] : []));

beforeEach(() => {
  sent = [];
  later = 0;
  drawn = [];
  store = new TerminalStore("1", 1, {
    send: frame => sent.push(frame),
    attachLater: () => {
      later += 1;
    },
    close: () => {},
  });
  store.draw({
    clear: (modes, isCut) => drawn.push(`clear ${text(modes)}${isCut ? " cut" : ""}`),
    show: (data, offset, isOld) => drawn.push(`${offset} ${text(data)}${isOld ? " old" : ""}`),
  });
});

test("te2: a new link goes on where the old one ended", () => {
  attached();
  shown(0, "one");
  store.down();
  expect(store.attachFrame()).toMatchObject({ life: "a", have: 3 });
  attached({ offset: 3, end: 5, fresh: false });
  shown(3, "twothree");
  shown(3, "two");
  expect(drawn).toEqual(["clear ", "0 one", "3 tw old", "5 othree"]);
});

test("te2: what overlaps is drawn once, and a gap is asked for", () => {
  attached();
  shown(0, "abc");
  shown(1, "bcde");
  shown(9, "x");
  expect(drawn.slice(1)).toEqual(["0 abc", "3 de"]);
  expect(later).toBe(1);
});

test("te3: what is not kept begins afresh, in the modes that were in force", () => {
  attached();
  shown(0, "abc");
  store.down();
  attached({ offset: 100, end: 102, modes: bytes("M") });
  shown(100, "xy");
  expect(drawn.slice(2)).toEqual(["clear M cut", "100 xy old"]);
});

test("te5: what is typed goes at once, in order, and again over a new link until it is taken", () => {
  store.type(bytes("early"), false);
  expect(typed()).toEqual([]);
  attached();
  store.type(bytes("x"), false);
  expect(typed()).toEqual(["1 early", "2 x"]);
  store.receiveTyped({ frame: "typed", attach: 1, number: 1 });
  expect(store.waiting.value).toBe(1);
  store.down();
  sent = [];
  store.type(bytes("away"), false);
  attached({ fresh: false });
  expect(typed()).toEqual(["2 x", "3 away"]);
});

test("te5: much that is pasted goes in pieces, and waits for what was sent", () => {
  attached();
  store.type(new Uint8Array(400 << 10), false);
  const before = typed().length;
  expect(before).toBeLessThan(20);
  store.receiveTyped({ frame: "typed", attach: 1, number: before });
  expect(typed()).toHaveLength(25);
  expect(typed().map(one => Number.parseInt(one, 10))).toEqual(Array.from({ length: 25 }, (_, n) => n + 1));
});

test("te5: without a line, so much is kept and no more; answers of the screen are not", () => {
  expect(store.type(new Uint8Array(KEPT_BYTES), false)).toBe(true);
  expect(store.type(bytes("x"), false)).toBe(false);
  expect(store.type(bytes("answer"), true)).toBe(true);
  expect(store.waiting.value).toBe(KEPT_BYTES);
});

test("te5: what waits is not for another terminal of the same name, nor for one that has ended", () => {
  attached();
  store.down();
  store.type(bytes("rm"), false);
  attached({ life: "b" });
  expect(typed()).toEqual([]);
  store.type(bytes("x"), false);
  store.receiveEnded({ frame: "ended", attach: 1, exit_code: 3 });
  expect(store.status.value).toEqual({ kind: "ended", exitCode: 3 });
  expect(store.waiting.value).toBe(0);
  expect(store.type(bytes("y"), false)).toBe(false);
});

test("te9: a broken line to the host is asked again, other problems are final", () => {
  const problem = (status: number): void =>
    store.receiveProblem({ frame: "no-terminal", attach: 1, status, message: "no" });
  attached();
  problem(503);
  expect([later, store.isWanted]).toEqual([1, true]);
  problem(404);
  expect([store.isWanted, store.status.value]).toEqual([
    false,
    { kind: "problem", status: 404, message: "no" },
  ]);
});

test("te4: what a hidden page left out is shown from the start of what is kept", () => {
  attached();
  shown(0, "abc");
  store.resize(24, 80);
  store.again();
  expect(sent.at(-1)).toEqual({
    frame: "attach",
    attach: 1,
    name: "1",
    life: "",
    have: 0,
    rows: 24,
    columns: 80,
  });
  shown(3, "late");
  attached({ offset: 0, end: 3 });
  shown(0, "abc");
  expect(drawn.slice(2)).toEqual(["clear ", "0 abc old"]);
});
