import { expect, test } from "vitest";
import {
  begin,
  CONNECT_WITHIN_MS,
  type Connection,
  type ConnectionEvent,
  dueMs,
  PING_AFTER_MS,
  PONG_WITHIN_MS,
  RETRY_AFTER_MS,
  step,
} from "./connection.ts";

function run(
  events: readonly (readonly [number, ConnectionEvent])[],
  start: Connection = begin(0).connection,
) {
  const actions: string[] = [];
  let connection = start;
  for (const [nowMs, event] of events) {
    const stepped = step(connection, event, nowMs, 1);
    connection = stepped.connection;
    actions.push(...stepped.actions);
  }
  return { connection, actions };
}

const OPEN: Connection = { state: "open", heardMs: 0, pongUntilMs: null };
const TICK: ConnectionEvent = { event: "tick" };

test("lk21 a page begins by connecting, and is open when it is welcomed", () => {
  expect(begin(5)).toEqual({
    connection: {
      state: "connecting",
      attempt: 0,
      downSinceMs: 5,
      untilMs: 5 + CONNECT_WITHIN_MS,
      reason: "",
    },
    actions: ["connect"],
  });
  expect(run([[40, { event: "welcomed" }]]).connection).toEqual({
    state: "open",
    heardMs: 40,
    pongUntilMs: null,
  });
});

test("lk22 a line that says nothing is asked, and dropped when it does not answer, within ten seconds", () => {
  const asked = run([[PING_AFTER_MS, TICK]], OPEN);
  expect(asked.actions).toEqual(["ping"]);
  expect(dueMs(asked.connection)).toBe(PING_AFTER_MS + PONG_WITHIN_MS);
  expect(PING_AFTER_MS + PONG_WITHIN_MS).toBeLessThan(10_000);
  const dead = run([[PING_AFTER_MS + PONG_WITHIN_MS, TICK]], asked.connection);
  expect(dead.actions).toEqual(["drop"]);
  expect(dead.connection.state).toBe("waiting");
});

test("lk22 any frame is a sign of life", () => {
  const heard = run(
    [
      [PING_AFTER_MS, TICK],
      [PING_AFTER_MS + 10, { event: "heard" }],
    ],
    OPEN,
  );
  expect(heard.connection).toEqual({ state: "open", heardMs: PING_AFTER_MS + 10, pongUntilMs: null });
});

test("lk23 attempts come further and further apart, shortened by chance to half at most", () => {
  let connection: Connection = begin(0).connection;
  const waits: number[] = [];
  let nowMs = 0;
  for (let attempt = 0; attempt < RETRY_AFTER_MS.length + 2; attempt += 1) {
    connection = step(connection, { event: "lost", reason: "refused" }, nowMs, 1).connection;
    const due = dueMs(connection) ?? 0;
    waits.push(due - nowMs);
    nowMs = due;
    connection = step(connection, TICK, nowMs, 1).connection;
  }
  expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000, 15_000]);
  const soonest = step(begin(0).connection, { event: "lost", reason: "" }, 0, 0).connection;
  expect(dueMs(soonest)).toBe(250);
});

test("lk23 a link that was open is tried again at once, almost", () => {
  const lost = step(OPEN, { event: "lost", reason: "gone" }, 1_000, 1).connection;
  expect(lost).toEqual({
    state: "waiting",
    attempt: 0,
    downSinceMs: 1_000,
    retryAtMs: 1_200,
    reason: "gone",
  });
});

test("lk24 waking asks an open line at once, and ends a wait", () => {
  const open = step(OPEN, { event: "wake" }, 60_000, 1);
  expect(open.actions).toEqual(["ping"]);
  expect(dueMs(open.connection)).toBe(62_000);
  const waiting = step(OPEN, { event: "lost", reason: "" }, 0, 1).connection;
  expect(step(waiting, { event: "wake" }, 1, 1)).toMatchObject({
    connection: { state: "connecting" },
    actions: ["connect"],
  });
});

test("lk24 the time since when it is down is kept through attempts", () => {
  const { connection } = run(
    [
      [1_000, { event: "lost", reason: "" }],
      [1_200, TICK],
      [2_000, { event: "lost", reason: "still" }],
    ],
    OPEN,
  );
  expect(connection).toMatchObject({ state: "waiting", attempt: 1, downSinceMs: 1_000, reason: "still" });
});

test("lk25 a server that is slow to open is given up, and tried again", () => {
  const { connection, actions } = run([
    [CONNECT_WITHIN_MS - 1, TICK],
    [CONNECT_WITHIN_MS, TICK],
  ]);
  expect(actions).toEqual(["drop"]);
  expect(connection).toMatchObject({ state: "waiting", attempt: 1 });
});

test("lk4 goodbye says when to come back, or not to", () => {
  const later = step(OPEN, { event: "bye", reason: "Upgrading.", retryMs: 3_000 }, 1_000, 1);
  expect(later).toEqual({
    connection: { state: "waiting", attempt: 0, downSinceMs: 1_000, retryAtMs: 4_000, reason: "Upgrading." },
    actions: ["drop"],
  });
  const never = step(OPEN, { event: "bye", reason: "Reload.", retryMs: -1 }, 1_000, 1).connection;
  expect(never).toEqual({ state: "closed", reason: "Reload." });
  expect(dueMs(never)).toBeNull();
  for (const event of [TICK, { event: "wake" }, { event: "lost", reason: "" }] as const) {
    expect(step(never, event, 9_000, 1)).toEqual({ connection: never, actions: [] });
  }
});

test("lw5 an open link moves to a better way at once; one that is not open does not", () => {
  const moved = run([[1_000, { event: "move" }]], OPEN);
  expect(moved.actions).toEqual(["connect"]);
  expect(moved.connection).toMatchObject({ state: "connecting", attempt: 0, downSinceMs: 1_000, reason: "" });
  expect(run([[1_000, { event: "move" }]]).actions).toEqual([]);
});
