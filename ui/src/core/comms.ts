/**
 * What operations do to one comm, as `core/session/comms.py` does in Python. Pure.
 *
 * Rules SE20 to SE24: docs/specs/session.md.
 */

import { AT_END, writeText } from "./terminal-text.ts";
import type {
  ChangeComm,
  ClearComm,
  CloseComms,
  Comm,
  CommHandled,
  CommSent,
  Json,
  OpenComm,
  SetKernel,
  ShowInComm,
  TellComm,
  WriteComm,
} from "./wire.ts";

/** What whoever shows comms must know of. `SetKernel`: none of them is live any more. */
export type CommOperation =
  | OpenComm
  | ChangeComm
  | TellComm
  | WriteComm
  | ShowInComm
  | ClearComm
  | CloseComms
  | CommSent
  | CommHandled
  | SetKernel;

export function changeComm(comm: Comm, { data, buffers }: ChangeComm): Comm {
  const fresh = new Set<string | number | undefined>(Object.keys(data));
  for (const { path } of buffers) if (path.length > 0) fresh.add(path[0]);
  const kept = comm.buffers.filter(({ path }) => path.length === 0 || !fresh.has(path[0]));
  const changed = { ...comm, data: { ...comm.data, ...data }, buffers: [...kept, ...buffers] };
  return fresh.has("outputs") ? { ...changed, clear_pending: false, column: AT_END } : changed;
}

export function writeComm(comm: Comm, { name, text: added }: WriteComm): Comm {
  if (added === "") return comm;
  const ready = opened(comm);
  const outputs = outputsOf(ready);
  const last = outputs.at(-1);
  const goesOn = isObject(last) && last.output_type === "stream" && last.name === name;
  const before = goesOn && typeof last.text === "string" ? last.text : "";
  const { text, column } = writeText(before, goesOn ? ready.column : AT_END, added);
  const stream = goesOn ? { ...last, text } : { output_type: "stream", name, text };
  return withOutputs(ready, goesOn ? outputs.with(-1, stream) : [...outputs, stream], column);
}

export function showInComm(comm: Comm, { output, buffers }: ShowInComm): Comm {
  const ready = opened(comm);
  const outputs = outputsOf(ready);
  const placed = buffers.map(buffer => ({ ...buffer, path: ["outputs", outputs.length, ...buffer.path] }));
  return {
    ...withOutputs(ready, [...outputs, output], AT_END),
    buffers: [...ready.buffers, ...placed],
  };
}

export function clearComm(comm: Comm, wait: boolean): Comm {
  return wait ? { ...comm, clear_pending: true } : emptied(comm);
}

function opened(comm: Comm): Comm {
  return comm.clear_pending ? emptied(comm) : comm;
}

function emptied(comm: Comm): Comm {
  const buffers = comm.buffers.filter(({ path }) => path[0] !== "outputs");
  return { ...withOutputs(comm, [], AT_END), buffers, clear_pending: false };
}

function outputsOf({ data }: Comm): readonly Json[] {
  return Array.isArray(data.outputs) ? data.outputs : [];
}

function withOutputs(comm: Comm, outputs: readonly Json[], column: number): Comm {
  return { ...comm, data: { ...comm.data, outputs }, column };
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
