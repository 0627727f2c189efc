/** Times, durations and counts as people say them. Pure; the clock is a parameter. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long something took: `31 ms`, `0.4 s`, `12 s`, `1:07`, `2:03:09`. */
export function duration(ms: number): string {
  if (ms < 100) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 9_950) return `${(ms / SECOND).toFixed(1)} s`;
  if (ms < MINUTE) return `${Math.round(ms / SECOND)} s`;
  return clock(ms);
}

/** A running clock: `7 s`, `1:07`, `2:03:09`. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / SECOND));
  if (seconds < 60) return `${seconds} s`;
  const two = (value: number) => String(value).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${two(seconds % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}

/** When something was: `just now`, `12 s ago`, `5 min ago`, `3 h ago`, `yesterday`, `3 Nov`, `3 Nov 2025`. */
export function ago(atMs: number, nowMs: number): string {
  const past = nowMs - atMs;
  if (past < 3 * SECOND) return "just now";
  if (past < MINUTE) return `${Math.floor(past / SECOND)} s ago`;
  if (past < HOUR) return `${Math.floor(past / MINUTE)} min ago`;
  const at = new Date(atMs);
  const now = new Date(nowMs);
  const days = Math.round((startOfDay(now) - startOfDay(at)) / DAY);
  if (days === 0 || past < 6 * HOUR) return `${Math.floor(past / HOUR)} h ago`;
  if (days === 1) return "yesterday";
  if (days < 7) return `${days} days ago`;
  const sameYear = at.getFullYear() === now.getFullYear();
  return at.toLocaleDateString("en-GB", {
    day: "numeric",
    month: "short",
    ...(sameYear ? {} : { year: "numeric" }),
  });
}

function startOfDay(date: Date): number {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}

/** `1 cell`, `3 cells`. */
export function count(value: number, noun: string): string {
  return `${value.toLocaleString("en")} ${noun}${value === 1 ? "" : "s"}`;
}

/** Date and time in full, for tooltips. */
export function moment(atMs: number): string {
  return new Date(atMs).toLocaleString(undefined, { dateStyle: "full", timeStyle: "medium" });
}
