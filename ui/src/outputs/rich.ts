/** The lazy chunks of outputs and text cells: Markdown with the sanitiser, and mathematics. */

import { lazy } from "./lazy.ts";

/** markdown-it and DOMPurify: what any HTML or Markdown needs. */
export const rich = lazy(() => import("./richparts.ts"));

/** MathJax. Its fonts come from our own server, piece by piece. */
export const mathematics = lazy(() => import("./mathjax.ts"));
