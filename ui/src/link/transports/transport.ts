/**
 * What the link asks of a way to carry frames. Any that keeps order will do.
 *
 * A transport neither retries nor knows frames: bytes in, bytes out, and the end.
 */

/** None is called before `open` has returned. */
export interface TransportEvents {
  /** It can carry frames now. */
  opened(): void;
  received(frame: Uint8Array): void;
  /** It ended, or never began. Called at most once, and nothing after it. */
  lost(reason: string): void;
  /** A better way than this one is free now: a new link would take it. */
  better(): void;
}

export interface OpenTransport {
  send(frame: Uint8Array): void;
  /** End it; `lost` is not called. */
  close(): void;
}

export interface Transport {
  readonly name: string;
  open(events: TransportEvents): OpenTransport;
}
