/** What outputs must be told by whoever shows them: where blobs and files are. */

import type { ReadonlySignal } from "@preact/signals";
import { type ComponentChildren, createContext } from "preact";
import { useContext } from "preact/hooks";
import type { BlobRef } from "../core/wire.ts";

export interface OutputSettings {
  blobUrl(blob: BlobRef): string;
  /** Address of a file named relative to the notebook's folder. */
  fileUrl(relative: string): string;
  /** Address of the page that outputs with scripts run in. Its response carries the sandbox and the policy. */
  frameUrl(remote: boolean): string;
  /** Address of the page in which a library of ours draws. */
  drawingUrl(remote: boolean): string;
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

export function useOutputSettings(): OutputSettings {
  const settings = useContext(OutputSettingsContext);
  if (settings === null) throw new Error("An output stands outside of OutputSettingsContext.");
  return settings;
}

/** How often this browser signed in again, as far as it is known. */
export function useRenewals(): number {
  return useOutputSettings().renewals?.value ?? 0;
}
