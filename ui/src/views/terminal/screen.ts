/**
 * xterm.js as the screen of one terminal: what it is told, in order, and what is typed on it.
 *
 * Output is written as it comes and counted when it is drawn, so that a flood never
 * piles up. Questions of programs are answered once, and never from old output.
 */

import { SearchAddon } from "@xterm/addon-search";
import { Unicode11Addon } from "@xterm/addon-unicode11";
import { WebLinksAddon } from "@xterm/addon-web-links";
import { Terminal } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";
import type { Screen, TerminalModel } from "../../core/terminal.ts";
import type { Options } from "./options.ts";
import { measureCell, sizeIn } from "./room.ts";
import { readTheme } from "./theme.ts";
import { binaryBytes } from "./typing.ts";

const SCROLLBACK_LINES = 10_000;
const LINE_HEIGHT = 1.2;
/** Of output that a hidden page has not drawn, so much is held; after that it is asked for again when it is looked at. */
const HIDDEN_BYTES = 1 << 20;

/** What a program may say in one go of how often something is to be done; and of how its window is called. */
const REPEATS_LIMIT = 1_000;
const TITLE_LIMIT = 200;

const RESET = "\x1bc";
const NEWLINE = 0x0a;

export interface ScreenEvents {
  title(title: string): void;
  bell(): void;
  /** It was typed, and cannot be taken. */
  refused(): void;
  results(at: number, of: number): void;
  /** A key before xterm.js has it; true: it is ours. */
  key(event: KeyboardEvent): boolean;
  /** What is typed, changed by what is held down on the row of keys. */
  typed(text: string): string;
}

export interface TerminalScreen {
  readonly xterm: Terminal;
  readonly lines: number;
  look(options: Options): void;
  colour(): void;
  type(text: string): void;
  /** 1: up, to what is older. */
  find(query: string, direction: 1 | -1): void;
  endFind(): void;
  dispose(): void;
}

