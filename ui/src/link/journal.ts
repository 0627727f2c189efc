/**
 * The offline journal: what this tab asked for and the server has not decided, kept in IndexedDB.
 *
 * Written before an intent is sent, removed when it is decided. When a tab dies,
 * the next one that opens the notebook brings its intents home. A tab holds a
 * lock named after its client id for as long as it lives; a lock that is free
 * means a tab that is gone.
 */

import type { StoredItem } from "../core/pending.ts";
import type { StoredChanges } from "../core/store.ts";
import type { ClientId, NotebookPath } from "../core/wire.ts";

export interface Orphan {
  readonly clientId: ClientId;
  readonly items: readonly StoredItem[];
}

export interface OfflineJournal {
  write(path: NotebookPath, clientId: ClientId, changes: StoredChanges): Promise<void>;
  /** What all other clients left for this notebook, in order. Some may be alive. */
  others(path: NotebookPath, clientId: ClientId): Promise<readonly Orphan[]>;
  forget(path: NotebookPath, clientId: ClientId): Promise<void>;
}

/** Where nothing can be kept (private windows, no IndexedDB): this tab's memory is all there is. */
export const NO_JOURNAL: OfflineJournal = {
  write: async () => {},
  others: async () => [],
  forget: async () => {},
};

interface Row {
  readonly path: NotebookPath;
  readonly clientId: ClientId;
  readonly number: number;
  readonly item: StoredItem;
}

const STORE = "intents";

/** Open the journal of one user of one server. `scope` names both: another user's edits are not ours to send. */
export async function openJournal(factory: IDBFactory, scope: string): Promise<OfflineJournal> {
  const database = await opened(factory, `carnet ${scope}`);
  return {
    async write(path, clientId, changes) {
      const transaction = database.transaction(STORE, "readwrite");
      const store = transaction.objectStore(STORE);
      for (const item of changes.put) {
        const row: Row = { path, clientId, number: item.number, item };
        store.put(row);
      }
      for (const number of changes.remove) store.delete([path, clientId, number]);
      await finished(transaction);
    },
    async others(path, clientId) {
      const transaction = database.transaction(STORE, "readonly");
      const found = await rows(transaction, path);
      const byClient = new Map<ClientId, StoredItem[]>();
      for (const row of found) {
        if (row.clientId === clientId) continue;
        byClient.set(row.clientId, [...(byClient.get(row.clientId) ?? []), row.item]);
      }
      return [...byClient].map(([id, items]) => ({ clientId: id, items }));
    },
    async forget(path, clientId) {
      const transaction = database.transaction(STORE, "readwrite");
      transaction.objectStore(STORE).delete(IDBKeyRange.bound([path, clientId], [path, clientId, []]));
      await finished(transaction);
    },
  };
}

function opened(factory: IDBFactory, name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = factory.open(name, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(STORE, { keyPath: ["path", "clientId", "number"] });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("The browser's storage is in use by an older page."));
  });
}

function finished(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
    transaction.onerror = () => reject(transaction.error);
  });
}

/** Rows of a notebook, by client and number. */
function rows(transaction: IDBTransaction, path: NotebookPath): Promise<readonly Row[]> {
  return new Promise((resolve, reject) => {
    const request: IDBRequest<Row[]> = transaction
      .objectStore(STORE)
      .getAll(IDBKeyRange.bound([path], [path, []]));
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
