import { describe, expect, test } from "vitest";
import vectorText from "../../../tests/vectors/session.json?raw";
import { applyEntry, NotebookState, sameJson, Touched } from "./state.ts";
import { aCellState, aView } from "./testing.ts";
import type { CellState, Comm, Entry, SessionView } from "./wire.ts";

/** `after` has what is different from the step before; of `cells` and `comms` only those that are, null for one that is gone. */
interface Scenario {
  readonly name: string;
  readonly start: SessionView;
  readonly steps: readonly {
    readonly entry: Entry;
    readonly after: Partial<Omit<SessionView, "cells" | "comms">> & {
      readonly cells?: Record<string, CellState | null>;
      readonly comms?: Record<string, Comm | null>;
    };
  }[];
}

const { scenarios }: { scenarios: readonly Scenario[] } = JSON.parse(vectorText);

function expectedAfter(view: SessionView, after: Scenario["steps"][number]["after"]): SessionView {
  const { cells = {}, comms = {}, ...rest } = after;
  return { ...view, ...rest, cells: merged(view.cells, cells), comms: merged(view.comms, comms) };
}

function merged<T>(
  before: Readonly<Record<string, T>>,
  changed: Readonly<Record<string, T | null>>,
): Record<string, T> {
  return Object.fromEntries(
    Object.entries({ ...before, ...changed }).flatMap(([id, value]) =>
      value === null ? [] : [[id, value] as const],
    ),
  );
}

describe("op1 vectors: each entry gives the state that Python gives", () => {
  test.each(scenarios.map(scenario => [scenario.name, scenario] as const))("%s", (_name, scenario) => {
    expect(scenario.steps.length).toBeGreaterThan(0);
    const inPlace = NotebookState.fromView(scenario.start);
    let view = scenario.start;
    let expected = scenario.start;
    for (const { entry, after } of scenario.steps) {
      view = applyEntry(view, entry);
      inPlace.apply(entry, new Touched());
      expected = expectedAfter(expected, after);
      expect(view, JSON.stringify(entry)).toEqual(expected);
      expect(inPlace.toView()).toEqual(expected);
    }
  });
});

test("an entry touches the cells it names and leaves the others' values as they are", () => {
  const state = NotebookState.fromView(aView({ a: "1", b: "2" }));
  const before = state.cells.get("b");
  const touched = new Touched();
  state.apply(
    { seq: 1, at_ms: 0, ops: [{ op: "append-stream", cell_id: "a", name: "stdout", text: "x" }] },
    touched,
  );
  expect([...touched.cells]).toEqual(["a"]);
  expect(touched.order).toBe(false);
  expect(state.cells.get("b")).toBe(before);
});

test("an operation that this page does not know is said, not skipped", () => {
  const entry: unknown = { seq: 1, at_ms: 0, ops: [{ op: "from-the-future" }] };
  expect(() => applyEntry(aView({}), entry as Entry)).toThrow("This page is older than the server");
});

test("a streamed line costs the same in a notebook of 5,000 cells", () => {
  const cells: Record<string, CellState> = {};
  for (let i = 0; i < 5_000; i += 1) cells[`c${i}`] = aCellState(`c${i}`, "x");
  const state = NotebookState.fromView({ ...aView({}), cells, order: Object.keys(cells) });
  const touched = new Touched();
  for (let seq = 1; seq <= 20_000; seq += 1) {
    const ops: Entry["ops"] = [{ op: "append-stream", cell_id: "c2500", name: "stdout", text: `${seq}\r` }];
    state.apply({ seq, at_ms: 0, ops }, touched);
  }
  expect([...touched.cells]).toEqual(["c2500"]);
  const [output] = state.cells.get("c2500")?.cell.outputs ?? [];
  expect(output).toMatchObject({ text: "20000", column: 0 });
});

test("json values are compared by content", () => {
  expect(sameJson({ a: [1, { b: null }], c: "x" }, { c: "x", a: [1, { b: null }] })).toBe(true);
  expect(sameJson({ a: [1, 2] }, { a: [1] })).toBe(false);
  expect(sameJson({ a: 1 }, { b: 1 })).toBe(false);
  expect(sameJson([], {})).toBe(false);
  expect(sameJson(null, {})).toBe(false);
});
