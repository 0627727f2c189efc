/**
 * Text with ANSI escape sequences to styled pieces. Pure.
 *
 * Colours and emphasis (SGR) are understood, 16, 256 and true colours alike; every other sequence is dropped.
 * `\r` and backspace are the session's business and were applied before.
 */

/** 0 to 15: the theme decides. Else CSS. */
export type AnsiColour = number | string;

export interface AnsiStyle {
  readonly fg?: AnsiColour;
  readonly bg?: AnsiColour;
  readonly bold?: true;
  readonly dim?: true;
  readonly italic?: true;
  readonly underline?: true;
  readonly strike?: true;
  readonly inverse?: true;
  readonly hidden?: true;
}

export interface AnsiPiece {
  readonly text: string;
  readonly style: AnsiStyle;
}

export interface AnsiText {
  readonly pieces: readonly AnsiPiece[];
  /** The style that the next text begins with. */
  readonly end: AnsiStyle;
}

export const PLAIN: AnsiStyle = {};

// CSI ... final byte; OSC ... BEL or ST; other two-byte escapes; stray control characters but tab and newline.
const SEQUENCE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are made of them
  /\x1b\[([0-9;:?<=>]*)[ -/]*([@-~])|\x1b\[[0-9;:?<=>]*[ -/]*$|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[PX^_][^\x1b]*(?:\x1b\\)?|\x1b[ -/]*[0-~]?|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]/g;

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are made of them
const SPECIAL = /[\x00-\x08\x0b-\x1f\x7f]/;

export function parseAnsi(text: string, start: AnsiStyle = PLAIN): AnsiText {
  if (!SPECIAL.test(text)) return { pieces: text === "" ? [] : [{ text, style: start }], end: start };
  const pieces: AnsiPiece[] = [];
  let style = start;
  let from = 0;
  for (const match of text.matchAll(SEQUENCE)) {
    if (match.index > from) pieces.push({ text: text.slice(from, match.index), style });
    from = match.index + match[0].length;
    if (match[2] === "m") style = applySgr(style, match[1] ?? "");
  }
  if (from < text.length) pieces.push({ text: text.slice(from), style });
  return { pieces, end: style };
}

/** The text without any escape sequence. */
export function stripAnsi(text: string): string {
  return SPECIAL.test(text) ? text.replace(SEQUENCE, "") : text;
}

type Draft = { -readonly [Key in keyof AnsiStyle]: AnsiStyle[Key] };

function applySgr(style: AnsiStyle, parameters: string): AnsiStyle {
  if (/[?<=>]/.test(parameters)) return style;
  const codes = parameters.split(/[;:]/).map(code => (code === "" ? 0 : Number(code)));
  let next: Draft = { ...style };
  for (let index = 0; index < codes.length; index += 1) {
    const code = codes[index] ?? 0;
    if (code === 0) next = {};
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 3) next.italic = true;
    else if (code === 4 || code === 21) next.underline = true;
    else if (code === 7) next.inverse = true;
    else if (code === 8) next.hidden = true;
    else if (code === 9) next.strike = true;
    else if (code === 22) {
      delete next.bold;
      delete next.dim;
    } else if (code === 23) delete next.italic;
    else if (code === 24) delete next.underline;
    else if (code === 27) delete next.inverse;
    else if (code === 28) delete next.hidden;
    else if (code === 29) delete next.strike;
    else if (code >= 30 && code <= 37) next.fg = code - 30;
    else if (code >= 90 && code <= 97) next.fg = code - 82;
    else if (code === 39) delete next.fg;
    else if (code >= 40 && code <= 47) next.bg = code - 40;
    else if (code >= 100 && code <= 107) next.bg = code - 92;
    else if (code === 49) delete next.bg;
    else if (code === 38 || code === 48) {
      const { colour, used } = extendedColour(codes.slice(index + 1));
      index += used;
      if (colour === undefined) continue;
      if (code === 38) next.fg = colour;
      else next.bg = colour;
    }
  }
  return next;
}

function extendedColour(rest: readonly number[]): { colour?: AnsiColour; used: number } {
  const [mode, first = 0, second = 0, third = 0] = rest;
  if (mode === 5) return isByte(first) ? { colour: colour256(first), used: 2 } : { used: 2 };
  if (mode === 2) {
    const good = isByte(first) && isByte(second) && isByte(third);
    return good ? { colour: `rgb(${first} ${second} ${third})`, used: 4 } : { used: 4 };
  }
  return { used: rest.length };
}

function isByte(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 255;
}

/** xterm's 256 colours: 16 named ones, a cube of 6 x 6 x 6, 24 greys. */
export function colour256(index: number): AnsiColour {
  if (index < 16) return index;
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return `rgb(${grey} ${grey} ${grey})`;
  }
  const level = (value: number) => (value === 0 ? 0 : 55 + value * 40);
  const at = index - 16;
  return `rgb(${level(Math.floor(at / 36))} ${level(Math.floor(at / 6) % 6)} ${level(at % 6)})`;
}
