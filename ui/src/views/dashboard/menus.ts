/** The dashboard's menus: what can be made here, and what can be done with a row. */

import type { MenuEntry } from "../../controls/menu.tsx";
import { addressOf } from "../places.ts";
import {
  createAndName,
  download,
  duplicate,
  move,
  newTerminal,
  openNewNotebook,
  remove,
  shutDown,
} from "./actions.ts";
import type { Entry } from "./contents.ts";
import type { DashboardPage } from "./page.ts";

export function newMenu(page: DashboardPage): MenuEntry[] {
  const specs = page.kernelspecs.value?.all ?? [];
  return [
    { heading: "Notebook" },
    ...(specs.length === 0
      ? [{ label: "Notebook", run: () => openNewNotebook(page, undefined) }]
      : specs.map(spec => ({ label: spec.displayName, run: () => openNewNotebook(page, spec.name) }))),
    "rule",
    ...(page.context.extras.includes("terminals")
      ? [{ label: "Terminal", run: () => newTerminal(page) }]
      : []),
    { label: "Text file", run: () => createAndName(page, "file", ".txt") },
    { label: "Folder", run: () => createAndName(page, "directory") },
  ];
}

/** Of a row; of all chosen ones when it is one of several. */
export function rowMenu(page: DashboardPage, entry: Entry): MenuEntry[] {
  const { context } = page;
  const selected = page.selected.value;
  const wanted = page.chosen.value.has(entry.path) && selected.length > 1 ? selected : [entry];
  const session = page.runningAt.value.get(entry.path);
  const one = wanted.length === 1;
  const writable = page.writable.value;
  const opening = (label: string, address: string): MenuEntry => ({
    label,
    disabled: !one,
    run: () => location.assign(address),
  });
  return [
    opening("Open", page.hrefOf(entry)),
    ...(entry.kind === "file" ? [opening("View", addressOf(context.base, "view", entry.path))] : []),
    ...(entry.kind === "notebook"
      ? [opening("Open as text", addressOf(context.base, "edit", entry.path))]
      : []),
    ...(context.extras.includes("lab")
      ? [opening("Open in JupyterLab", addressOf(context.base, "lab/tree", entry.path))]
      : []),
    "rule",
    {
      label: "Rename…",
      keys: "F2",
      disabled: !one || !writable,
      run: () => {
        page.renaming.value = entry.path;
      },
    },
    {
      label: "Duplicate",
      disabled: !writable || wanted.some(item => item.kind === "directory"),
      run: () => void duplicate(page, wanted),
    },
    { label: "Move…", disabled: !writable, run: () => void move(page, wanted) },
    {
      label: wanted.every(item => item.kind === "directory") ? "Download as ZIP" : "Download",
      run: () => download(page, wanted),
    },
    ...(session ? (["rule", { label: "Shut down", run: () => void shutDown(page, session) }] as const) : []),
    "rule",
    {
      label: page.hasTrash.value ? "Move to trash" : "Delete…",
      keys: "Del",
      danger: true,
      disabled: !writable,
      run: () => void remove(page, wanted),
    },
  ];
}
