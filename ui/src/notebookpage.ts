/** The notebook page as one chunk: the view, and the link that feeds it. */

export { makeClient } from "./link/browser.ts";
export { view } from "./views/notebook/index.tsx";
