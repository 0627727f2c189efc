/** What the chunk `rich` holds. */

export { renderMarkdown } from "./markdown.ts";
export { sanitiseOutput } from "./sanitise.ts";
