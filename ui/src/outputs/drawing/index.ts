/** What the chunk `drawing` holds. */

export { Plot } from "./plot.tsx";
export { Widget } from "./widget.tsx";
