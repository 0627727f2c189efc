/** Making, listing and ending terminals, through the API. */

import { type Rest, RestError } from "../rest.ts";

export interface RunningTerminal {
  readonly name: string;
  readonly activeMs: number | null;
}

export function readTerminals(value: unknown): readonly RunningTerminal[] {
  const found = Array.isArray(value) ? value.map(readTerminal).filter(one => one !== null) : [];
  // By number, as they were opened.
  return found.sort((left, right) => left.name.localeCompare(right.name, "en", { numeric: true }));
}

function readTerminal(value: unknown): RunningTerminal | null {
  if (typeof value !== "object" || value === null || !("name" in value) || typeof value.name !== "string") {
    return null;
  }
  const active =
    "last_activity" in value && typeof value.last_activity === "string" ? value.last_activity : "";
  const activeMs = Date.parse(active);
  return { name: value.name, activeMs: Number.isNaN(activeMs) ? null : activeMs };
}

export function listTerminals(rest: Rest): Promise<readonly RunningTerminal[]> {
  return rest.request("GET", "api/terminals").then(readTerminals);
}

/** Start a shell in a folder below the root; returns its name. */
export async function startTerminal(rest: Rest, folder: string): Promise<string> {
  const made = readTerminal(await rest.request("POST", "api/terminals", "", { json: { cwd: folder } }));
  if (made === null) throw new RestError(200, "The server's answer about the new terminal cannot be read.");
  return made.name;
}

export async function endTerminal(rest: Rest, name: string): Promise<void> {
  try {
    await rest.request("DELETE", "api/terminals", name);
  } catch (error) {
    // It has ended by itself, which is what was wanted.
    if (!(error instanceof RestError && error.status === 404)) throw error;
  }
}

export function terminalAddress(base: string, name: string): string {
  return `${base}terminals/${encodeURIComponent(name)}`;
}

/** Start one and show it in a tab of its own. To be called in the press itself, or the browser takes it for a pop-up. */
export async function openNewTerminal(rest: Rest, base: string, folder: string): Promise<void> {
  const tab = window.open("", "_blank");
  try {
    const address = terminalAddress(base, await startTerminal(rest, folder));
    if (tab === null) location.assign(address);
    else tab.location.assign(address);
  } catch (error) {
    tab?.close();
    throw error;
  }
}
