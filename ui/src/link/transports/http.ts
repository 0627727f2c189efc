/**
 * Frames over plain HTTP, for where something in between lets no WebSocket through: POST up; down a response without
 * an end (`stream`), or one that ends as soon as there is something (`poll`). Rules HL1 to HL13: docs/specs/link-http.md.
 *
 * A cut request is asked again: only what the server does not know any more ends the transport.
 */

import type { OpenTransport, Transport, TransportEvents } from "./transport.ts";

/** In one request: below the cap of 1 MB that proxies have. */
export const REQUEST_BYTES = 512 << 10;
const SMALLEST_REQUEST_BYTES = 4 << 10;
/** Requests in a row that came to nothing. */
export const TRIES = 5;
const RETRY_MS = 150;
/** Between polls of a tab that may not hold a connection. */
export const SHORT_POLL_MS = 1_000;

export interface HttpSurroundings {
  readonly fetch: typeof fetch;
  /** What shows that a request comes from a page of ours. */
  headers(): Readonly<Record<string, string>>;
  later(delayMs: number, callback: () => void): () => void;
  /** Leave to hold a connection, of which browsers have few; returns how to give it back. Null: all are taken. */
  hold(): Promise<(() => void) | null>;
}

type Down = "stream" | "poll";

/** `base`: the server's base URL, absolute, with a slash at its end. */
export function httpTransport(base: string, down: Down, around: HttpSurroundings): Transport {
  return { name: down, open: events => new HttpLine(base, down, around, events) };
}

class HttpLine implements OpenTransport {
  readonly #base: string;
  readonly #down: Down;
  readonly #around: HttpSurroundings;
  readonly #events: TransportEvents;
  readonly #abort = new AbortController();
  #address = "";
  #over = false;
  #release: (() => void) | null = null;
  /** Frames to go up, and how much of the first one is there already. */
  #queue: Uint8Array[] = [];
  #offset = 0;
  #number = 1;
  #isPosting = false;
  #requestBytes = REQUEST_BYTES;
  /** Frames that came down. */
  #has = 0;
  readonly #pauses = new Set<() => void>();

  constructor(base: string, down: Down, around: HttpSurroundings, events: TransportEvents) {
    this.#base = base;
    this.#down = down;
    this.#around = around;
    this.#events = events;
    void this.#begin();
  }

