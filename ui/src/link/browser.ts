/** The link in a real browser: its clock, timers, storage, locks, and the events that say what the network does. */

import { strings } from "../strings.ts";
import { Client, type ClientLocks, type Explained, type Surroundings } from "./client.ts";
import { openJournal } from "./journal.ts";
import { webSocketTransport } from "./transports/websocket.ts";

/** `base`: the server's base URL, absolute, with a slash at its end. `version`: the server's when it sent the page. */
export function makeClient(
  base: string,
  version: string | null,
  told: Pick<Surroundings, "closed" | "stranger">,
): Client {
  const surroundings: Surroundings = {
    ...told,
    nowMs: () => Date.now(),
    chance: () => Math.random(),
    newId,
    later: (delayMs, callback) => {
      const timer = setTimeout(callback, delayMs);
      return () => clearTimeout(timer);
    },
    online: () => navigator.onLine,
    explain: reason => explain(base, reason),
    transports: [webSocketTransport(base)],
    openJournal: user => openJournal(indexedDB, `${new URL(base).pathname} ${user}`),
    locks: makeLocks(),
  };
  const client = new Client(surroundings, version);
  window.addEventListener("online", () => client.wake());
  window.addEventListener("offline", () => client.offline());
  window.addEventListener("pageshow", () => client.wake());
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) client.wake();
  });
  return client;
}

/** A WebSocket does not say why it could not be opened. Plain HTTP does. */
async function explain(base: string, reason: string): Promise<Explained> {
  try {
    const answer = await fetch(`${base}api/me`, { cache: "no-store", signal: AbortSignal.timeout(5_000) });
    if (answer.ok) return { reason: strings.webSocketBlocked, signedOut: false };
    const said: unknown = answer.status === 403 ? await answer.json() : null;
    const signedOut = typeof said === "object" && said !== null && Reflect.get(said, "reason") === "login";
    return { reason: signedOut ? strings.signedOut : reason, signedOut };
  } catch {
    return { reason: navigator.onLine ? strings.serverUnreachable : reason, signedOut: false };
  }
}

/** A random id of `[0-9a-z]`, as `carnet.ids.new_id` makes them. */
export function newId(length: number): string {
  let id = "";
  while (id.length < length) {
    for (const byte of crypto.getRandomValues(new Uint8Array(length * 2))) {
      // 252 is the largest multiple of 36 in a byte: above it, characters would not be equally likely.
      if (byte < 252 && id.length < length) id += (byte % 36).toString(36);
    }
  }
  return id;
}

/** Only secure contexts have locks; without them, what dead tabs left waits for a page that has. */
function makeLocks(): ClientLocks | null {
  if (!("locks" in navigator)) return null;
  const { locks } = navigator;
  const nameOf = (clientId: string): string => `carnet-client-${clientId}`;
  return {
    hold(clientId) {
      void locks.request(nameOf(clientId), () => new Promise<never>(() => {}));
    },
    withDead: (clientId, work) =>
      locks.request(nameOf(clientId), { ifAvailable: true }, async lock => {
        if (lock === null) return false;
        await work();
        return true;
      }),
  };
}
