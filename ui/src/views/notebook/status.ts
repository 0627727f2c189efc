/** How things stand, in words: cells, kernel, file, link. Pure. Words first; colour only repeats them. */

import type { CellView, LinkStatus, LinkWay, SavedView, StalledView } from "../../core/model.ts";
import type { KernelState } from "../../core/wire.ts";
import { ago, clock, count, duration } from "../words.ts";

/** What a mark or a line looks like; the stylesheet gives it a colour. */
export type Tone = "plain" | "running" | "good" | "bad" | "soft";

export interface Words {
  readonly text: string;
  readonly tone: Tone;
}

/** The left margin: `3`, `● 3`, `◌`. */
export function promptOf(cell: Pick<CellView, "kind" | "status" | "executionCount" | "lastRun">): Words {
  if (cell.kind !== "code") return { text: "", tone: "soft" };
  const number = cell.executionCount === null ? "" : String(cell.executionCount);
  switch (cell.status.kind) {
    case "asked":
    case "queued":
      return { text: "◌", tone: "soft" };
    case "running":
      return { text: `● ${number}`.trimEnd(), tone: "running" };
    case "idle": {
      const outcome = cell.lastRun?.outcome;
      if (outcome === "failed" || outcome === "lost") return { text: `✕ ${number}`.trimEnd(), tone: "bad" };
      return { text: number, tone: "soft" };
    }
  }
}

/** The right margin: how long it took, how long it runs, which place it has. */
export function sideOf(
  cell: Pick<CellView, "kind" | "status" | "lastRun" | "freshness" | "outputs">,
  place: number,
  serverNowMs: number,
): Words {
  if (cell.kind !== "code") return { text: "", tone: "soft" };
  switch (cell.status.kind) {
    case "asked":
      return { text: "sending", tone: "soft" };
    case "queued":
      return { text: place <= 1 ? "next" : `${ordinal(place)} in queue`, tone: "soft" };
    case "running":
      return { text: `running ${clock(serverNowMs - cell.status.sinceMs)}`, tone: "running" };
    case "idle":
      break;
  }
  const run = cell.lastRun;
  if (run === null) return { text: "", tone: "soft" };
  const took = run.started_ms === null ? "" : duration(run.finished_ms - run.started_ms);
  switch (run.outcome) {
    case "done":
      return { text: cell.freshness === "stale" ? `${took} · edited since` : took, tone: "soft" };
    case "failed":
      return wasStopped(cell.outputs)
        ? { text: `stopped after ${took}`, tone: "soft" }
        : { text: `failed, ${took}`, tone: "bad" };
    case "aborted":
      return { text: "not run", tone: "soft" };
    case "lost":
      return { text: "lost: kernel died", tone: "bad" };
  }
}

/** Somebody interrupted it, which is no failure of the code. */
function wasStopped(outputs: CellView["outputs"]): boolean {
  return outputs.some(output => output.output_type === "error" && output.ename === "KeyboardInterrupt");
}

/** What a screen reader calls the cell. */
export function labelOf(
  cell: Pick<CellView, "kind" | "status" | "lastRun" | "outputs" | "freshness">,
  index: number,
  total: number,
): string {
  const kind = { code: "Code cell", markdown: "Text cell", raw: "Raw cell" }[cell.kind];
  const where = `${kind} ${index + 1} of ${total}`;
  const status = cell.status.kind;
  if (status === "running" || status === "queued") return `${where}, ${status}`;
  if (status === "asked") return `${where}, sending`;
  const outcome = cell.lastRun?.outcome;
  if (outcome === "failed") return `${where}, ${wasStopped(cell.outputs) ? "stopped" : "failed"}`;
  if (outcome === "lost") return `${where}, lost when the kernel died`;
  return cell.freshness === "stale" ? `${where}, edited since it ran` : where;
}

function ordinal(value: number): string {
  const ending =
    value % 100 >= 11 && value % 100 <= 13 ? "th" : (["th", "st", "nd", "rd"][value % 10] ?? "th");
  return `${value}${ending}`;
}

