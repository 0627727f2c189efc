/** Link frames as MessagePack. What comes is checked for being a frame we know; its content is the server's word. */

import type { ToBrowser, ToServer } from "../core/wire.ts";
import { decode, encode } from "./msgpack.ts";

/** A record, not a list: the compiler asks for every frame. */
const FRAMES: Readonly<Record<ToBrowser["frame"], true>> = {
  welcome: true,
  snapshot: true,
  "more-cells": true,
  entries: true,
  refused: true,
  stalled: true,
  answer: true,
  problem: true,
  pong: true,
  attached: true,
  shown: true,
  typed: true,
  ended: true,
  "no-terminal": true,
  bye: true,
};

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
    Object.hasOwn(FRAMES, value.frame)
  );
}
