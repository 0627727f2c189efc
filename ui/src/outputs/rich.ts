/** The lazy chunks of outputs and text cells: Markdown with the sanitiser, drawings, and mathematics. */

import { lazy } from "./lazy.ts";

/** markdown-it and DOMPurify: what any HTML or Markdown needs. */
export const rich = lazy(() => import("./richparts.ts"));

/** Plots, and the frames that they are drawn in; the libraries are other files, one for each kind. */
export const drawing = lazy(() => import("./drawing/index.ts"));

/** MathJax. Its fonts come from our own server, piece by piece. It is large: what can be edited comes first. */
export const mathematics = lazy(async () => {
  await quiet();
  return import("./mathjax.ts");
});

/** Longest wait for quiet, milliseconds. */
const PATIENCE_MS = 300;

function quiet(): Promise<void> {
  return new Promise(resolve => {
    if (typeof requestIdleCallback === "function")
      requestIdleCallback(() => resolve(), { timeout: PATIENCE_MS });
    else setTimeout(resolve, 0);
  });
}
