/** What keys of the row for phones send, and Ctrl held by a tap. Pure. */

/** Control characters are letters without their upper bits. What has none is sent as it is. */
export function withCtrl(text: string): string {
  const [first = ""] = text;
  if (text.length !== 1) return text;
  if (first === " ") return "\0";
  if (first === "?") return "\x7f";
  const code = first.toUpperCase().charCodeAt(0);
  return code >= 0x40 && code <= 0x5f ? String.fromCharCode(code & 0x1f) : text;
}

export type Arrow = "up" | "down" | "right" | "left";

const LETTERS: Readonly<Record<Arrow, string>> = { up: "A", down: "B", right: "C", left: "D" };

/** `application`: the program asked for arrows in that form (DECCKM). */
export function arrow(which: Arrow, application: boolean, ctrl: boolean): string {
  if (ctrl) return `\x1b[1;5${LETTERS[which]}`;
  return `\x1b${application ? "O" : "["}${LETTERS[which]}`;
}

/** Bytes of what xterm.js calls binary: one character a byte. */
export function binaryBytes(text: string): Uint8Array {
  return Uint8Array.from(text, character => character.charCodeAt(0) & 0xff);
}

/** How a shell ended, as people say it. */
export function endedWords(exitCode: number): string {
  if (exitCode === 0) return "The shell has ended.";
  if (exitCode > 0) return `The shell has ended with exit code ${exitCode}.`;
  const names: Readonly<Record<number, string>> = { 1: "hung up", 9: "killed", 15: "terminated" };
  const name = names[-exitCode];
  return name === undefined
    ? `The shell was ended by signal ${-exitCode}.`
    : `The shell was ${name} (signal ${-exitCode}).`;
}
