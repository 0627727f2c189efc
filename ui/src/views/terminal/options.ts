/** What this browser remembers of how somebody likes terminals. */

import type { TerminalOption } from "../../commands/terminal.ts";

export interface Options {
  readonly screenReader: boolean;
  readonly pasteKey: boolean;
  readonly fontSize: number;
}

export const DEFAULTS: Options = { screenReader: false, pasteKey: true, fontSize: 14 };
export const FONT_SIZES = { least: 9, most: 28 } as const;

const KEY = "carnet.terminal";

/** Read what is remembered; whatever is there, what comes out can be used. */
export function parseOptions(text: string | null): Options {
  let found: unknown;
  try {
    found = JSON.parse(text ?? "{}");
  } catch {
    return DEFAULTS;
  }
  const fields: Readonly<Record<string, unknown>> = isFields(found) ? found : {};
  const on = (name: TerminalOption): boolean => {
    const value = fields[name];
    return typeof value === "boolean" ? value : DEFAULTS[name];
  };
  return {
    screenReader: on("screenReader"),
    pasteKey: on("pasteKey"),
    fontSize: typeof fields.fontSize === "number" ? bounded(fields.fontSize) : DEFAULTS.fontSize,
  };
}

export function bounded(size: number): number {
  return Math.max(FONT_SIZES.least, Math.min(FONT_SIZES.most, Math.round(size) || DEFAULTS.fontSize));
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function loadOptions(): Options {
  try {
    return parseOptions(localStorage.getItem(KEY));
  } catch {
    return DEFAULTS; // a browser that keeps nothing
  }
}

export function keepOptions(options: Options): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(options));
  } catch {
    // They hold until the page is closed.
  }
}
