/** Pictures that travel inside a text cell. Pure. */

import type { Json } from "../../core/wire.ts";

/** A data address for an attachment: only pictures, and of those not SVG's scripts (an `<img>` runs none). */
export function attachmentUrl(
  attachments: Readonly<Record<string, Json>> | null,
  name: string,
): string | undefined {
  const bundle = attachments?.[name];
  if (bundle === null || typeof bundle !== "object" || Array.isArray(bundle)) return undefined;
  for (const [mime, value] of Object.entries(bundle)) {
    if (!/^image\/[\w.+-]+$/.test(mime)) continue;
    const data = Array.isArray(value) ? value.join("") : value;
    if (typeof data !== "string") continue;
    if (mime === "image/svg+xml" && data.trimStart().startsWith("<")) {
      return `data:${mime};charset=utf-8,${encodeURIComponent(data)}`;
    }
    return `data:${mime};base64,${data.replace(/[^A-Za-z0-9+/=]/g, "")}`;
  }
  return undefined;
}
