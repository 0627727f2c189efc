/** Widgets as a file holds them: `metadata.widgets`, for notebooks without a kernel. Pure. */

import type { Comm, CommBuffer, CommId, Json } from "../../core/wire.ts";

const MIME = "application/vnd.jupyter.widget-state+json";

/** The models of a file, as comms that are not live. What is damaged is left out. */
export function savedModels(widgets: Json | undefined): ReadonlyMap<CommId, Comm> {
  const states = fields(fields(fields(widgets)[MIME]).state);
  return new Map(Object.entries(states).flatMap(([id, saved]) => modelOf(id, fields(saved))));
}

function modelOf(id: CommId, saved: Fields): [CommId, Comm][] {
  const { model_name, model_module, model_module_version, state, buffers } = saved;
  if (typeof model_name !== "string" || typeof model_module !== "string") return [];
  const data = {
    _model_module_version: model_module_version ?? "",
    ...fields(state),
    _model_name: model_name,
    _model_module: model_module,
  };
  const found = Array.isArray(buffers) ? buffers.flatMap((one: Json) => bufferOf(fields(one))) : [];
  const comm: Comm = {
    target: "jupyter.widget",
    module: "",
    data,
    buffers: found,
    live: false,
    clear_pending: false,
    column: 0,
  };
  return [[id, comm]];
}

function bufferOf({ path, data, encoding }: Fields): CommBuffer[] {
  if (!Array.isArray(path) || typeof data !== "string" || encoding !== "base64") return [];
  const parts = path.filter((part: Json) => typeof part === "string" || typeof part === "number");
  if (parts.length !== path.length) return [];
  try {
    const bytes = Uint8Array.from(atob(data), letter => letter.charCodeAt(0));
    return [{ path: parts, data: bytes, blob: null, text: false }];
  } catch {
    return [];
  }
}

interface Fields {
  readonly [key: string]: Json;
}

function fields(value: Json | undefined): Fields {
  return typeof value === "object" && value !== null && !isList(value) ? value : {};
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
