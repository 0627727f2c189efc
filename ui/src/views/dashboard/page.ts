/** What the dashboard knows of its folder and of what runs, and which rows are chosen. */

import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { AppContext } from "../../context.ts";
import { announce } from "../../controls/announce.tsx";
import { RestError } from "../../rest.ts";
import { addressOf, viewFor } from "../places.ts";
import { listTerminals, type RunningTerminal } from "../terminals.ts";
import {
  type Contents,
  type Entry,
  type Folder,
  type Kernelspecs,
  makeContents,
  type Running,
  sentence,
} from "./contents.ts";
import { arrange, BY_NAME, type Sort, stretch } from "./listing.ts";

/** Rows drawn at once; more on request. */
export const ROWS = 500;

export interface DashboardPage {
  readonly context: AppContext;
  readonly contents: Contents;
  /** Of the folder; empty: the top. */
  readonly path: string;
  readonly folder: Signal<Folder | null>;
  /** Why there is no folder to show, or not the newest of it. */
  readonly problem: Signal<string>;
  /** What went wrong with what was asked for, as a sentence. */
  readonly notice: Signal<string>;
  readonly running: Signal<readonly Running[]>;
  readonly terminals: Signal<readonly RunningTerminal[]>;
  readonly kernelspecs: Signal<Kernelspecs | null>;
  readonly query: Signal<string>;
  readonly sort: Signal<Sort>;
  /** How many rows are drawn. */
  readonly limit: Signal<number>;
  /** The paths of the chosen rows. */
  readonly chosen: Signal<ReadonlySet<string>>;
  /** The path of the row whose name is being written. */
  readonly renaming: Signal<string | null>;
  readonly uploading: Signal<{ readonly name: string; readonly at: number; readonly of: number } | null>;
  /** What was deleted last, and its ids in the trash. */
  readonly deleted: Signal<{ readonly what: string; readonly ids: readonly string[] } | null>;
  readonly nowMs: Signal<number>;

  /** The rows, as they are asked for: found, and in order. */
  readonly shown: ReadonlySignal<readonly Entry[]>;
  /** Those of the folder that are chosen, shown or not. */
  readonly selected: ReadonlySignal<readonly Entry[]>;
  readonly taken: ReadonlySignal<ReadonlySet<string>>;
  readonly writable: ReadonlySignal<boolean>;
  readonly hasTrash: ReadonlySignal<boolean>;
  readonly runningAt: ReadonlySignal<ReadonlyMap<string, Running>>;

  refresh(): Promise<void>;
  /** Do something, show what went wrong as a line, and look again. */
  act(work: () => Promise<unknown>, done?: string): Promise<void>;
  /** What is wrong with what was asked for, said and shown. */
  say(words: string): void;
  /** Choose a row, or no longer. `extend`: with all rows from the one that was chosen last. */
  toggle(entry: Entry, extend?: boolean): void;
  /** Choose all from one row to another besides what is chosen. */
  chooseStretch(from: Entry, to: Entry): void;
  chooseAll(): void;
  chooseNone(): void;
  hrefOf(entry: Entry): string;
}

export function makeDashboardPage(context: AppContext, path: string): DashboardPage {
  /** The row that was chosen last: where a stretch begins. */
  let anchor: string | null = null;
  const entries = computed(() => page.folder.value?.entries ?? []);
  const page: DashboardPage = {
    context,
    contents: makeContents(context.rest),
    path,
    folder: signal(null),
    problem: signal(""),
    notice: signal(""),
    running: signal([]),
    terminals: signal([]),
    kernelspecs: signal(null),
    query: signal(""),
    sort: signal(BY_NAME),
    limit: signal(ROWS),
    chosen: signal(new Set()),
    renaming: signal(null),
    uploading: signal(null),
    deleted: signal(null),
    nowMs: signal(Date.now()),

    shown: computed(() => arrange(entries.value, page.sort.value, page.query.value)),
    selected: computed(() => entries.value.filter(entry => page.chosen.value.has(entry.path))),
    taken: computed(() => new Set(entries.value.map(entry => entry.name))),
    writable: computed(() => page.folder.value?.writable ?? page.problem.value === ""),
    hasTrash: computed(() => page.folder.value?.hasTrash ?? false),
    runningAt: computed(() => new Map(page.running.value.map(session => [session.path, session]))),

    async refresh() {
      page.nowMs.value = Date.now();
      const [listing, sessions, shells] = await Promise.allSettled([
        page.contents.list(path),
        page.contents.running(),
        context.extras.includes("terminals") ? listTerminals(context.rest) : [],
      ]);
      if (listing.status === "fulfilled") {
        page.folder.value = listing.value;
        page.problem.value = "";
      } else {
        page.problem.value = sentence(listing.reason);
        await openIfNoFolder(listing.reason);
      }
      if (sessions.status === "fulfilled") page.running.value = sessions.value;
      if (shells.status === "fulfilled") page.terminals.value = shells.value;
    },
    async act(work, done) {
      try {
        page.notice.value = "";
        await work();
        if (done) announce(done);
      } catch (error) {
        page.say(sentence(error));
      }
      await page.refresh();
    },
    say(words) {
      page.notice.value = words;
      announce(words);
    },
    toggle(entry, extend = false) {
      const next = new Set(page.chosen.value);
      if (extend) for (const one of stretch(page.shown.value, anchor, entry.path)) next.add(one);
      else if (!next.delete(entry.path)) next.add(entry.path);
      anchor = entry.path;
      page.chosen.value = next;
    },
    chooseStretch(from, to) {
      page.chosen.value = new Set([...page.chosen.value, ...stretch(page.shown.value, from.path, to.path)]);
      anchor = to.path;
    },
    chooseAll() {
      page.chosen.value = new Set(page.shown.value.map(entry => entry.path));
    },
    chooseNone() {
      page.chosen.value = new Set();
    },
    hrefOf: entry => addressOf(context.base, viewFor(entry.name, entry.kind), entry.path),
  };

  /** An address of a file: it opens as what it is. */
  const openIfNoFolder = async (reason: unknown): Promise<void> => {
    if (!(reason instanceof RestError && reason.status === 200)) return;
    const entry = await page.contents.look(path).catch(() => null);
    if (entry !== null && entry.kind !== "directory") location.replace(page.hrefOf(entry));
  };

  return page;
}
