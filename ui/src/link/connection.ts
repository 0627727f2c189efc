/**
 * Whether this tab is linked to the server, and what to do next: a pure state machine.
 *
 * It opens no socket and reads no clock: `client.ts` feeds it events with the
 * time, and does what it says. Rules LK20 to LK28: docs/specs/link-page.md.
 */

/** A dead line is noticed this long after the last sign of life, at most: less than ten seconds. */
export const PING_AFTER_MS = 5_000;
export const PONG_WITHIN_MS = 4_000;
/** After the tab was asleep, the line is suspect and gets less time. */
export const PONG_AFTER_WAKE_MS = 2_000;
export const CONNECT_WITHIN_MS = 10_000;
/** Waits between attempts; each is shortened by chance to between half and all of it, so that tabs do not come in step. */
export const RETRY_AFTER_MS: readonly number[] = [200, 500, 1_000, 2_000, 4_000, 8_000, 15_000];

export type Connection =
  /** A transport is being opened, or waits for the server's welcome. */
  | {
      readonly state: "connecting";
      readonly attempt: number;
      readonly downSinceMs: number;
      readonly untilMs: number;
      readonly reason: string;
    }
  | { readonly state: "open"; readonly heardMs: number; readonly pongUntilMs: number | null }
  | {
      readonly state: "waiting";
      readonly attempt: number;
      readonly downSinceMs: number;
      readonly retryAtMs: number;
      readonly reason: string;
    }
  /** The server said not to come back, or this page cannot speak with it. Only a person changes that. */
  | { readonly state: "closed"; readonly reason: string };

export type ConnectionEvent =
  /** The server welcomed us. */
  | { readonly event: "welcomed" }
  /** Any frame came. */
  | { readonly event: "heard" }
  | { readonly event: "lost"; readonly reason: string }
  /** The server ends the link on purpose; -1: for good. */
  | { readonly event: "bye"; readonly reason: string; readonly retryMs: number }
  /** Time has passed. */
  | { readonly event: "tick" }
  /** The network is back, or the tab is looked at again: find out now. */
  | { readonly event: "wake" }
  /** Somebody signed in again: also what was closed goes on. */
  | { readonly event: "signed-in" }
  /** A better way than the open one is free. */
  | { readonly event: "move" };

export type ConnectionAction = "connect" | "drop" | "ping";

export interface Stepped {
  readonly connection: Connection;
  readonly actions: readonly ConnectionAction[];
}

/** The first attempt of a page. */
export function begin(nowMs: number): Stepped {
  return connecting(0, nowMs, nowMs, "");
}

/** `chance`: from 0 to 1, for the wait before the next attempt. */
export function step(connection: Connection, event: ConnectionEvent, nowMs: number, chance: number): Stepped {
  switch (connection.state) {
    case "connecting":
      return whileConnecting(connection, event, nowMs, chance);
    case "open":
      return whileOpen(connection, event, nowMs, chance);
    case "waiting": {
      const isDue =
        event.event === "wake" ||
        event.event === "signed-in" ||
        (event.event === "tick" && nowMs >= connection.retryAtMs);
      if (!isDue) return { connection, actions: [] };
      return connecting(connection.attempt, connection.downSinceMs, nowMs, connection.reason);
    }
    case "closed":
      return event.event === "signed-in" ? begin(nowMs) : { connection, actions: [] };
  }
}

/** When the next `tick` is due; null: time changes nothing. */
export function dueMs(connection: Connection): number | null {
  switch (connection.state) {
    case "connecting":
      return connection.untilMs;
    case "open":
      return connection.pongUntilMs ?? connection.heardMs + PING_AFTER_MS;
    case "waiting":
      return connection.retryAtMs;
    case "closed":
      return null;
  }
}

function whileConnecting(
  connection: Extract<Connection, { state: "connecting" }>,
  event: ConnectionEvent,
  nowMs: number,
  chance: number,
): Stepped {
  const { attempt, downSinceMs } = connection;
  switch (event.event) {
    case "welcomed":
      return { connection: { state: "open", heardMs: nowMs, pongUntilMs: null }, actions: [] };
    case "lost":
      return { connection: waiting(attempt + 1, downSinceMs, nowMs, chance, event.reason), actions: [] };
    case "bye":
      return goodbye(event, attempt + 1, downSinceMs, nowMs);
    case "tick": {
      if (nowMs < connection.untilMs) return { connection, actions: [] };
      const reason = "The server does not answer.";
      return { connection: waiting(attempt + 1, downSinceMs, nowMs, chance, reason), actions: ["drop"] };
    }
    case "heard":
    case "wake":
    case "signed-in":
    case "move":
      return { connection, actions: [] };
  }
}

function whileOpen(
  connection: Extract<Connection, { state: "open" }>,
  event: ConnectionEvent,
  nowMs: number,
  chance: number,
): Stepped {
  switch (event.event) {
    case "heard":
      return { connection: { state: "open", heardMs: nowMs, pongUntilMs: null }, actions: [] };
    case "lost":
      return { connection: waiting(0, nowMs, nowMs, chance, event.reason), actions: [] };
    case "bye":
      return goodbye(event, 0, nowMs, nowMs);
    case "wake": {
      const pongUntilMs = Math.min(
        connection.pongUntilMs ?? Number.POSITIVE_INFINITY,
        nowMs + PONG_AFTER_WAKE_MS,
      );
      return { connection: { ...connection, pongUntilMs }, actions: ["ping"] };
    }
    case "tick": {
      const { heardMs, pongUntilMs } = connection;
      if (pongUntilMs !== null && nowMs >= pongUntilMs) {
        const reason = "The connection is dead: nothing comes through.";
        return { connection: waiting(0, nowMs, nowMs, chance, reason), actions: ["drop"] };
      }
      if (pongUntilMs !== null || nowMs < heardMs + PING_AFTER_MS) return { connection, actions: [] };
      return { connection: { ...connection, pongUntilMs: nowMs + PONG_WITHIN_MS }, actions: ["ping"] };
    }
    case "move":
      return connecting(0, nowMs, nowMs, "");
    case "welcomed":
    case "signed-in":
      return { connection, actions: [] };
  }
}

function connecting(attempt: number, downSinceMs: number, nowMs: number, reason: string): Stepped {
  const untilMs = nowMs + CONNECT_WITHIN_MS;
  return { connection: { state: "connecting", attempt, downSinceMs, untilMs, reason }, actions: ["connect"] };
}

function waiting(
  attempt: number,
  downSinceMs: number,
  nowMs: number,
  chance: number,
  reason: string,
): Connection {
  const longest = RETRY_AFTER_MS[Math.min(attempt, RETRY_AFTER_MS.length - 1)] ?? 0;
  const retryAtMs = nowMs + Math.round(longest * (0.5 + chance / 2));
  return { state: "waiting", attempt, downSinceMs, retryAtMs, reason };
}

function goodbye(
  event: { readonly reason: string; readonly retryMs: number },
  attempt: number,
  downSinceMs: number,
  nowMs: number,
): Stepped {
  const { reason, retryMs } = event;
  if (retryMs < 0) return { connection: { state: "closed", reason }, actions: ["drop"] };
  return {
    connection: { state: "waiting", attempt, downSinceMs, retryAtMs: nowMs + retryMs, reason },
    actions: ["drop"],
  };
}
