/** The terminal page: the link that feeds it, the view, and xterm.js. */

export { makeClient } from "./link/browser.ts";
export { view } from "./views/terminal/index.tsx";
