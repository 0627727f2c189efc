import { describe, expect, test } from "vitest";
import type { CellView, LinkStatus } from "../../core/model.ts";
import type { KernelState, RunOutcome } from "../../core/wire.ts";
import {
  adviceFor,
  kernelWords,
  labelOf,
  linkWords,
  promptOf,
  savedWords,
  sideOf,
  wayWords,
} from "./status.ts";

type Shown = Pick<CellView, "kind" | "status" | "executionCount" | "lastRun" | "freshness" | "outputs">;

const idle: Shown = {
  kind: "code",
  status: { kind: "idle" },
  executionCount: 3,
  lastRun: null,
  freshness: "fresh",
  outputs: [],
};
const ran = (outcome: RunOutcome): Shown => ({
  ...idle,
  lastRun: { run_id: "r", outcome, version: 1, started_ms: 1000, finished_ms: 1412, source: null },
});
const interrupted = {
  output_type: "error",
  ename: "KeyboardInterrupt",
  evalue: "",
  traceback: [],
  extra: {},
} as const;
const running: Shown = { ...idle, status: { kind: "running", runId: "r", sinceMs: 0, by: "me" } };
const queued: Shown = { ...idle, status: { kind: "queued", runId: "r", queuedMs: 0, by: "me" } };

describe("the margins of a cell", () => {
  test("left: number, running, waiting, failed; each with a shape", () => {
    expect([idle, running, queued, ran("failed"), ran("lost")].map(cell => promptOf(cell).text)).toEqual([
      "3",
      "● 3",
      "◌",
      "✕ 3",
      "✕ 3",
    ]);
    expect(promptOf({ ...idle, kind: "markdown" }).text).toBe("");
  });

  test("right: how long, since when, which place", () => {
    expect(sideOf(ran("done"), 0, 0).text).toBe("0.4 s");
    expect(sideOf({ ...ran("done"), freshness: "stale" }, 0, 0).text).toBe("0.4 s · edited since");
    expect(sideOf(ran("failed"), 0, 0)).toEqual({ text: "failed, 0.4 s", tone: "bad" });
    expect(sideOf({ ...ran("failed"), outputs: [interrupted] }, 0, 0)).toEqual({
      text: "stopped after 0.4 s",
      tone: "soft",
    });
    expect(sideOf(ran("aborted"), 0, 0).text).toBe("not run");
    expect(sideOf(running, 0, 67_000)).toEqual({ text: "running 1:07", tone: "running" });
    expect([1, 2, 3, 11, 22].map(place => sideOf(queued, place, 0).text)).toEqual([
      "next",
      "2nd in queue",
      "3rd in queue",
      "11th in queue",
      "22nd in queue",
    ]);
  });

  test("what a screen reader calls it", () => {
    expect(labelOf(running, 3, 12)).toBe("Code cell 4 of 12, running");
    expect(labelOf(ran("failed"), 0, 1)).toBe("Code cell 1 of 1, failed");
    expect(labelOf({ ...idle, kind: "markdown" }, 1, 2)).toBe("Text cell 2 of 2");
  });
});

test("the link, always true", () => {
  const links: readonly LinkStatus[] = [
    { kind: "live" },
    { kind: "reconnecting", sinceMs: 0, retryAtMs: null, reason: "" },
    { kind: "reconnecting", sinceMs: 0, retryAtMs: 3500, reason: "" },
    { kind: "offline", waitingEdits: 4, waitingRuns: 1 },
    { kind: "offline", waitingEdits: 0, waitingRuns: 0 },
    { kind: "closed", reason: "x" },
  ];
  expect(links.map(link => linkWords(link, 1000, true).text)).toEqual([
    "Live",
    "Reconnecting",
    "Reconnecting in 3 s",
    "Offline, 4 edits and 1 run waiting",
    "Offline",
    "Closed",
  ]);
  expect(linkWords({ kind: "closed", reason: "x" }, 1000, false).text).toBe("Signed out");
});

test("lk29 what cannot be recorded is said, whatever else is true", () => {
  const saved = { atMs: 1000, dirty: false, problem: "", problemSinceMs: 0 };
  const stalled = { reason: "Disk full.", diskFull: true, sinceMs: 0 };
  expect(savedWords(saved, stalled, 1, { kind: "live" }, true, 1500)).toEqual({
    text: "Not recorded: disk full",
    tone: "bad",
  });
  expect(savedWords(saved, { ...stalled, diskFull: false }, 1, { kind: "live" }, true, 1500).text).toBe(
    "Not recorded",
  );
});

test("what is saved, and where", () => {
  const live: LinkStatus = { kind: "live" };
  const saved = { atMs: 1000, dirty: false, problem: "", problemSinceMs: 0 };
  expect(savedWords(saved, null, 0, live, true, 13_000).text).toBe("Saved 12 s ago");
  expect(savedWords({ ...saved, dirty: true }, null, 0, live, true, 9000).text).toBe("Saving");
  expect(savedWords(saved, null, 2, live, true, 9000).text).toBe("Saving");
  expect(savedWords({ ...saved, dirty: true }, null, 0, live, true, 9000, 7000).text).toBe(
    "Not in the file yet",
  );
  expect(savedWords({ ...saved, dirty: true }, null, 0, live, true, 2000).text).toBe("Saved just now");
  expect(savedWords({ ...saved, problem: "Disk full." }, null, 0, live, true, 0)).toEqual({
    text: "Not saved",
    tone: "bad",
  });
  expect(savedWords(saved, null, 2, { kind: "closed", reason: "" }, true, 0).text).toBe(
    "2 changes kept here",
  );
  expect(savedWords(saved, null, 0, live, false, 0).text).toBe("Read-only");
});

test("the kernel", () => {
  const kernel: KernelState = {
    id: "k",
    kernelspec: "python3",
    display_name: "Python 3",
    language: "python",
    status: "busy",
    since_ms: 0,
    lineage: 1,
    obituary: null,
    problem: "",
    cursor: 0,
    replaces: null,
  };
  expect(kernelWords(kernel)).toEqual({ text: "Python 3 · busy", tone: "running" });
  expect(kernelWords({ ...kernel, status: "none", display_name: "", kernelspec: "" }).text).toBe("No kernel");
});

test("how the link travels is said in a sentence, and what would help", () => {
  const live = { kind: "live" } as const;
  const failed = (...names: string[]) => names.map(name => ({ name, reason: "400" }));
  const quick = { name: "websocket", failures: [] };
  expect(wayWords(live, quick)).toContain("WebSocket, the quickest way");
  expect(adviceFor(live, quick)).toEqual([]);
  const streamed = { name: "stream", failures: failed("websocket") };
  expect(wayWords(live, streamed)).toContain("no WebSocket gets through");
  expect(adviceFor(live, streamed)).toEqual(["websocket"]);
  const polled = { name: "poll", failures: failed("websocket", "stream") };
  expect(wayWords(live, polled)).toContain("a little later");
  expect(adviceFor(live, polled)).toEqual(["websocket", "buffering"]);
  const down = { kind: "reconnecting", sinceMs: 0, retryAtMs: null, reason: "It is blocked." } as const;
  expect(wayWords(down, { name: null, failures: failed("websocket") })).toBe("It is blocked.");
  expect(adviceFor(down, { name: null, failures: failed("websocket", "stream", "poll") })).toEqual([
    "blocked",
  ]);
  expect(adviceFor(down, { name: null, failures: [] })).toEqual([]);
});
