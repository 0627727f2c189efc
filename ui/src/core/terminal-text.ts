/**
 * What a stream looks like after more was written to it: a terminal of one line.
 *
 * The counterpart of `core/notebook/terminal_text.py`, and the same rules: carriage
 * return and backspace move, characters overwrite, escape sequences have no width
 * and are kept. Only the last line is ever rewritten. Columns are code points.
 * Rules NB10 to NB12: docs/specs/notebook.md; tests/vectors holds both alike.
 */

export interface Written {
  readonly text: string;
  /** Code points of the last line that stand before the cursor; `AT_END`: all. */
  readonly column: number;
}

export const AT_END = -1;

const TITLE = "\\][^\\x07\\x1b\\n\\r\\b]{0,2048}"; // OSC: links, window titles
const CONTROL = "\\[[0-?]{0,64}[ -/]{0,4}"; // CSI: colours, cursor moves
/** A whole escape sequence. Lengths are bounded, so that a stray one cannot swallow a stream. */
const AFTER_ESCAPE = `(?:${CONTROL}[@-~]|${TITLE}(?:\\x07|\\x1b\\\\)|[ -/]{1,3}[0-~]|[0-Z\\\\^-~])`;
const LONGEST = 2060;

/** The start of a sequence, at the end of a text. */
const UNFINISHED = new RegExp(`\\x1b(?:${CONTROL}|${TITLE}\\x1b?|[ -/]{0,3})$`, "u");
const UNFINISHED_HERE = new RegExp(`^(?:${UNFINISHED.source})`, "u");
const ERASE_SOURCE = "\\x1b\\[([012]?)K";
const ERASE = new RegExp(`^${ERASE_SOURCE}$`, "u");
/** What does more than add to the end of a line. */
const ACTIVE = new RegExp(`[\\r\\x08]|${ERASE_SOURCE}|\\x1b(?!${AFTER_ESCAPE})`, "u");
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
const ACTIVE_OR_ESCAPE = /[\r\x08\x1b]/u;
const STEP = new RegExp(`\\x1b${AFTER_ESCAPE}|[\\r\\x08\\x1b]|[^\\r\\x08\\x1b]+`, "gu");
const UNIT = new RegExp(`\\x1b${AFTER_ESCAPE}|.`, "gsu");
// biome-ignore lint/suspicious/noControlCharactersInRegex: the same
const STYLE = /^\x1b\[[0-9;:]*m$/u;
const RESETS = new Set(["\x1b[m", "\x1b[0m"]);

/** Stands for an escape character that starts no sequence: in the text, each escape belongs to one. */
const STRAY = "\u241b";

/** Return the text with `added` written at `column` of its last line, and the new column. */
export function writeText(text: string, column: number, added: string): Written {
  if (column < 0 && !text.slice(-LONGEST).includes("\x1b") && !ACTIVE_OR_ESCAPE.test(added)) {
    return { text: text + added, column: AT_END };
  }
  const start = text.lastIndexOf("\n") + 1;
  const end = column < 0 ? text.length : start + offsetOf(text, start, column);
  let before = text.slice(0, end);
  let after = text.slice(end);
  let more = added;
  const unfinished = UNFINISHED.exec(before.slice(-LONGEST));
  if (unfinished !== null) {
    more = unfinished[0] + more;
    before = before.slice(0, before.length - unfinished[0].length);
  }
  before = before.slice(start);
  const pieces = [text.slice(0, start)];
  // A line feed keeps the whole line, wherever the cursor is; so a carriage return just before it changes nothing.
  const lines = more.replaceAll("\r\n", "\n").split("\n");
  const last = lines.pop() ?? "";
  for (const line of lines) {
    pieces.push(...writeLine(before, after, line, false), "\n");
    before = "";
    after = "";
  }
  [before, after] = writeLine(before, after, last, true);
  pieces.push(before, after);
  return { text: pieces.join(""), column: after === "" ? AT_END : codePoints(before) };
}

/** Units of the last line up to this many code points. */
function offsetOf(text: string, start: number, points: number): number {
  let offset = start;
  for (let left = points; left > 0 && offset < text.length; left -= 1) {
    offset += (text.codePointAt(offset) ?? 0) > 0xffff ? 2 : 1;
  }
  return offset - start;
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** Write `added`, which has no line feed, between the two parts of a line; return the parts again. */
function writeLine(before: string, after: string, added: string, isLast: boolean): [string, string] {
  if (after === "" && !ACTIVE.test(added)) return [before + added, ""];
  const line = new Line(before, after);
  for (const step of added.matchAll(STEP)) {
    const found = step[0];
    if (found === "\r") line.goToStart();
    else if (found === "\b") line.goBack();
    else if (found === "\x1b") {
      const rest = added.slice(step.index);
      if (isLast && UNFINISHED_HERE.test(rest)) {
        line.insert(rest);
        break;
      }
      line.overwrite(STRAY);
    } else if (!found.startsWith("\x1b")) line.overwrite(found);
    else {
      const erase = ERASE.exec(found);
      if (erase === null) line.insert(found);
      else line.erase({ left: erase[1] === "1" || erase[1] === "2", right: erase[1] !== "1" });
    }
  }
  return line.parts();
}

/** A line and a cursor in it. Units are single characters, and whole escape sequences, which have no width. */
class Line {
  #left: string[];
  /** Reversed: the unit at the cursor is the last. Empty, or with a character in it. */
  #right: string[];
  #rightWidth: number;

  constructor(before: string, after: string) {
    this.#left = before.match(UNIT) ?? [];
    this.#right = (after.match(UNIT) ?? []).reverse();
    this.#rightWidth = this.#right.filter(isCharacter).length;
  }

  parts(): [string, string] {
    return [this.#left.join(""), this.#right.toReversed().join("")];
  }

  insert(sequence: string): void {
    this.#left.push(sequence);
  }

  /** Write characters over those at the cursor; styles that stood among these now come after. */
  overwrite(text: string): void {
    const characters = [...text];
    const count = Math.min(characters.length, this.#rightWidth);
    const styles: string[] = [];
    for (let left = count; left > 0; ) {
      const unit = this.#right.pop();
      if (unit === undefined) break;
      if (isCharacter(unit)) left -= 1;
      else if (STYLE.test(unit)) styles.push(unit);
    }
    this.#left.push(...characters.slice(0, count));
    this.#right.push(...collapsed(styles).reverse());
    this.#rightWidth -= count;
    this.#settle();
    for (const character of characters.slice(count)) this.#left.push(character);
  }

  goToStart(): void {
    this.#rightWidth += this.#left.filter(isCharacter).length;
    for (const unit of this.#left.reverse()) this.#right.push(unit);
    this.#left = [];
    this.#settle();
  }

  goBack(): void {
    for (let unit = this.#left.pop(); unit !== undefined; unit = this.#left.pop()) {
      this.#right.push(unit);
      if (isCharacter(unit)) {
        this.#rightWidth += 1;
        break;
      }
    }
    this.#settle();
  }

  /** Blank what is left of the cursor and drop what is right of it. Styles stay: the pen does not change. */
  erase(sides: { readonly left: boolean; readonly right: boolean }): void {
    if (sides.left) this.#left = this.#left.map(unit => (isCharacter(unit) ? " " : unit));
    if (sides.right) {
      this.#right = collapsed(this.#right.toReversed().filter(unit => STYLE.test(unit))).reverse();
      this.#rightWidth = 0;
      this.#settle();
    } else if (this.#right.length > 0) {
      const at = this.#right.findLastIndex(isCharacter);
      if (at >= 0) this.#right[at] = " ";
    }
  }

  /** With no character to its right, the cursor is at the end of the line. */
  #settle(): void {
    if (this.#rightWidth > 0) return;
    for (const unit of this.#right.reverse()) this.#left.push(unit);
    this.#right = [];
  }
}

function isCharacter(unit: string): boolean {
  return unit.length === 1 || (unit.length === 2 && !unit.startsWith("\x1b"));
}

/** Fewer styles of the same effect: nothing before the last reset, and of equal ones the last. */
function collapsed(styles: readonly string[]): string[] {
  const start = Math.max(
    0,
    styles.findLastIndex(style => RESETS.has(style)),
  );
  return [...new Set(styles.slice(start).reverse())].reverse();
}
