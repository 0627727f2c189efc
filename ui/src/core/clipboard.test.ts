import { expect, test } from "vitest";
import { cellsFromClipboard, cellsToClipboard, newCell } from "./clipboard.ts";
import type { Cell } from "./wire.ts";

let count = 0;
const newId = (): string => `n${count++}`;
const withoutIds = (cells: readonly Cell[]) => cells.map(cell => ({ ...cell, id: "" }));

test("copied and pasted cells are the same, with new ids", () => {
  const cells: Cell[] = [
    {
      ...newCell("code", "a", "1 + 1"),
      metadata: { tags: ["x"] },
      execution_count: 3,
      outputs: [
        {
          output_type: "execute_result",
          data: { "text/plain": "2", "application/json": { a: [1] } },
          metadata: {},
          blobs: { "image/png": { sha256: "ab", size_bytes: 3, media_type: "image/png", newline: false } },
          execution_count: 3,
          display_id: null,
          extra: {},
        },
        { output_type: "error", ename: "E", evalue: "v", traceback: ["t"], extra: {} },
        { output_type: "stream", name: "stdout", text: "x", head: "", spilled: [], column: -1, extra: {} },
      ],
    },
    { ...newCell("markdown", "b", "# B"), attachments: { "a.png": { "image/png": "AA==" } } },
  ];
  const data = cellsToClipboard(cells);
  const pasted = cellsFromClipboard(data, newId);
  expect(withoutIds(pasted)).toEqual(withoutIds(cells));
  expect(pasted.map(cell => cell.id)).not.toContain("a");
  expect(data.text).toBe("1 + 1\n\n# B");
});

test("cells of other programs are understood: nbformat's JSON, with lists of lines", () => {
  const text = JSON.stringify({
    cells: [
      {
        cell_type: "code",
        source: ["a\n", "b"],
        metadata: {},
        execution_count: null,
        outputs: [{ output_type: "stream", name: "stdout", text: ["1\n", "2"] }],
      },
    ],
  });
  const [cell] = cellsFromClipboard({ json: null, text }, newId);
  expect(cell).toMatchObject({ kind: "code", source: "a\nb" });
  expect(cell?.outputs[0]).toMatchObject({ output_type: "stream", text: "1\n2" });
});

test("plain text is one code cell, and JSON that is no cells is plain text", () => {
  expect(cellsFromClipboard({ json: null, text: "x = 1\r\ny" }, newId)).toMatchObject([
    { kind: "code", source: "x = 1\ny" },
  ]);
  expect(cellsFromClipboard({ json: null, text: '{"a": 1}' }, newId)).toMatchObject([{ source: '{"a": 1}' }]);
});

test("nothing usable gives nothing, and odd values are left out", () => {
  expect(cellsFromClipboard({ json: null, text: null }, newId)).toEqual([]);
  const odd = JSON.stringify([
    1,
    { kind: "video", source: "x" },
    { kind: "raw", source: 5 },
    { kind: "raw", source: "r" },
  ]);
  expect(cellsFromClipboard({ json: odd, text: "ignored" }, newId)).toMatchObject([
    { kind: "raw", source: "r" },
  ]);
  const outputs = JSON.stringify([
    { kind: "code", source: "", outputs: [5, { output_type: "x" }, { output_type: "stream" }] },
  ]);
  expect(cellsFromClipboard({ json: outputs, text: null }, newId)[0]?.outputs).toEqual([]);
});
