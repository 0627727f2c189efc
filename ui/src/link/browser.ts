/** The link in a real browser: its clock, timers, storage, locks, and the events that say what the network does. */

import type { ReadonlySignal } from "@preact/signals-core";
import type { LinkWay } from "../core/model.ts";
import { strings } from "../strings.ts";
import { Client, type ClientLocks, type Explained, type Surroundings } from "./client.ts";
import { encodeFrame } from "./frames.ts";
import { openJournal } from "./journal.ts";
import { type HttpSurroundings, httpTransport } from "./transports/http.ts";
import { Ladder } from "./transports/ladder.ts";
import { webSocketTransport } from "./transports/websocket.ts";

export interface Linked {
  readonly client: Client;
  readonly way: ReadonlySignal<LinkWay>;
}

/** `base`: the server's base URL, absolute, with a slash at its end. */
export function makeClient(
  base: string,
  page: {
    /** Of the server when it sent the page; null: unknown. */
    readonly version: string | null;
    /** The token that shows that a request comes from a page of ours; null: none. */
    xsrf(): string | null;
  } & Pick<Surroundings, "closed" | "stranger">,
): Linked {
  const later = (delayMs: number, callback: () => void): (() => void) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  };
  const http: HttpSurroundings = {
    fetch: (address, init) => fetch(address, init),
    headers: () => {
      const token = page.xsrf();
      return token === null ? {} : { "X-XSRFToken": token };
    },
    later,
    hold: () => holdConnection(base),
  };
  const ladder = new Ladder({
    rungs: [webSocketTransport(base), httpTransport(base, "stream", http), httpTransport(base, "poll", http)],
    later,
    ...memory(`carnet link ${new URL(base).pathname}`),
    probe: () => encodeFrame({ frame: "ping", sent_ms: 0 }),
  });
  const surroundings: Surroundings = {
    closed: page.closed,
    stranger: page.stranger,
    nowMs: () => Date.now(),
    chance: () => Math.random(),
    newId,
    later,
    online: () => navigator.onLine,
    explain: reason => explain(base, reason),
    transport: ladder,
    openJournal: user => openJournal(indexedDB, `${new URL(base).pathname} ${user}`),
    locks: makeLocks(),
  };
  const client = new Client(surroundings, page.version);
  window.addEventListener("online", () => client.wake());
  window.addEventListener("offline", () => client.offline());
  window.addEventListener("pageshow", () => client.wake());
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) client.wake();
  });
  return { client, way: ladder.way };
}

/** Which way got through last, for the next page; each network is a browser's own affair, so it stays there. */
function memory(key: string): { remembered(): string | null; remember(name: string): void } {
  let name: string | null = null;
  try {
    name = localStorage.getItem(key);
  } catch {
    // No storage in this window: each page finds out for itself.
  }
  return {
    remembered: () => name,
    remember(now) {
      if (now === name) return;
      name = now;
      try {
        localStorage.setItem(key, now);
      } catch {
        // As above.
      }
    },
  };
}

/** Browsers have six connections to a server of HTTP/1.1 for all tabs together: so many may be held. */
const HELD_CONNECTIONS = 4;

async function holdConnection(base: string): Promise<(() => void) | null> {
  const [page] = performance.getEntriesByType("navigation");
  const isShared = page instanceof PerformanceNavigationTiming && /^h[23]/.test(page.nextHopProtocol);
  if (isShared || !("locks" in navigator)) return () => {};
  for (let place = 0; place < HELD_CONNECTIONS; place += 1) {
    const release = await new Promise<(() => void) | null>(resolve => {
      void navigator.locks.request(`carnet-held-${base}-${place}`, { ifAvailable: true }, lock => {
        if (lock !== null) return new Promise<void>(done => resolve(done));
        resolve(null);
        return undefined;
      });
    });
    if (release !== null) return release;
  }
  return null;
}

/** What was tried does not say why it failed. A plain request does. */
async function explain(base: string, reason: string): Promise<Explained> {
  try {
    const answer = await fetch(`${base}api/me`, { cache: "no-store", signal: AbortSignal.timeout(5_000) });
    if (answer.ok) return { reason: strings.linkBlocked, signedOut: false };
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