  send(frame: Uint8Array): void {
    if (this.#over) return;
    // Its own bytes: the encoder's buffer may be used again before they are sent.
    this.#queue.push(frame.slice());
    void this.#post();
  }

  close(): void {
    if (this.#over) return;
    this.#end();
    if (this.#address === "") return;
    const init = { method: "DELETE", headers: this.#around.headers(), keepalive: true };
    this.#around.fetch(this.#address, init).catch(() => {});
  }

  #end(): void {
    this.#over = true;
    this.#abort.abort();
    this.#release?.();
    this.#endPauses();
  }

  #lost(reason: string): void {
    if (this.#over) return;
    this.#end();
    this.#events.lost(reason);
  }

  async #begin(): Promise<void> {
    this.#release = await this.#around.hold();
    if (this.#over) return this.#release?.();
    if (this.#release === null && this.#down === "stream")
      return this.#lost("Too many tabs hold a connection.");
    const response = await this.#ask("link/http", { method: "POST" });
    const opened: unknown = await response?.json().catch(() => null);
    if (this.#over) return;
    if (response === null || response.status !== 201) return this.#lost(reasonOf(response));
    if (typeof opened !== "object" || opened === null || !("id" in opened) || typeof opened.id !== "string")
      return this.#lost(STRANGE);
    this.#address = `${this.#base}link/http/${opened.id}`;
    void this.#read();
    this.#events.opened();
    void this.#post();
  }

  // ---- up

  async #post(): Promise<void> {
    if (this.#isPosting || this.#address === "") return;
    this.#isPosting = true;
    let tries = 0;
    // The same one until it is answered: the server may have it, and does not look at its number twice (HL3).
    let request = this.#nextRequest();
    while (!this.#over && request.body.length > 0) {
      const query = `?number=${this.#number}&has=${this.#has}`;
      const response = await this.#ask(this.#address + query, { method: "POST", body: request.body });
      if (this.#over) return;
      if (response?.status === 204) {
        tries = 0;
        this.#number += 1;
        this.#queue.splice(0, request.frames);
        this.#offset = request.offset;
        request = this.#nextRequest();
        // What is asked may be answered now.
        this.#endPauses();
      } else if (response?.status === 413 && this.#requestBytes > SMALLEST_REQUEST_BYTES) {
        // Not ours: a proxy has a smaller cap, and has not passed it on.
        this.#requestBytes /= 4;
        request = this.#nextRequest();
      } else {
        tries += 1;
        if (isFinal(response) || tries >= TRIES) return this.#lost(reasonOf(response));
        await this.#pause(RETRY_MS * 2 ** tries);
      }
    }
    this.#isPosting = false;
  }

  /** As much of what waits as a request takes, and what of the queue is done when it has arrived. */
  #nextRequest(): { body: Uint8Array<ArrayBuffer>; frames: number; offset: number } {
    const pieces: { readonly bytes: Uint8Array; readonly more: boolean }[] = [];
    let size = 0;
    let frames = 0;
    let offset = this.#offset;
    for (const frame of this.#queue) {
      const room = this.#requestBytes - size - 5;
      if (room <= 0) break;
      const bytes = frame.subarray(offset, offset + room);
      const more = offset + bytes.length < frame.length;
      pieces.push({ bytes, more });
      size += bytes.length + 5;
      if (more) {
        offset += bytes.length;
        break;
      }
      frames += 1;
      offset = 0;
    }
    const body = new Uint8Array(size);
    const view = new DataView(body.buffer);
    let at = 0;
    for (const { bytes, more } of pieces) {
      view.setUint8(at, more ? 1 : 0);
      view.setUint32(at + 1, bytes.length);
      body.set(bytes, at + 5);
      at += bytes.length + 5;
    }
    return { body, frames, offset };
  }

  // ---- down

  async #read(): Promise<void> {
    let tries = 0;
    while (!this.#over) {
      const hold = this.#release === null ? "0" : "1";
      const query = this.#down === "stream" ? "" : `&hold=${hold}`;
      const response = await this.#ask(`${this.#address}/${this.#down}?after=${this.#has}${query}`, {});
      if (this.#over) return;
      const came = response?.status === 200 && (await this.#take(response));
      if (this.#over) return;
      tries = came ? 0 : tries + 1;
      if (isFinal(response) || tries >= TRIES) return this.#lost(reasonOf(response));
      if (tries > 0) await this.#pause(RETRY_MS * 2 ** tries);
      else if (hold === "0") await this.#pause(SHORT_POLL_MS);
    }
  }

  /** Take the frames of a response as they come. False: nothing came, not even a sign of life. */
  async #take(response: Response): Promise<boolean> {
    if (response.body === null || response.headers.get("Content-Type") !== "application/octet-stream") {
      this.#lost(STRANGE);
      return false;
    }
    const reader = response.body.getReader();
    const frames = new Frames();
    let came = false;
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done || this.#over) return came;
        came = true;
        for (const frame of frames.add(value)) {
          this.#has += 1;
          this.#events.received(frame);
          if (this.#over) return true;
        }
      }
    } catch {
      return came; // cut; what is not whole comes again
    }
  }

  async #ask(address: string, init: RequestInit): Promise<Response | null> {
    const where = address.startsWith(this.#base) ? address : this.#base + address;
    const headers = this.#around.headers();
    try {
      return await this.#around.fetch(where, {
        ...init,
        headers,
        cache: "no-store",
        signal: this.#abort.signal,
      });
    } catch {
      return null;
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise(resolve => {
      const end = (): void => {
        cancel();
        this.#pauses.delete(end);
        resolve();
      };
      const cancel = this.#around.later(delayMs, end);
      this.#pauses.add(end);
    });
  }

  #endPauses(): void {
    for (const end of [...this.#pauses]) end();
  }
}

/** Puts frames together from the pieces in which bytes arrive. */
class Frames {
  #bytes = new Uint8Array(4096);
  #length = 0;

  /** The frames that are whole now; without those of no bytes, which only say that the line lives. */
  add(bytes: Uint8Array): Uint8Array[] {
    this.#append(bytes);
    const view = new DataView(this.#bytes.buffer);
    const whole: Uint8Array[] = [];
    let at = 0;
    while (this.#length - at >= 4) {
      const size = view.getUint32(at);
      if (this.#length - at - 4 < size) break;
      if (size > 0) whole.push(this.#bytes.slice(at + 4, at + 4 + size));
      at += 4 + size;
    }
    this.#bytes.copyWithin(0, at, this.#length);
    this.#length -= at;
    return whole;
  }

  #append(bytes: Uint8Array): void {
    const needed = this.#length + bytes.length;
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = needed;
  }
}

/** Asking again would not help. */
function isFinal(response: Response | null): boolean {
  return response !== null && response.status >= 400 && response.status < 500 && response.status !== 408;
}

const STRANGE = "Something in between answers in place of the server.";

function reasonOf(response: Response | null): string {
  if (response === null) return "The connection was lost.";
  if (response.status === 404) return "The server ended the connection.";
  return response.ok ? "Nothing comes through." : `The answer to a request was ${response.status}.`;
}
