/** What outputs must be told by whoever shows them: where blobs and files are. */

import type { ReadonlySignal } from "@preact/signals";
import { type ComponentChildren, createContext } from "preact";
import { useContext } from "preact/hooks";
import type { CommDraft, CommListener } from "../core/model.ts";
import type { BlobRef, CellId, Comm, CommId, Json } from "../core/wire.ts";

/** What widgets are told by whoever shows them: their models, and how to reach the kernel. */
export interface WidgetHost {
  comm(id: CommId): Comm | undefined;
  all(): ReadonlyMap<CommId, Comm>;
  /** Hear of what happened to models, in order, after it did; null: all of them may be different now. */
  onComm(listener: CommListener): () => void;
  /** Resolves when the kernel has handled it, or it will not happen. Never rejects. */
  send(message: CommDraft): Promise<void>;
  /** Keep bytes that are too large for a message, and name them. */
  putBlob(bytes: Uint8Array): Promise<BlobRef>;
  /** May who reads this set anything? */
  readonly mayRun: ReadonlySignal<boolean>;
  /** `metadata.widgets` of the file. */
  readonly saved: ReadonlySignal<Json | undefined>;
  /** May modules in these models run? Those of the session come from the kernel; those of a file may be anybody's. */
  readonly mayRunScripts: boolean;
}

export interface OutputSettings {
  blobUrl(blob: BlobRef): string;
  /** Address of a file named relative to the notebook's folder. */
  fileUrl(relative: string): string;
  /** Address of the page that outputs with scripts run in. Its response carries the sandbox and the policy. */
  frameUrl(remote: boolean): string;
  /** Address of the page in which a library of ours draws. */
  drawingUrl(remote: boolean): string;
  /** Models of widgets; undefined: none is shown. */
  readonly widgets?: WidgetHost | undefined;
  /** Trust the outputs that came with the file; undefined: who reads this may not. */
  readonly trust?: (() => void) | undefined;
  /** How often this browser signed in again: what failed before is fetched anew. */
  readonly renewals?: ReadonlySignal<number> | undefined;
  /** Mark the tokens of code, as cells have them; the plain text until its language is there. Reading it in an effect subscribes. */
  readonly highlight?: ((code: string, language: string) => ComponentChildren) | undefined;
  /** Show text that is too long for the page: these parts, then `tail`. */
  openText(parts: readonly string[], tail: string): void;
}

export const OutputSettingsContext = createContext<OutputSettings | null>(null);

/** The cell whose outputs these are: what a widget has the kernel print is shown there too. */
export const OutputCellContext = createContext<CellId | null>(null);

export function useOutputSettings(): OutputSettings {
  const settings = useContext(OutputSettingsContext);
  if (settings === null) throw new Error("An output stands outside of OutputSettingsContext.");
  return settings;
}

/** How often this browser signed in again, as far as it is known. */
export function useRenewals(): number {
  return useOutputSettings().renewals?.value ?? 0;
}
