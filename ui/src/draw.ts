/**
 * When the page is drawn: at the next frame, so that many operations cost one drawing; at once after a key or a press.
 *
 * Keys that come quickly must not reach the cell that had the focus before: what a
 * key did to selection and mode is drawn, and the focus moved, before the next one.
 */

import { options } from "preact";

let waiting: (() => void) | null = null;

/** Let Preact draw once a frame; in a hidden tab, where there are no frames, after a moment; and after a press. */
export function drawByFrames(): void {
  // After every handler of the press: the next key is for the field or the dialog that it opened.
  window.addEventListener("click", drawNow);
  options.debounceRendering = draw => {
    const mine = () => {
      if (waiting !== mine) return;
      waiting = null;
      draw();
    };
    waiting = mine;
    if (document.hidden) setTimeout(mine, 100);
    else requestAnimationFrame(mine);
  };
}

/** What is drawn may ask for more (an editor in the place of a text), and that for more; not for ever. */
const ROUNDS = 4;

/** Draw what waits for the next frame now. */
export function drawNow(): void {
  for (let round = 0; waiting !== null && round < ROUNDS; round += 1) waiting();
}
