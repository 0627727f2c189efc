import { expect, test } from "vitest";
import type { Rest } from "../rest.ts";
import { RestError } from "../rest.ts";
import { endTerminal, readTerminals, startTerminal, terminalAddress } from "./terminals.ts";

test("terminals by their numbers, whatever else the answer holds", () => {
  const answer = [{ name: "10", last_activity: "2026-01-01T00:00:00Z" }, { name: "2" }, { name: 3 }, null];
  expect(readTerminals(answer)).toEqual([
    { name: "2", activeMs: null },
    { name: "10", activeMs: Date.UTC(2026, 0, 1) },
  ]);
  expect(readTerminals({})).toEqual([]);
});

test("one is started in a folder; one that is gone already counts as ended", async () => {
  const asked: unknown[] = [];
  const rest: Rest = {
    url: () => "",
    send: () => Promise.reject(new Error("not asked here")),
    file: () => Promise.reject(new Error("not asked here")),
    request: async (...values) => {
      asked.push(values);
      if (values[0] === "DELETE") throw new RestError(values[2] === "1" ? 404 : 500, "gone");
      return { name: "7" };
    },
  };
  expect(await startTerminal(rest, "a/b")).toBe("7");
  expect(asked).toEqual([["POST", "api/terminals", "", { json: { cwd: "a/b" } }]]);
  await endTerminal(rest, "1");
  await expect(endTerminal(rest, "2")).rejects.toThrow("gone");
  expect(terminalAddress("/x/", "7")).toBe("/x/terminals/7");
});
