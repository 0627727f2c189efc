/** Which of a bundle's MIME types is shown, and how. Pure. */

import type { BlobRef, Json } from "../core/wire.ts";

export type MimeFamily =
  | "html"
  | "markdown"
  | "latex"
  | "svg"
  | "image"
  | "json"
  | "javascript"
  | "pdf"
  | "text"
  | "widget"
  | "plot";

const FAMILIES: Readonly<Record<string, MimeFamily>> = {
  "application/vnd.jupyter.widget-view+json": "widget",
  "application/vnd.plotly.v1+json": "plot",
  // Altair writes a dot since its sixth version.
  "application/vnd.vegalite.v6.json": "plot",
  "application/vnd.vegalite.v6+json": "plot",
  "application/vnd.vegalite.v5.json": "plot",
  "application/vnd.vegalite.v5+json": "plot",
  "application/vnd.vegalite.v4+json": "plot",
  "application/vnd.vega.v6.json": "plot",
  "application/vnd.vega.v6+json": "plot",
  "application/vnd.vega.v5.json": "plot",
  "application/vnd.vega.v5+json": "plot",
  "text/html": "html",
  "text/markdown": "markdown",
  "text/latex": "latex",
  "image/svg+xml": "svg",
  "image/png": "image",
  "image/jpeg": "image",
  "image/gif": "image",
  "image/webp": "image",
  "image/avif": "image",
  "image/bmp": "image",
  "application/pdf": "pdf",
  "application/geo+json": "json",
  "application/json": "json",
  "application/javascript": "javascript",
  "text/javascript": "javascript",
  "text/plain": "text",
};

/** The richest first; the order of Jupyter's own pages. */
const ORDER = Object.keys(FAMILIES);

export interface Bundle {
  readonly data: Readonly<Record<string, Json>>;
  readonly metadata: Readonly<Record<string, Json>>;
  readonly blobs: Readonly<Record<string, BlobRef>>;
}

/** Where the content of the chosen type is: here, or to be fetched. */
export type Chosen =
  | { readonly family: MimeFamily; readonly mime: string; readonly value: Json }
  | { readonly family: MimeFamily; readonly mime: string; readonly blob: BlobRef }
  | { readonly family: "unknown"; readonly mimes: readonly string[] };

export function chooseMime(bundle: Bundle): Chosen {
  for (const mime of ORDER) {
    const family = FAMILIES[mime];
    if (family === undefined) continue;
    const value = bundle.data[mime];
    if (value !== undefined && !(mime !== "text/plain" && value === "")) return { family, mime, value };
    const blob = bundle.blobs[mime];
    if (blob !== undefined) return { family, mime, blob };
  }
  const mimes = [...Object.keys(bundle.data), ...Object.keys(bundle.blobs)].sort();
  const [json] = mimes.filter(mime => /^application\/(?!vnd\.).*\+json$/.test(mime));
  const value = json === undefined ? undefined : bundle.data[json];
  if (json !== undefined && value !== undefined) return { family: "json", mime: json, value };
  return { family: "unknown", mimes };
}

/** A MIME value as text; a file may hold a list of lines. */
export function textOf(value: Json): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value) && value.every(line => typeof line === "string")) return value.join("");
  return JSON.stringify(value, null, 2);
}

/** What metadata says about one MIME type: `{"image/png": {"width": 640}}`, or the same keys without the type. */
export function metadataOf(
  metadata: Readonly<Record<string, Json>>,
  mime: string,
  key: string,
): Json | undefined {
  const own = metadata[mime];
  if (isObject(own)) {
    const value = own[key];
    if (value !== undefined) return value;
  }
  return metadata[key];
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
