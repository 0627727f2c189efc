/** What the notebook page loads after its first paint. */

import { lazy } from "../../outputs/lazy.ts";

/** CodeMirror and all that belongs to it. */
export const editorChunk = lazy(() => import("../../editor/index.ts"));
