/**
 * Folders, files and running notebooks, through the Jupyter-shaped REST API.
 *
 * Every answer's shape is checked here; the rest of the dashboard sees only these types.
 */

import { type Rest, RestError } from "../../rest.ts";
import { nameOf } from "../places.ts";

export type EntryKind = "directory" | "notebook" | "file";

export interface Entry {
  readonly name: string;
  readonly path: string;
  readonly kind: EntryKind;
  readonly changedMs: number | null;
  readonly sizeBytes: number | null;
  readonly writable: boolean;
}

export interface Folder {
  readonly path: string;
  readonly writable: boolean;
  /** Whether what is deleted can be brought back. */
  readonly hasTrash: boolean;
  readonly entries: readonly Entry[];
}

export interface Running {
  /** The session's id, for shutting down. */
  readonly id: string;
  readonly path: string;
  readonly name: string;
  readonly kernelName: string;
  /** `idle`, `busy`, `starting`, ... */
  readonly status: string;
  readonly activeMs: number | null;
  readonly startedMs: number | null;
  readonly memoryBytes: number | null;
}

export interface Kernelspec {
  readonly name: string;
  readonly displayName: string;
  readonly language: string;
}

export interface Kernelspecs {
  readonly preferred: string;
  readonly all: readonly Kernelspec[];
}

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function number(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function time(value: unknown): number | null {
  const ms = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? null : ms;
}

function broken(what: string): RestError {
  return new RestError(
    200,
    `The server's answer about ${what} cannot be read. Is it another program than Carnet?`,
  );
}

export function readEntry(value: unknown): Entry | null {
  if (!isFields(value) || typeof value.path !== "string") return null;
  const kind = value.type === "directory" || value.type === "notebook" ? value.type : "file";
  return {
    name: text(value.name) || nameOf(value.path),
    path: value.path,
    kind,
    changedMs: time(value.last_modified),
    sizeBytes: number(value.size),
    writable: value.writable !== false,
  };
}

export function readFolder(value: unknown): Folder {
  if (!isFields(value) || !Array.isArray(value.content)) throw broken("this folder");
  return {
    path: text(value.path),
    writable: value.writable !== false,
    hasTrash: value.trash === true,
    entries: value.content.map(readEntry).filter(entry => entry !== null),
  };
}

/** The ids of what was just deleted, so that it can be brought back: of each path, the latest. */
export function readTrashed(value: unknown, paths: readonly string[]): readonly string[] {
  if (!Array.isArray(value)) throw broken("the trash");
  const items = value.filter(isFields);
  return paths.flatMap(path => {
    const found = items.find(item => item.path === path);
    return typeof found?.id === "string" ? [found.id] : [];
  });
}

export function readRunning(value: unknown): readonly Running[] {
  if (!Array.isArray(value)) throw broken("running notebooks");
  return value.filter(isFields).flatMap(session => {
    const kernel = isFields(session.kernel) ? session.kernel : {};
    const path = text(session.path);
    if (typeof session.id !== "string" || path === "") return [];
    return [
      {
        id: session.id,
        path,
        name: nameOf(path),
        kernelName: text(kernel.display_name) || text(kernel.name),
        status: text(kernel.execution_state) || "unknown",
        activeMs: time(kernel.last_activity),
        startedMs: time(kernel.started),
        memoryBytes: number(kernel.memory_bytes),
      },
    ];
  });
}

export function readKernelspecs(value: unknown): Kernelspecs {
  if (!isFields(value) || !isFields(value.kernelspecs)) throw broken("kernels");
  const all = Object.entries(value.kernelspecs).map(([name, entry]) => {
    const spec = isFields(entry) && isFields(entry.spec) ? entry.spec : {};
    return { name, displayName: text(spec.display_name) || name, language: text(spec.language) };
  });
  const preferred = text(value.default);
  all.sort((left, right) =>
    left.name === preferred
      ? -1
      : right.name === preferred
        ? 1
        : left.displayName.localeCompare(right.displayName),
  );
  return { preferred, all };
}

export function makeContents(rest: Rest) {
  return {
    list: async (path: string) => readFolder(await rest.request("GET", "api/contents", path)),
    running: async () => readRunning(await rest.request("GET", "api/sessions")),
    kernelspecs: async () => readKernelspecs(await rest.request("GET", "api/kernelspecs")),

    async create(folder: string, type: EntryKind, ext?: string): Promise<Entry> {
      const made = await rest.request("POST", "api/contents", folder, {
        json: ext ? { type, ext } : { type },
      });
      const entry = readEntry(made);
      if (entry === null) throw broken("the new file");
      return entry;
    },
    async copy(folder: string, from: string): Promise<void> {
      await rest.request("POST", "api/contents", folder, { json: { copy_from: from } });
    },
    async move(from: string, to: string): Promise<void> {
      await rest.request("PATCH", "api/contents", from, { json: { path: to } });
    },
    async remove(path: string): Promise<void> {
      await rest.request("DELETE", "api/contents", path);
    },
    async trashed(paths: readonly string[]): Promise<readonly string[]> {
      return readTrashed(await rest.request("GET", "api/trash"), paths);
    },
    async bringBack(id: string): Promise<void> {
      await rest.request("POST", "api/trash", id);
    },
    /** What lies at a path, without its content. */
    async look(path: string): Promise<Entry | null> {
      return readEntry(await rest.request("GET", "api/contents", path));
    },
    async shutDown(sessionId: string): Promise<void> {
      await rest.request("DELETE", "api/sessions", sessionId);
    },
    /** Write a file as it is, in one stream. */
    async upload(path: string, file: Blob): Promise<void> {
      await rest.request("PUT", "files", path, { body: file });
    },
    async makeFolder(path: string): Promise<void> {
      await rest.request("PUT", "api/contents", path, { json: { type: "directory" } });
    },
  };
}

export type Contents = ReturnType<typeof makeContents>;

/** The sentence of a failure. */
export function sentence(error: unknown): string {
  return error instanceof Error && error.message !== ""
    ? error.message
    : "Something went wrong, and it did not say what.";
}
