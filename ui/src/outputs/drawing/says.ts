/**
 * What a drawing's frame may say to the page. Pure.
 *
 * Only our own scripts run in it; all the same nothing that it says is taken for more than it is. Rule XS25: docs/specs/outputs.md.
 */

import type { Json } from "../../core/wire.ts";

/** A widget has something for its kernel. */
export interface SendSays {
  readonly kind: "send";
  /** Its frame counts them, and hears of each when the kernel has handled it. */
  readonly n: number;
  readonly comm_id: string;
  readonly data: Readonly<Record<string, Json>>;
  readonly buffers: readonly Uint8Array[];
}

export type DrawingSays =
  /** It waits for scripts. */
  | { readonly kind: "ready" }
  /** They ran; it waits for something to draw. */
  | { readonly kind: "started" }
  | { readonly kind: "height"; readonly px: number }
  | { readonly kind: "drawn" }
  /** How somebody turned or zoomed it, in words of its own. */
  | { readonly kind: "view"; readonly view: string }
  | { readonly kind: "failed"; readonly why: string }
  | SendSays
  | { readonly kind: "save"; readonly name: string; readonly picture: Blob };

export const MOST_HEIGHT_PX = 20_000;
const MOST_VIEW = 100_000;
const MOST_PICTURE_BYTES = 100 * 1024 * 1024;
const PICTURES = new Set(["image/png", "image/jpeg", "image/webp", "image/svg+xml"]);

/** Read a message; undefined: not one of ours. */
export function readDrawingSays(data: unknown): DrawingSays | undefined {
  if (typeof data !== "object" || data === null || !("carnet" in data)) return undefined;
  switch (data.carnet) {
    case "ready":
    case "started":
    case "drawn":
      return { kind: data.carnet };
    case "height":
      if (!("px" in data) || typeof data.px !== "number" || !Number.isFinite(data.px)) return undefined;
      return { kind: "height", px: Math.max(0, Math.min(MOST_HEIGHT_PX, Math.round(data.px))) };
    case "view":
      if (!("view" in data) || typeof data.view !== "string" || data.view.length > MOST_VIEW)
        return undefined;
      return { kind: "view", view: data.view };
    case "failed":
      return {
        kind: "failed",
        why: "why" in data && typeof data.why === "string" ? data.why.slice(0, 500) : "",
      };
    case "send":
      return readSend(data);
    case "save":
      if (!("blob" in data) || !(data.blob instanceof Blob) || !PICTURES.has(data.blob.type))
        return undefined;
      if (data.blob.size > MOST_PICTURE_BYTES) return undefined;
      return { kind: "save", name: fileName("name" in data ? data.name : ""), picture: data.blob };
    default:
      return undefined;
  }
}

function readSend(data: object): SendSays | undefined {
  if (
    !("n" in data) ||
    typeof data.n !== "number" ||
    !("comm_id" in data) ||
    typeof data.comm_id !== "string"
  )
    return undefined;
  if (!("data" in data) || !isFields(data.data)) return undefined;
  const buffers = "buffers" in data && Array.isArray(data.buffers) ? data.buffers : [];
  if (!buffers.every(one => one instanceof Uint8Array)) return undefined;
  return { kind: "send", n: data.n, comm_id: data.comm_id, data: data.data, buffers };
}

/** What was posted is a copy of its own; the server refuses what is no JSON. */
function isFields(value: unknown): value is Readonly<Record<string, Json>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A name that any system takes, without folders. */
function fileName(name: unknown): string {
  const plain = String(name)
    .replace(/[^\p{L}\p{N}._ -]/gu, "_")
    .replace(/^[. ]+/, "")
    .slice(0, 100);
  return plain === "" ? "plot" : plain;
}
