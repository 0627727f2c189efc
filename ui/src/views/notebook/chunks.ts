/** What the notebook page loads after its first paint. */

import { lazy } from "../../outputs/lazy.ts";

/** CodeMirror and all that belongs to it. */
// By name: an import of the whole module would cost a request for the bundler's run time.
export const editorChunk = lazy(() =>
  import("../../editor/index.ts").then(({ createEditor, highlight }) => ({ createEditor, highlight })),
);

/** Finding in outputs. Sources are found without. */
export const seekChunk = lazy(() => import("../../outputs/seek.ts"));

/** The headings beside the cells, for those who have them open. */
export const outlineChunk = lazy(() => import("./outline.tsx").then(({ Outline }) => ({ Outline })));
