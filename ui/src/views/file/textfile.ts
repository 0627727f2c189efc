/** One text file over HTTP: read with its revision, written only over that revision. */

import { type Rest, RestError } from "../../rest.ts";

/** Larger ones are for download: an editor in a browser does them no good. */
export const EDIT_LIMIT_BYTES = 5_000_000;

export type Loaded =
  | { readonly kind: "text"; readonly text: string; readonly etag: string | null }
  | { readonly kind: "too-large"; readonly bytes: number }
  | { readonly kind: "binary"; readonly bytes: number };

export async function loadText(rest: Rest, address: string, signal: AbortSignal): Promise<Loaded> {
  const response = await plainly(
    rest.send("GET", address, { headers: new Headers(), cache: "no-cache", signal }),
  );
  const bytes = Number(response.headers.get("Content-Length") ?? "0");
  if (bytes > EDIT_LIMIT_BYTES) {
    await response.body?.cancel();
    return { kind: "too-large", bytes };
  }
  const data = await response.arrayBuffer();
  const text = decodeUtf8(data);
  return text === undefined
    ? { kind: "binary", bytes: data.byteLength }
    : { kind: "text", text, etag: response.headers.get("Etag") };
}

/** Write the file; `etag`: only if it still is that revision. Returns the new revision. */
export async function saveText(
  rest: Rest,
  address: string,
  text: string,
  etag: string | null,
): Promise<string | null> {
  const headers = new Headers({ "Content-Type": "application/octet-stream" });
  if (etag !== null) headers.set("If-Match", etag);
  const response = await plainly(rest.send("PUT", address, { headers, body: text }));
  return response.headers.get("Etag");
}

/** Text, or undefined when these bytes are no text. */
export function decodeUtf8(data: ArrayBuffer): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
    return text.includes("\0") ? undefined : text;
  } catch {
    return undefined;
  }
}

async function plainly(answer: Promise<Response>): Promise<Response> {
  try {
    return await answer;
  } catch (error) {
    // The general sentence speaks of what was there before.
    if (error instanceof RestError && error.status === 404)
      throw new RestError(404, "There is no such file.");
    throw error;
  }
}
