/** What of a folder is shown, and in which order. Pure. */

import type { Entry } from "./contents.ts";

export type SortKey = "name" | "changed" | "size";

export interface Sort {
  readonly key: SortKey;
  readonly descending: boolean;
}

export const BY_NAME: Sort = { key: "name", descending: false };

const names = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/** Folders come first; then the order asked for, and names where that says nothing. */
export function arrange(entries: readonly Entry[], sort: Sort, query: string): readonly Entry[] {
  const wanted = query.trim().toLocaleLowerCase();
  const found =
    wanted === "" ? [...entries] : entries.filter(entry => entry.name.toLocaleLowerCase().includes(wanted));
  const sign = sort.descending ? -1 : 1;
  return found.sort((left, right) => {
    const folders = Number(right.kind === "directory") - Number(left.kind === "directory");
    if (folders !== 0) return folders;
    const byKey =
      sort.key === "changed"
        ? (left.changedMs ?? 0) - (right.changedMs ?? 0)
        : sort.key === "size"
          ? (left.sizeBytes ?? 0) - (right.sizeBytes ?? 0)
          : 0;
    return byKey !== 0
      ? byKey * sign
      : names.compare(left.name, right.name) * (sort.key === "name" ? sign : 1);
  });
}

/** Press a column again, and it turns around. Times and sizes begin with the newest and largest. */
export function nextSort(sort: Sort, key: SortKey): Sort {
  return sort.key === key ? { key, descending: !sort.descending } : { key, descending: key !== "name" };
}

/** What is wrong with a new name, as a sentence; undefined: nothing. */
export function wrongName(name: string, taken: ReadonlySet<string>): string | undefined {
  if (name.includes("/")) return "A name cannot hold a slash. Use Move to put it into a folder.";
  if (name === "." || name === "..") return `“${name}” means a folder already. Take another name.`;
  if (new TextEncoder().encode(name).length > 255) return "This name is too long. 255 bytes are allowed.";
  if (taken.has(name)) return `There is a “${name}” here already. Take another name.`;
  return undefined;
}

/** `data.csv` → `data-1.csv`, the first that is free. */
export function freeName(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name;
  const dot = name.lastIndexOf(".");
  const [stem, ending] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  for (let number = 1; ; number += 1) {
    const candidate = `${stem}-${number}${ending}`;
    if (!taken.has(candidate)) return candidate;
  }
}

/** The paths from one row to another, both included: what Shift takes in. */
export function stretch(shown: readonly Entry[], from: string | null, to: string): readonly string[] {
  const end = shown.findIndex(entry => entry.path === to);
  const begun = shown.findIndex(entry => entry.path === from);
  const start = begun < 0 ? end : begun;
  return shown.slice(Math.min(start, end), Math.max(start, end) + 1).map(entry => entry.path);
}

/** Which of these may go into a folder by being dropped on it: not itself, and not what lies there already. */
export function movable(paths: readonly string[], folder: string): readonly string[] {
  return paths.filter(path => {
    const parent = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    return path !== folder && parent !== folder && !`${folder}/`.startsWith(`${path}/`);
  });
}

/** The folders that a path lies in, from the top: `a/b/c` → `a`, `a/b`. */
export function parentsOf(path: string): readonly string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_part, index) => parts.slice(0, index + 1).join("/"));
}