export function makeScreen(
  host: HTMLElement,
  model: TerminalModel,
  options: Options,
  events: ScreenEvents,
): TerminalScreen {
  let theme = readTheme();
  let query = "";
  const fontFamily = getComputedStyle(document.body).getPropertyValue("--font-code");
  const xterm = new Terminal({
    allowProposedApi: true,
    cursorBlink: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    fontFamily,
    fontSize: options.fontSize,
    lineHeight: LINE_HEIGHT,
    linkHandler: {
      activate: (_event, address) => openLink(address),
      // Its text may say anything.
      hover: (_event, address) => {
        host.title = address.slice(0, TITLE_LIMIT);
      },
      leave: () => host.removeAttribute("title"),
    },
    macOptionIsMeta: true,
    minimumContrastRatio: 4.5,
    rightClickSelectsWord: false,
    screenReaderMode: options.screenReader,
    scrollback: SCROLLBACK_LINES,
    theme: theme.screen,
  });
  const search = new SearchAddon();
  for (const addon of [
    search,
    new Unicode11Addon(),
    new WebLinksAddon((_event, address) => openLink(address)),
  ]) {
    xterm.loadAddon(addon);
  }
  xterm.unicode.activeVersion = "11";
  withNonce(() => xterm.open(host));

  // ---- out

  let undrawn = 0;
  let isBehind = false;
  let isOldNow = false;
  let isAnswering = false;
  let skipsToLine = false;
  const redraws = debounced(() => {
    if (xterm.buffer.active.type === "alternate") model.redraw();
  });

  const write = (data: Uint8Array, offset: number, isOld: boolean): void => {
    undrawn += data.length;
    // The callback of nothing comes right before what follows is read.
    xterm.write("", () => {
      isOldNow = isOld;
    });
    xterm.write(data, () => {
      undrawn -= data.length;
      if (!document.hidden) model.drawn(offset + data.length);
      // Its picture may begin before what was kept, or have been for another size.
      if (isOld && xterm.buffer.active.type === "alternate") redraws();
    });
    // Nobody looks: browsers draw hidden pages so seldom that the shell would wait for them.
    if (document.hidden) model.drawn(offset + data.length);
  };
  const screen: Screen = {
    clear(modes, isCut) {
      xterm.write(RESET);
      xterm.write(modes);
      isBehind = false;
      skipsToLine = isCut;
    },
    show(data, offset, isOld) {
      if (isBehind) return;
      if (document.hidden && undrawn > HIDDEN_BYTES) {
        isBehind = true;
        return;
      }
      let shown = data;
      if (skipsToLine) {
        const line = data.indexOf(NEWLINE);
        // Half a sequence, or half a character, would be drawn as rubbish.
        if (line >= 0) {
          skipsToLine = false;
          shown = data.subarray(line + 1);
        } else shown = data.subarray(data.length);
      }
      write(shown, offset + data.length - shown.length, isOld);
    },
  };
  // Every screen that shows a terminal is asked; old output asks nobody.
  const asked = (): boolean => {
    if (isOldNow) return true;
    isAnswering = true;
    queueMicrotask(() => {
      isAnswering = false;
    });
    return false;
  };
  const { parser } = xterm;
  for (const id of [
    { final: "c" },
    { prefix: ">", final: "c" },
    { prefix: "=", final: "c" },
    { final: "n" },
    { prefix: "?", final: "n" },
    { prefix: ">", final: "q" },
    { intermediates: "$", final: "p" },
    { prefix: "?", intermediates: "$", final: "p" },
    { prefix: "?", final: "u" },
  ]) {
    parser.registerCsiHandler(id, asked);
  }
  parser.registerDcsHandler({ intermediates: "$", final: "q" }, asked);
  for (const number of [4, 10, 11, 12]) {
    parser.registerOscHandler(number, data => (data.includes("?") ? asked() : false));
  }

  // Done one by one in xterm.js, up to two thousand million times: a file that is shown would stop the page for good.
  for (const final of ["I", "L", "M", "S", "T", "Z", "b"]) {
    parser.registerCsiHandler({ final }, ([times]) => Number(times) > REPEATS_LIMIT);
  }

  // ---- in

  const encoder = new TextEncoder();
  const send = (data: Uint8Array, isAnswer: boolean): void => {
    if (!model.type(data, isAnswer)) events.refused();
  };
  xterm.onData(text => {
    if (isAnswering) send(encoder.encode(text), true);
    else send(encoder.encode(events.typed(text)), false);
  });
  xterm.onBinary(text => send(binaryBytes(text), isAnswering));
  xterm.onResize(({ rows, cols }) => model.resize(rows, cols));
  xterm.onTitleChange(title => events.title(plainTitle(title)));
  xterm.onBell(() => events.bell());
  search.onDidChangeResults(({ resultIndex, resultCount }) => events.results(resultIndex + 1, resultCount));
  xterm.attachCustomKeyEventHandler(event => event.type !== "keydown" || !events.key(event));

  // ---- around

  const fill = (): void => {
    const fontSize = xterm.options.fontSize ?? options.fontSize;
    const cell = measureCell(fontFamily, fontSize, LINE_HEIGHT, devicePixelRatio);
    const padding = getComputedStyle(host);
    const width = host.clientWidth - pixels(padding.paddingLeft) - pixels(padding.paddingRight);
    const height = host.clientHeight - pixels(padding.paddingTop) - pixels(padding.paddingBottom);
    // A page that is not laid out would give it a size of nothing.
    if (cell === null || width <= 0 || height <= 0) return;
    const { rows, columns } = sizeIn(width, height, cell);
    xterm.resize(columns, rows);
  };
  const sizes = new ResizeObserver(debounced(fill));
  sizes.observe(host);
  const seen = (): void => {
    if (document.hidden) return;
    if (isBehind) model.again();
    // Somebody with another window may have used it meanwhile.
    model.resize(xterm.rows, xterm.cols);
  };
  document.addEventListener("visibilitychange", seen);
  window.addEventListener("focus", seen);
  fill();
  model.resize(xterm.rows, xterm.cols);
  model.draw(screen);

  const decorations = () => ({
    matchBackground: theme.found,
    activeMatchBackground: theme.foundNow,
    activeMatchBorder: theme.foundEdge,
    matchOverviewRuler: theme.foundEdge,
    activeMatchColorOverviewRuler: theme.foundEdge,
  });
  return {
    xterm,
    get lines() {
      return xterm.buffer.active.length;
    },
    look(now) {
      xterm.options.fontSize = now.fontSize;
      xterm.options.screenReaderMode = now.screenReader;
      fill();
    },
    colour() {
      theme = readTheme();
      xterm.options.theme = theme.screen;
    },
    type(text) {
      send(encoder.encode(text), false);
    },
    find(wanted, direction) {
      // From the end, where the newest is, for each new thing that is looked for.
      if (wanted !== query) xterm.clearSelection();
      query = wanted;
      if (wanted === "") {
        search.clearDecorations();
        events.results(0, 0);
      } else if (direction === 1) search.findPrevious(wanted, { decorations: decorations() });
      else search.findNext(wanted, { decorations: decorations() });
    },
    endFind() {
      query = "";
      search.clearDecorations();
      // What stays selected would take the next Ctrl-C.
      xterm.clearSelection();
    },
    dispose() {
      sizes.disconnect();
      document.removeEventListener("visibilitychange", seen);
      window.removeEventListener("focus", seen);
      xterm.dispose();
    },
  };
}

/** A title as a line of text: short, and without characters that turn round what stands beside it. */
export function plainTitle(title: string): string {
  return Array.from(title.slice(0, 2 * TITLE_LIMIT))
    .slice(0, TITLE_LIMIT)
    .join("")
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, " ")
    .trim();
}

/** Programs write addresses of any kind; only those that a browser opens without harm are opened. */
export function openLink(address: string): void {
  const parsed = URL.parse(address);
  if (parsed === null || !["http:", "https:"].includes(parsed.protocol)) return;
  window.open(parsed.href, "_blank", "noopener,noreferrer");
}

function pixels(length: string): number {
  return Number.parseFloat(length) || 0;
}

/** At the next frame, once. */
function debounced(act: () => void): () => void {
  let due = 0;
  return () => {
    cancelAnimationFrame(due);
    due = requestAnimationFrame(act);
  };
}

/**
 * Do this with style elements that carry the page's nonce.
 *
 * xterm.js makes its style sheets as text, which the page's policy takes only so, and
 * has no way to say it. All are made while it opens.
 */
function withNonce(act: () => void): void {
  const nonce = document.querySelector<HTMLElement>('meta[property="csp-nonce"]')?.nonce ?? "";
  const make = document.createElement.bind(document);
  const makeNonced = (name: string, options?: ElementCreationOptions): HTMLElement => {
    const made = make(name, options);
    if (made instanceof HTMLStyleElement) made.nonce = nonce;
    return made;
  };
  try {
    Object.defineProperty(document, "createElement", { configurable: true, value: makeNonced });
    act();
  } finally {
    Reflect.deleteProperty(document, "createElement");
  }
}
