/** Do things one after another, each when the page has a quiet moment. */

const queue: (() => void)[] = [];
let scheduled = false;

/** Longest wait for quiet, milliseconds. */
const PATIENCE_MS = 400;

export function whenQuiet(work: () => void): () => void {
  queue.push(work);
  schedule();
  return () => {
    const at = queue.indexOf(work);
    if (at >= 0) queue.splice(at, 1);
  };
}

function schedule(): void {
  if (scheduled || queue.length === 0) return;
  scheduled = true;
  const run = (): void => {
    scheduled = false;
    queue.shift()?.();
    schedule();
  };
  if (typeof requestIdleCallback === "function") requestIdleCallback(run, { timeout: PATIENCE_MS });
  else setTimeout(run, 50);
}
