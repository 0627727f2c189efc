/** What can be done with files and with what runs: each asks when it must, and says what came of it. */

import { announce } from "../../controls/announce.tsx";
import { ask, askText } from "../../controls/dialog.tsx";
import { addressOf, folderOf, join, nameOf } from "../places.ts";
import { endTerminal, openNewTerminal, type RunningTerminal } from "../terminals.ts";
import { count } from "../words.ts";
import type { Entry, EntryKind, Running } from "./contents.ts";
import { freeName, parentsOf, wrongName } from "./listing.ts";
import type { DashboardPage } from "./page.ts";
import type { Upload } from "./upload.ts";

/** Make a notebook and open it; without a name, the kernel is the one that is preferred. */
export function openNewNotebook(page: DashboardPage, kernelName: string | undefined): void {
  const { base } = page.context;
  // The tab must open in the click itself, or the browser takes it for a pop-up.
  const tab = window.open("", "_blank");
  void page.act(async () => {
    try {
      const made = await page.contents.create(page.path, "notebook");
      const suffix = kernelName === undefined ? "" : `?kernel_name=${encodeURIComponent(kernelName)}`;
      const address = addressOf(base, "notebooks", made.path) + suffix;
      if (tab === null) location.assign(address);
      else tab.location.assign(address);
    } catch (error) {
      tab?.close();
      throw error;
    }
  });
}

export function newTerminal(page: DashboardPage): void {
  void page.act(() => openNewTerminal(page.context.rest, page.context.base, page.path));
}

/** Make a file or a folder, and let its name be written. */
export function createAndName(page: DashboardPage, kind: EntryKind, ext?: string): void {
  void page.act(async () => {
    const made = await page.contents.create(page.path, kind, ext);
    await page.refresh();
    page.renaming.value = made.path;
  });
}

export async function upload(page: DashboardPage, items: readonly Upload[]): Promise<void> {
  if (items.length === 0) return;
  const taken = page.taken.value;
  const clashes = items.filter(item => taken.has(item.path));
  const answer = clashes.length === 0 ? "replace" : await askAboutClashes(clashes);
  if (answer === null) return;
  await page.act(
    async () => {
      const made = new Set<string>();
      for (const [at, item] of items.entries()) {
        const target = answer === "keep" ? freeName(item.path, taken) : item.path;
        for (const parent of parentsOf(target)) {
          if (made.has(parent) || taken.has(parent)) continue;
          made.add(parent);
          await page.contents.makeFolder(join(page.path, parent));
        }
        page.uploading.value = { name: item.path, at: at + 1, of: items.length };
        await page.contents.upload(join(page.path, target), item.file);
      }
    },
    `${count(items.length, "file")} uploaded.`,
  );
  page.uploading.value = null;
}

function askAboutClashes(clashes: readonly Upload[]): Promise<string | null> {
  const [first] = clashes;
  const what = clashes.length === 1 && first ? `“${first.path}” is` : `${clashes.length} of these names are`;
  return ask("Upload", `${what} here already.`, [
    { value: "replace", label: "Replace", kind: "danger" },
    { value: "keep", label: "Keep both" },
  ]);
}

/** Give a row the name that was written; null: it was given up. Its path then. */
export async function rename(page: DashboardPage, entry: Entry, name: string | null): Promise<string> {
  page.renaming.value = null;
  if (name === null) return entry.path;
  const wrong = wrongName(name, page.taken.value);
  if (wrong !== undefined) {
    page.say(wrong);
    return entry.path;
  }
  const target = join(folderOf(entry.path), name);
  await page.act(() => page.contents.move(entry.path, target), `Renamed to ${name}.`);
  return target;
}

export async function remove(page: DashboardPage, wanted: readonly Entry[]): Promise<void> {
  const [first] = wanted;
  if (first === undefined) return;
  const hasTrash = page.hasTrash.value;
  const what = wanted.length === 1 ? `“${first.name}”` : count(wanted.length, "item");
  const live = wanted.filter(entry => page.runningAt.value.has(entry.path)).length;
  const warning = live === 0 ? "" : ` ${live === 1 ? "One is" : `${live} are`} running.`;
  const question = hasTrash
    ? `Move ${what} to the trash?`
    : `Delete ${what} for ever? It cannot be brought back: this place has no trash.`;
  const answer = await ask("Delete", question + warning, [
    { value: "delete", label: hasTrash ? "Move to trash" : "Delete for ever", kind: "danger" },
  ]);
  if (answer === null) return;
  await page.act(
    async () => {
      page.deleted.value = null;
      for (const entry of wanted) await page.contents.remove(entry.path);
      page.chooseNone();
      const ids = hasTrash ? await page.contents.trashed(wanted.map(entry => entry.path)) : [];
      if (ids.length > 0) page.deleted.value = { what, ids };
    },
    hasTrash ? `${what} moved to the trash.` : `${what} deleted.`,
  );
}

export async function bringBack(page: DashboardPage, ids: readonly string[]): Promise<void> {
  page.deleted.value = null;
  await page.act(async () => {
    for (const id of ids) await page.contents.bringBack(id);
  }, "It is back.");
}

export async function duplicate(page: DashboardPage, wanted: readonly Entry[]): Promise<void> {
  await page.act(
    async () => {
      for (const entry of wanted) await page.contents.copy(page.path, entry.path);
    },
    wanted.length === 1 ? "1 copy made." : `${wanted.length} copies made.`,
  );
}

export async function move(page: DashboardPage, wanted: readonly Entry[]): Promise<void> {
  const target = await askText("Move", "To folder (from the top; empty is not allowed, “/” is the top)", {
    value: page.path === "" ? "/" : page.path,
    action: "Move",
  });
  if (target === null) return;
  await moveInto(
    page,
    wanted.map(entry => entry.path),
    target.replace(/^\/+|\/+$/g, ""),
  );
}

export async function moveInto(page: DashboardPage, paths: readonly string[], into: string): Promise<void> {
  await page.act(
    async () => {
      for (const from of paths) await page.contents.move(from, join(into, nameOf(from)));
      page.chooseNone();
    },
    `${count(paths.length, "item")} moved.`,
  );
}

/** Files as they are; a folder as one archive. */
export function download(page: DashboardPage, wanted: readonly Entry[]): void {
  for (const entry of wanted) {
    const isFolder = entry.kind === "directory";
    const link = document.createElement("a");
    const address = addressOf(page.context.base, "files", entry.path);
    link.href = `${address}?${isFolder ? "archive=zip" : "download=1"}`;
    link.download = isFolder ? `${entry.name}.zip` : entry.name;
    link.click();
    if (isFolder) announce(`${entry.name} is packed while it is sent.`);
  }
}

export async function shutDown(page: DashboardPage, session: Running): Promise<void> {
  if (session.status === "busy") {
    const answer = await ask("Shut down", `${session.name} is running a cell. Its variables will be gone.`, [
      { value: "stop", label: "Shut down", kind: "danger" },
    ]);
    if (answer === null) return;
  }
  await page.act(() => page.contents.shutDown(session.id), `${session.name} shut down.`);
}

export async function endShell(page: DashboardPage, terminal: RunningTerminal): Promise<void> {
  const answer = await ask("End the terminal", `What runs in terminal ${terminal.name} is ended too.`, [
    { value: "end", label: "End", kind: "danger" },
  ]);
  if (answer === null) return;
  await page.act(() => endTerminal(page.context.rest, terminal.name), `Terminal ${terminal.name} ended.`);
}
