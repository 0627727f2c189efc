import { expect, test } from "vitest";
import { attachmentUrl } from "./attachments.ts";
import { findAll } from "./finding.ts";

const sources: Record<string, string> = { a: "Print(print)", b: "x", c: "imprint" };
const silent = () => "";
const find = (query: string) => findAll(query, Object.keys(sources), id => sources[id] ?? "", silent);

test("capitals count only when the query has some", () => {
  expect(find("print")).toEqual([
    { id: "a", from: 0, to: 5 },
    { id: "a", from: 6, to: 11 },
    { id: "c", from: 2, to: 7 },
  ]);
  expect(find("Print")).toEqual([{ id: "a", from: 0, to: 5 }]);
  expect(find("")).toEqual([]);
});

test("matches do not overlap", () => {
  expect(findAll("aa", ["x"], () => "aaaaa", silent).map(hit => hit.from)).toEqual([0, 2]);
});

test("what a cell's outputs say comes after its source", () => {
  const outputs: Record<string, string> = { a: "1\nPRINT print", c: "nothing" };
  expect(
    findAll(
      "print",
      ["a", "c"],
      id => sources[id] ?? "",
      id => outputs[id] ?? "",
    ),
  ).toEqual([
    { id: "a", from: 0, to: 5 },
    { id: "a", from: 6, to: 11 },
    { id: "a", from: 2, to: 7, inOutputs: 0 },
    { id: "a", from: 8, to: 13, inOutputs: 1 },
    { id: "c", from: 2, to: 7 },
  ]);
});

test("attachments are pictures, or nothing", () => {
  const attachments = {
    "a.png": { "image/png": "AA AA" },
    "b.svg": { "image/svg+xml": "<svg/>" },
    "c.html": { "text/html": "<script>" },
    "d.png": { "image/png": ["AA", "BB"] },
  };
  expect(attachmentUrl(attachments, "a.png")).toBe("data:image/png;base64,AAAA");
  expect(attachmentUrl(attachments, "b.svg")).toBe("data:image/svg+xml;charset=utf-8,%3Csvg%2F%3E");
  expect(attachmentUrl(attachments, "c.html")).toBeUndefined();
  expect(attachmentUrl(attachments, "d.png")).toBe("data:image/png;base64,AABB");
  expect(attachmentUrl(null, "a.png")).toBeUndefined();
});
