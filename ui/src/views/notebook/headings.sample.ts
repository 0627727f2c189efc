/** A small notebook with headings, for tests. */

import type { CellKind } from "../../core/wire.ts";

const cells: Record<string, { kind: CellKind; source: string }> = {
  a: { kind: "markdown", source: "# One" },
  b: { kind: "code", source: "# no heading" },
  c: { kind: "markdown", source: "## Two *words* `x`\ntext" },
  d: { kind: "code", source: "1" },
  e: { kind: "markdown", source: "## Three" },
  f: { kind: "markdown", source: "# Four\n\n### Four a" },
  g: { kind: "markdown", source: "#hash" },
};
export const order = Object.keys(cells);
export const cell = (id: string) => cells[id] ?? { kind: "raw" as const, source: "" };
