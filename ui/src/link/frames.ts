/** Link frames as MessagePack. What comes is checked for being a frame we know; its content is the server's word. */

import type { ToBrowser, ToServer } from "../core/wire.ts";
import { decode, encode } from "./msgpack.ts";

const KNOWN: ReadonlySet<string> = new Set<ToBrowser["frame"]>([
  "welcome",
  "snapshot",
  "more-cells",
  "entries",
  "refused",
  "answer",
  "problem",
  "pong",
  "bye",
]);

export function encodeFrame(frame: ToServer): Uint8Array {
  return encode(frame);
}

/** Return the frame, or null when it is none of ours. */
export function decodeFrame(bytes: Uint8Array): ToBrowser | null {
  const value = decode(bytes);
  return isFrame(value) ? value : null;
}

function isFrame(value: unknown): value is ToBrowser {
  return (
    typeof value === "object" &&
    value !== null &&
    "frame" in value &&
    typeof value.frame === "string" &&
    KNOWN.has(value.frame)
  );
}