export function kernelWords(kernel: KernelState): Words {
  const name = kernel.display_name || kernel.kernelspec;
  switch (kernel.status) {
    case "none":
      return { text: name === "" ? "No kernel" : `${name} · not started`, tone: "soft" };
    case "starting":
      return { text: `${name} · starting`, tone: "running" };
    case "restarting":
      return { text: `${name} · restarting`, tone: "running" };
    case "busy":
      return { text: `${name} · busy`, tone: "running" };
    case "dead":
      return { text: `${name} · dead`, tone: "bad" };
    case "idle":
      return { text: `${name} · idle`, tone: "soft" };
  }
}

export function linkWords(link: LinkStatus, nowMs: number, isSignedIn: boolean): Words {
  switch (link.kind) {
    case "live":
      return { text: "Live", tone: "good" };
    case "reconnecting": {
      const wait = link.retryAtMs === null ? 0 : Math.ceil((link.retryAtMs - nowMs) / 1000);
      return { text: wait > 1 ? `Reconnecting in ${wait} s` : "Reconnecting", tone: "running" };
    }
    case "offline": {
      const waiting = waitingWords(link.waitingEdits, link.waitingRuns);
      return { text: waiting === "" ? "Offline" : `Offline, ${waiting}`, tone: "bad" };
    }
    case "closed":
      return { text: isSignedIn ? "Closed" : "Signed out", tone: "bad" };
  }
}

const WAYS: Readonly<Record<string, string>> = {
  websocket: "WebSocket",
  stream: "Streamed answers",
  poll: "Repeated requests",
};

export function nameOfWay(name: string): string {
  return WAYS[name] ?? name;
}

/** How the link travels, in a sentence. */
export function wayWords(link: LinkStatus, way: LinkWay): string {
  if (link.kind === "closed") return link.reason;
  if (link.kind === "offline")
    return "This device has no network. What you do waits here, and is sent when it is back.";
  if (link.kind === "reconnecting" || way.name === null)
    return link.kind === "reconnecting" && link.reason !== ""
      ? link.reason
      : "No answer has come from the server yet.";
  switch (way.name) {
    case "stream":
      return "Everything works, over plain HTTP: no WebSocket gets through to the server.";
    case "poll":
      return "Everything works, but a little later: what the server says comes through only when asked for.";
    default:
      return "This page is linked by WebSocket, the quickest way.";
  }
}

/** What of the server's advice would help; most urgent first. */
export function adviceFor(link: LinkStatus, way: LinkWay): readonly string[] {
  if (way.name === "websocket" && link.kind === "live") return [];
  if (way.name === null) return way.failures.length > 1 ? ["blocked"] : [];
  const failed = way.failures.map(failure => failure.name);
  return [
    ...(failed.includes("websocket") ? ["websocket"] : []),
    ...(failed.includes("stream") ? ["buffering"] : []),
  ];
}

/** What waits here for the server: `4 edits and 1 run waiting`. */
export function waitingWords(edits: number, runs: number): string {
  const parts = [edits > 0 ? count(edits, "edit") : "", runs > 0 ? count(runs, "run") : ""].filter(Boolean);
  return parts.length === 0 ? "" : `${parts.join(" and ")} waiting`;
}

const JUST_SAVED_MS = 5000;

/** Autosave takes a second; what takes so long is left to the program that ran it (SV13), or the disk is slow. */
const LONG_UNSAVED_MS = 6000;

export function savedWords(
  saved: SavedView,
  stalled: StalledView | null,
  pending: number,
  link: LinkStatus,
  writable: boolean,
  serverNowMs: number,
  unsavedForMs = 0,
): Words {
  if (!writable) return { text: "Read-only", tone: "soft" };
  if (stalled !== null) {
    return { text: stalled.diskFull ? "Not recorded: disk full" : "Not recorded", tone: "bad" };
  }
  if (saved.problem !== "") return { text: "Not saved", tone: "bad" };
  if (link.kind !== "live")
    return { text: pending > 0 ? `${count(pending, "change")} kept here` : "", tone: "soft" };
  // A cell that prints makes the file out of date every moment: what matters is when it was last written.
  const justSaved = saved.atMs !== 0 && serverNowMs - saved.atMs < JUST_SAVED_MS;
  if ((pending > 0 || saved.dirty) && !justSaved) {
    return { text: unsavedForMs > LONG_UNSAVED_MS ? "Not in the file yet" : "Saving", tone: "soft" };
  }
  return { text: saved.atMs === 0 ? "Saved" : `Saved ${ago(saved.atMs, serverNowMs)}`, tone: "soft" };
}
