import { expect, test } from "vitest";
import { type Entry, readFolder, readKernelspecs, readRunning, readTrashed } from "./contents.ts";
import { arrange, BY_NAME, freeName, movable, nextSort, parentsOf, stretch, wrongName } from "./listing.ts";

const entry = (name: string, more: Partial<Entry> = {}): Entry => ({
  name,
  path: name,
  kind: "file",
  changedMs: 0,
  sizeBytes: 0,
  writable: true,
  ...more,
});
const names = (entries: readonly Entry[]) => entries.map(({ name }) => name);

test("folders first, numbers as numbers, capitals do not count", () => {
  const entries = [entry("b10"), entry("B2"), entry("z", { kind: "directory" }), entry("a")];
  expect(names(arrange(entries, BY_NAME, ""))).toEqual(["z", "a", "B2", "b10"]);
  expect(names(arrange(entries, { key: "name", descending: true }, ""))).toEqual(["z", "b10", "B2", "a"]);
});

test("a second press turns a column around; the newest and the largest come first", () => {
  const entries = [
    entry("old", { changedMs: 1, sizeBytes: 9 }),
    entry("new", { changedMs: 2, sizeBytes: 3 }),
  ];
  const changed = nextSort(BY_NAME, "changed");
  expect(names(arrange(entries, changed, ""))).toEqual(["new", "old"]);
  expect(names(arrange(entries, nextSort(changed, "changed"), ""))).toEqual(["old", "new"]);
  expect(names(arrange(entries, nextSort(BY_NAME, "size"), ""))).toEqual(["old", "new"]);
});

test("finding", () => {
  expect(names(arrange([entry("Lorenz.ipynb"), entry("b")], BY_NAME, " lor "))).toEqual(["Lorenz.ipynb"]);
});

test("names that cannot be, as sentences", () => {
  const taken = new Set(["a"]);
  for (const name of ["x/y", "..", "a", "ü".repeat(200)])
    expect.soft(wrongName(name, taken)).toMatch(/^.+\.$/);
  expect(wrongName("b.ipynb", taken)).toBeUndefined();
  expect(freeName("a.csv", new Set(["a.csv", "a-1.csv"]))).toBe("a-2.csv");
  expect(freeName(".env", new Set([".env"]))).toBe(".env-1");
});

test("answers are read for what they are, and refused in words when they are something else", () => {
  const folder = readFolder({
    path: "p",
    writable: false,
    trash: true,
    content: [
      {
        name: "n",
        path: "p/n",
        type: "notebook",
        last_modified: "2026-11-23T14:00:00Z",
        size: 3,
        writable: true,
      },
      { path: "p/m", type: "other" },
      "junk",
    ],
  });
  expect(folder).toEqual({
    path: "p",
    writable: false,
    hasTrash: true,
    entries: [
      entry("n", { path: "p/n", kind: "notebook", changedMs: Date.UTC(2026, 10, 23, 14), sizeBytes: 3 }),
      entry("m", { path: "p/m", changedMs: null, sizeBytes: null }),
    ],
  });
  expect(() => readFolder({ path: "p" })).toThrow("cannot be read");
  expect(() => readRunning({})).toThrow("cannot be read");
  expect(() => readKernelspecs([])).toThrow("cannot be read");
});

test("running notebooks and kernels", () => {
  const kernel = {
    name: "python3",
    display_name: "Python 3",
    execution_state: "busy",
    memory_bytes: 7,
    started: "bad",
  };
  expect(readRunning([{ id: "s", path: "a/b.ipynb", kernel }, { id: 3 }])).toEqual([
    {
      id: "s",
      path: "a/b.ipynb",
      name: "b.ipynb",
      kernelName: "Python 3",
      status: "busy",
      activeMs: null,
      startedMs: null,
      memoryBytes: 7,
    },
  ]);
  const specs = { b: { spec: { display_name: "Aa", language: "x" } }, a: { spec: {} } };
  expect(
    readKernelspecs({ default: "a", kernelspecs: specs }).all.map(({ displayName }) => displayName),
  ).toEqual(["a", "Aa"]);
});

test("Shift takes in all rows between two, in either direction", () => {
  const shown = ["a", "b", "c", "d"].map(name => entry(name));
  expect(stretch(shown, "b", "d")).toEqual(["b", "c", "d"]);
  expect(stretch(shown, "d", "b")).toEqual(["b", "c", "d"]);
  // Nothing was chosen before, or it is gone.
  expect(stretch(shown, null, "c")).toEqual(["c"]);
  expect(stretch(shown, "gone", "c")).toEqual(["c"]);
});

test("what is dropped on a folder moves, except the folder itself and what is there", () => {
  expect(movable(["a.txt", "x", "x/b.txt", "y/c.txt"], "x")).toEqual(["a.txt", "y/c.txt"]);
  expect(movable(["x", "xy"], "x/inner")).toEqual(["xy"]);
});

test("of each deleted path, the latest in the trash comes back", () => {
  const trash = [
    { id: "3", path: "a" },
    { id: "2", path: "b" },
    { id: "1", path: "a" },
  ];
  expect(readTrashed(trash, ["a", "c"])).toEqual(["3"]);
  expect(() => readTrashed({}, ["a"])).toThrow("cannot be read");
});

test("the folders of a path come from the top", () => {
  expect(parentsOf("a/b/c.txt")).toEqual(["a", "a/b"]);
  expect(parentsOf("c.txt")).toEqual([]);
});
