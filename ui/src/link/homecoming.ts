/**
 * Bring home what dead tabs left for a notebook.
 *
 * What they may have sent goes again under their own client id and numbers, so
 * that nothing is done twice; an intent that does nothing, with the next number,
 * tells by its decision that all before it are decided. What they certainly did
 * not send is made here, as our own, on the text as it stands now.
 */

import type { Outgoing, StoredItem } from "../core/pending.ts";
import type { NotebookStore } from "../core/store.ts";
import type { ClientId, Refusal } from "../core/wire.ts";
import type { ClientLocks } from "./client.ts";
import type { OfflineJournal } from "./journal.ts";

/** How the link tells a homecoming what happens. */
export interface Homecoming {
  decided(clientId: ClientId, number: number, refusal: Refusal | null): void;
  interrupted(): void;
}

export interface HomecomingOptions {
  readonly journal: OfflineJournal;
  readonly locks: ClientLocks;
  readonly store: NotebookStore;
  readonly clientId: ClientId;
  nowMs(): number;
  send(clientId: ClientId, outgoing: Outgoing): void;
  begun(homecoming: Homecoming): void;
}

/** Returns false when the link was lost before all were home. */
export async function bringHome(options: HomecomingOptions): Promise<boolean> {
  const { journal, locks, store } = options;
  const path = store.path.peek();
  let complete = true;
  try {
    for (const orphan of await journal.others(path, options.clientId)) {
      await locks.withDead(orphan.clientId, async () => {
        const home = complete && (await bringOne(options, orphan.clientId, orphan.items));
        if (home) await journal.forget(path, orphan.clientId);
        complete &&= home;
      });
    }
  } catch {
    // The browser's storage fails: what is there stays there for the next page.
    return true;
  }
  return complete;
}

async function bringOne(
  options: HomecomingOptions,
  clientId: ClientId,
  items: readonly StoredItem[],
): Promise<boolean> {
  const sent = items.filter(item => item.sealed);
  const refused = await sendAgain(options, clientId, sent);
  if (refused === null) return false;
  for (const item of items) {
    if (!item.sealed || refused.has(item.number)) options.store.adopt(item);
  }
  return true;
}

/** Returns the numbers that were refused since their base was too old; null: the link was lost. */
function sendAgain(
  options: HomecomingOptions,
  clientId: ClientId,
  items: readonly StoredItem[],
): Promise<ReadonlySet<number> | null> {
  if (items.length === 0) return Promise.resolve(new Set());
  // Higher than any number that was counted, and than that of an attempt before this one, which may be decided.
  const last = options.nowMs();
  const tooOld = new Set<number>();
  return new Promise(resolve => {
    options.begun({
      decided(decidedFor, number, refusal) {
        if (decidedFor !== clientId) return;
        if (refusal === "too-old") tooOld.add(number);
        if (number === last) resolve(tooOld);
      },
      interrupted: () => resolve(null),
    });
    for (const { number, body } of items) options.send(clientId, { number, body });
    options.send(clientId, { number: last, body: { intent: "edit", edits: [] } });
  });
}
