/**
 * Cells on the system clipboard: JSON for us and for other tabs, text for everyone else.
 *
 * Cells of other programs (nbformat's own JSON) are understood too. Pasted cells
 * are new: they get new ids. What is read is anybody's, and checked.
 */

import type { BlobRef, Cell, CellKind, Json, Output } from "./wire.ts";

type JsonObject = Readonly<Record<string, Json>>;

/** Return what to put on the clipboard. */
export function cellsToClipboard(cells: readonly Cell[]): { readonly json: string; readonly text: string } {
  return { json: JSON.stringify({ cells }), text: cells.map(cell => cell.source).join("\n\n") };
}

/** Return new cells from the clipboard; plain text becomes one code cell; nothing usable: none. */
export function cellsFromClipboard(
  data: { readonly json: string | null; readonly text: string | null },
  newId: (length: number) => string,
): readonly Cell[] {
  for (const text of [data.json, data.text]) {
    const cells = text === null ? [] : cellsIn(text, newId);
    if (cells.length > 0) return cells;
  }
  if (data.text === null || data.text === "") return [];
  return [newCell("code", newId(8), data.text.replaceAll("\r\n", "\n"))];
}

/** An empty cell. */
export function newCell(kind: CellKind, id: string, source = ""): Cell {
  return {
    id,
    kind,
    source,
    metadata: {},
    outputs: [],
    execution_count: null,
    attachments: null,
    extra: {},
  };
}

function cellsIn(text: string, newId: (length: number) => string): readonly Cell[] {
  if (!/^\s*[[{]/.test(text)) return [];
  let value: Json;
  try {
    value = JSON.parse(text);
  } catch {
    return [];
  }
  const list = Array.isArray(value)
    ? value
    : isObject(value) && Array.isArray(value.cells)
      ? value.cells
      : [];
  return list.flatMap(item => {
    const cell = isObject(item) ? cellOf(item, newId(8)) : null;
    return cell === null ? [] : [cell];
  });
}

/** Ours says `kind`, nbformat `cell_type`; sources and streams may be lists of lines there. */
function cellOf(value: JsonObject, id: string): Cell | null {
  const kind = kindOf(value.kind ?? value.cell_type);
  const source = textOf(value.source);
  if (kind === null || source === null) return null;
  const isCode = kind === "code";
  const count = value.execution_count;
  return {
    ...newCell(kind, id, source),
    metadata: objectOf(value.metadata),
    outputs: isCode && Array.isArray(value.outputs) ? value.outputs.flatMap(outputOf) : [],
    execution_count: isCode && typeof count === "number" ? count : null,
    attachments: !isCode && isObject(value.attachments) ? value.attachments : null,
  };
}

function outputOf(value: Json): readonly Output[] {
  if (!isObject(value)) return [];
  switch (value.output_type) {
    case "stream": {
      const text = textOf(value.text);
      // Parts in blobs stay with their notebook: head and tail are what is copied.
      if (text === null || typeof value.name !== "string") return [];
      const head = textOf(value.head) ?? "";
      return [
        {
          output_type: "stream",
          name: value.name,
          text: head + text,
          head: "",
          spilled: [],
          column: -1,
          extra: {},
        },
      ];
    }
    case "display_data":
      return [{ output_type: "display_data", ...bundleOf(value), display_id: null, extra: {} }];
    case "execute_result": {
      const count = value.execution_count;
      return [
        {
          output_type: "execute_result",
          ...bundleOf(value),
          execution_count: typeof count === "number" ? count : null,
          display_id: null,
          extra: {},
        },
      ];
    }
    case "error":
      return [
        {
          output_type: "error",
          ename: textOf(value.ename) ?? "",
          evalue: textOf(value.evalue) ?? "",
          traceback: Array.isArray(value.traceback)
            ? value.traceback.filter(line => typeof line === "string")
            : [],
          extra: {},
        },
      ];
    default:
      return [];
  }
}

function bundleOf(value: JsonObject): {
  readonly data: JsonObject;
  readonly metadata: JsonObject;
  readonly blobs: Readonly<Record<string, BlobRef>>;
} {
  const data = Object.entries(objectOf(value.data)).map(([type, content]): [string, Json] => {
    const lines = type.endsWith("json") ? null : textOf(content);
    return [type, lines ?? content];
  });
  const blobs = Object.entries(objectOf(value.blobs)).flatMap(([type, blob]): [string, BlobRef][] => {
    const found = blobOf(blob);
    return found === null ? [] : [[type, found]];
  });
  return {
    data: Object.fromEntries(data),
    metadata: objectOf(value.metadata),
    blobs: Object.fromEntries(blobs),
  };
}

function blobOf(value: Json): BlobRef | null {
  if (!isObject(value)) return null;
  const { sha256, size_bytes: size, media_type: type, newline } = value;
  if (typeof sha256 !== "string" || typeof size !== "number" || typeof type !== "string") return null;
  return { sha256, size_bytes: size, media_type: type, newline: newline === true };
}

function kindOf(value: Json | undefined): CellKind | null {
  return value === "code" || value === "markdown" || value === "raw" ? value : null;
}

function textOf(value: Json | undefined): string | null {
  if (typeof value === "string") return value;
  if (Array.isArray(value) && value.every(line => typeof line === "string")) return value.join("");
  return null;
}

function objectOf(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
