/** One text file over HTTP: read with its revision, written only over that revision. */

import { RestError, xsrfToken } from "../../rest.ts";

/** Larger ones are for download: an editor in a browser does them no good. */
export const EDIT_LIMIT_BYTES = 5_000_000;

export type Loaded =
  | { readonly kind: "text"; readonly text: string; readonly etag: string | null }
  | { readonly kind: "too-large"; readonly bytes: number }
  | { readonly kind: "binary"; readonly bytes: number };

export async function loadText(address: string, signal: AbortSignal): Promise<Loaded> {
  const response = await ask(address, { credentials: "same-origin", cache: "no-cache", signal });
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
export async function saveText(address: string, text: string, etag: string | null): Promise<string | null> {
  const headers = new Headers({ "Content-Type": "application/octet-stream" });
  if (etag !== null) headers.set("If-Match", etag);
  const token =
    xsrfToken(document.cookie) ??
    document.querySelector<HTMLMetaElement>('meta[name="carnet-xsrf"]')?.content;
  if (token) headers.set("X-XSRFToken", token);
  const response = await ask(address, { method: "PUT", credentials: "same-origin", headers, body: text });
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

async function ask(address: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(address, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new RestError(0, "The server cannot be reached. Check the connection and try again.");
  }
  if (!response.ok) throw new RestError(response.status, await sentenceOf(response));
  return response;
}

async function sentenceOf(response: Response): Promise<string> {
  try {
    const answer: unknown = await response.json();
    if (
      typeof answer === "object" &&
      answer !== null &&
      "message" in answer &&
      typeof answer.message === "string"
    ) {
      return answer.message;
    }
  } catch {
    // Not ours: the status says what there is to say.
  }
  return response.status === 404 ? "There is no such file." : `The server answered ${response.status}.`;
}
