/** The terminal's colours, from the page's tokens: xterm.js wants them as values. */

import type { ITheme } from "@xterm/xterm";

/** Those that are the same as in outputs. Black and white are not: here they are backgrounds too. */
const COLOURS = [
  null,
  "red",
  "green",
  "yellow",
  "blue",
  "magenta",
  "cyan",
  null,
  null,
  "brightRed",
  "brightGreen",
  "brightYellow",
  "brightBlue",
  "brightMagenta",
  "brightCyan",
  null,
] as const;

export interface Theme {
  readonly screen: ITheme;
  /** Places that a search found, and the one it shows. */
  readonly found: string;
  readonly foundNow: string;
  readonly foundEdge: string;
}

/** Read the tokens as they are now, in this colour scheme. */
export function readTheme(): Theme {
  // Only a property that is a colour is resolved, so one borrows each token in turn.
  const probe = document.createElement("i");
  probe.hidden = true;
  document.body.append(probe);
  const read = (token: string): string => {
    probe.style.color = `var(${token})`;
    return hexOf(getComputedStyle(probe).color);
  };
  const paper = read("--paper");
  const ink = read("--ink");
  const theme: Theme = {
    screen: {
      background: paper,
      foreground: ink,
      cursor: read("--accent"),
      cursorAccent: paper,
      selectionBackground: read("--selection"),
      selectionInactiveBackground: read("--selection"),
      scrollbarSliderBackground: `${read("--ink-soft")}40`,
      scrollbarSliderHoverBackground: `${read("--ink-soft")}70`,
      scrollbarSliderActiveBackground: `${read("--ink-soft")}90`,
      ...Object.fromEntries(
        COLOURS.flatMap((name, number) => (name === null ? [] : [[name, read(`--ansi-${number}`)]])),
      ),
      black: read("--terminal-black"),
      brightBlack: read("--terminal-bright-black"),
      white: read("--terminal-white"),
      brightWhite: read("--terminal-bright-white"),
    },
    found: read("--found"),
    foundNow: read("--found-now"),
    foundEdge: read("--running"),
  };
  probe.remove();
  return theme;
}

/** `rgb(1, 2, 3)` as `#010203`, which is all that xterm.js reads everywhere. */
export function hexOf(colour: string): string {
  const parts = colour.match(/[\d.]+/g)?.slice(0, 3) ?? [];
  return `#${parts.map(part => Math.round(Number(part)).toString(16).padStart(2, "0")).join("")}`;
}
