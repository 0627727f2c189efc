/** The dashboard: a folder, what runs, and what can be done with both. */

import { useSignal } from "@preact/signals";
import {
  ArrowDown,
  ArrowUp,
  BookOpen,
  Circle,
  Copy,
  Download,
  EllipsisVertical,
  File,
  FileText,
  Folder as FolderIcon,
  FolderInput,
  Image,
  Moon,
  Pencil,
  Plus,
  Power,
  Search,
  SquareTerminal,
  Table,
  Trash2,
  Upload,
  X,
} from "lucide";
import { useCallback, useEffect, useMemo, useRef } from "preact/hooks";
import type { AppContext } from "../../context.ts";
import { announce } from "../../controls/announce.tsx";
import { Button } from "../../controls/button.tsx";
import { ask, askText } from "../../controls/dialog.tsx";
import { Hosts } from "../../controls/hosts.tsx";
import { Icon } from "../../controls/icon.tsx";
import { MenuButton, type MenuEntry, openContextMenu } from "../../controls/menu.tsx";
import { RenameField } from "../../controls/rename.tsx";
import { drawNow } from "../../draw.ts";
import { sizeInWords } from "../../outputs/size.ts";
import { RestError } from "../../rest.ts";
import { AccountMenu } from "../account.tsx";
import { Breadcrumb } from "../breadcrumb.tsx";
import { addressOf, folderOf, join, nameOf, viewFor } from "../places.ts";
import {
  endTerminal,
  listTerminals,
  openNewTerminal,
  type RunningTerminal,
  terminalAddress,
} from "../terminals.ts";
import { ago, count, moment } from "../words.ts";
import {
  type Entry,
  type Folder,
  type Kernelspecs,
  makeContents,
  type Running,
  sentence,
} from "./contents.ts";
import {
  arrange,
  BY_NAME,
  freeName,
  movable,
  nextSort,
  type Sort,
  type SortKey,
  stretch,
  wrongName,
} from "./listing.ts";
import { droppedFiles, pickFiles, type Upload as UploadItem } from "./upload.ts";
import "./dashboard.css";

/** Rows drawn at once; more on request. */
const ROWS = 500;
const REFRESH_MS = 10_000;
/** Rows that are dragged onto a folder. */
const ROWS_MIME = "application/x-carnet-paths";

export function Dashboard({ context, path }: { readonly context: AppContext; readonly path: string }) {
  const contents = useMemo(() => makeContents(context.rest), [context.rest]);
  const folder = useSignal<Folder | null>(null);
  const problem = useSignal("");
  const notice = useSignal("");
  const running = useSignal<readonly Running[]>([]);
  const terminals = useSignal<readonly RunningTerminal[]>([]);
  const specs = useSignal<Kernelspecs | null>(null);
  const query = useSignal("");
  const sort = useSignal<Sort>(BY_NAME);
  const chosen = useSignal<ReadonlySet<string>>(new Set());
  const renaming = useSignal<string | null>(null);
  const limit = useSignal(ROWS);
  const uploading = useSignal<{ readonly name: string; readonly at: number; readonly of: number } | null>(
    null,
  );
  const dragging = useSignal(false);
  const now = useSignal(Date.now());
  const list = useRef<HTMLUListElement>(null);
  const search = useRef<HTMLInputElement>(null);
  /** The row that was chosen last: where a stretch begins. */
  const anchor = useRef<string | null>(null);
  const deleted = useSignal<{ readonly what: string; readonly ids: readonly string[] } | null>(null);

  const refresh = useCallback(async () => {
    now.value = Date.now();
    const [listing, sessions, shells] = await Promise.allSettled([
      contents.list(path),
      contents.running(),
      context.extras.includes("terminals") ? listTerminals(context.rest) : [],
    ]);
    if (listing.status === "fulfilled") {
      folder.value = listing.value;
      problem.value = "";
    } else {
      problem.value = sentence(listing.reason);
      // An address of a file: it opens as what it is.
      const isNoFolder = listing.reason instanceof RestError && listing.reason.status === 200;
      const entry = isNoFolder ? await contents.look(path).catch(() => null) : null;
      if (entry !== null && entry.kind !== "directory") location.replace(hrefOf(context.base, entry));
    }
    if (sessions.status === "fulfilled") running.value = sessions.value;
    if (shells.status === "fulfilled") terminals.value = shells.value;
  }, [contents, context, path, folder, problem, running, terminals, now]);

  useEffect(() => {
    document.title = path === "" ? "Carnet" : `${nameOf(path)} — Carnet`;
    void refresh();
    contents.kernelspecs().then(
      found => {
        specs.value = found;
      },
      () => undefined,
    );
    const visible = () => {
      if (!document.hidden) void refresh();
    };
    const timer = setInterval(visible, REFRESH_MS);
    document.addEventListener("visibilitychange", visible);
    window.addEventListener("focus", visible);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", visible);
      window.removeEventListener("focus", visible);
    };
  }, [path, refresh, contents, specs]);

  /** Do something, show what went wrong as a line, and look again. */
  const act = async (work: () => Promise<unknown>, done?: string) => {
    try {
      notice.value = "";
      await work();
      if (done) announce(done);
    } catch (error) {
      notice.value = sentence(error);
      announce(notice.value);
    }
    await refresh();
  };

  const entries = folder.value?.entries ?? [];
  const taken = new Set(entries.map(entry => entry.name));
  const shown = arrange(entries, sort.value, query.value);
  const selected = entries.filter(entry => chosen.value.has(entry.path));
  const writable = folder.value?.writable ?? problem.value === "";
  const hasTrash = folder.value?.hasTrash ?? false;
  const runningAt = new Map(running.value.map(session => [session.path, session]));

  const openNew = (kernelName: string | undefined) => {
    // The tab must open in the click itself, or the browser takes it for a pop-up.
    const tab = window.open("", "_blank");
    void act(async () => {
      try {
        const made = await contents.create(path, "notebook");
        const suffix = kernelName === undefined ? "" : `?kernel_name=${encodeURIComponent(kernelName)}`;
        const address = addressOf(context.base, "notebooks", made.path) + suffix;
        if (tab === null) location.assign(address);
        else tab.location.assign(address);
      } catch (error) {
        tab?.close();
        throw error;
      }
    });
  };

  const newTerminal = () => void act(() => openNewTerminal(context.rest, context.base, path));

  const newEntries = (): MenuEntry[] => [
    { heading: "Notebook" },
    ...(specs.value === null || specs.value.all.length === 0
      ? [{ label: "Notebook", run: () => openNew(undefined) }]
      : specs.value.all.map(spec => ({ label: spec.displayName, run: () => openNew(spec.name) }))),
    "rule",
    ...(context.extras.includes("terminals") ? [{ label: "Terminal", run: newTerminal }] : []),
    {
      label: "Text file",
      run: () =>
        void act(async () => {
          const made = await contents.create(path, "file", ".txt");
          await refresh();
          renaming.value = made.path;
        }),
    },
    {
      label: "Folder",
      run: () =>
        void act(async () => {
          const made = await contents.create(path, "directory");
          await refresh();
          renaming.value = made.path;
        }),
    },
  ];

  const upload = async (items: readonly UploadItem[]) => {
    if (items.length === 0) return;
    const clashes = items.filter(item => taken.has(item.path));
    let keepBoth = false;
    if (clashes.length > 0) {
      const [first] = clashes;
      const what =
        clashes.length === 1 && first ? `“${first.path}” is` : `${clashes.length} of these names are`;
      const answer = await ask("Upload", `${what} here already.`, [
        { value: "replace", label: "Replace", kind: "danger" },
        { value: "keep", label: "Keep both" },
      ]);
      if (answer === null) return;
      keepBoth = answer === "keep";
    }
    await act(
      async () => {
        const made = new Set<string>();
        for (const [at, item] of items.entries()) {
          const target = keepBoth ? freeName(item.path, taken) : item.path;
          for (const parent of parentsOf(target)) {
            if (made.has(parent) || taken.has(parent)) continue;
            made.add(parent);
            await contents.makeFolder(join(path, parent));
          }
          uploading.value = { name: item.path, at: at + 1, of: items.length };
          await contents.upload(join(path, target), item.file);
        }
      },
      `${count(items.length, "file")} uploaded.`,
    );
    uploading.value = null;
  };

  const rename = (entry: Entry, name: string | null) => {
    renaming.value = null;
    focusRow(list.current, entry.path);
    if (name === null) return;
    const wrong = wrongName(name, taken);
    if (wrong !== undefined) {
      notice.value = wrong;
      announce(wrong);
      return;
    }
    const target = join(folderOf(entry.path), name);
    void act(() => contents.move(entry.path, target), `Renamed to ${name}.`).then(() =>
      focusRow(list.current, target),
    );
  };

  const remove = async (wanted: readonly Entry[]) => {
    const [first] = wanted;
    if (first === undefined) return;
    const what = wanted.length === 1 ? `“${first.name}”` : count(wanted.length, "item");
    const live = wanted.filter(entry => runningAt.has(entry.path)).length;
    const warning = live === 0 ? "" : ` ${live === 1 ? "One is" : `${live} are`} running.`;
    const question = hasTrash
      ? `Move ${what} to the trash?`
      : `Delete ${what} for ever? It cannot be brought back: this place has no trash.`;
    const answer = await ask("Delete", question + warning, [
      { value: "delete", label: hasTrash ? "Move to trash" : "Delete for ever", kind: "danger" },
    ]);
    if (answer === null) return;
    await act(
      async () => {
        deleted.value = null;
        for (const entry of wanted) await contents.remove(entry.path);
        chosen.value = new Set();
        const ids = hasTrash ? await contents.trashed(wanted.map(entry => entry.path)) : [];
        if (ids.length > 0) deleted.value = { what, ids };
      },
      hasTrash ? `${what} moved to the trash.` : `${what} deleted.`,
    );
  };

  const bringBack = async (ids: readonly string[]) => {
    deleted.value = null;
    await act(async () => {
      for (const id of ids) await contents.bringBack(id);
    }, "It is back.");
  };

  const duplicate = (wanted: readonly Entry[]) =>
    void act(
      async () => {
        for (const entry of wanted) await contents.copy(path, entry.path);
      },
      `${count(wanted.length, "copy").replace("copys", "copies")} made.`,
    );

  const move = async (wanted: readonly Entry[]) => {
    const target = await askText("Move", "To folder (from the top; empty is not allowed, “/” is the top)", {
      value: path === "" ? "/" : path,
      action: "Move",
    });
    if (target === null) return;
    await moveInto(
      wanted.map(entry => entry.path),
      target.replace(/^\/+|\/+$/g, ""),
    );
  };

  const moveInto = (paths: readonly string[], into: string) =>
    act(
      async () => {
        for (const from of paths) await contents.move(from, join(into, nameOf(from)));
        chosen.value = new Set();
      },
      `${count(paths.length, "item")} moved.`,
    );

  const download = (wanted: readonly Entry[]) => {
    for (const entry of wanted) {
      if (entry.kind === "directory") continue;
      const link = document.createElement("a");
      link.href = `${addressOf(context.base, "files", entry.path)}?download=1`;
      link.download = entry.name;
      link.click();
    }
  };

  const shutDown = async (session: Running) => {
    if (session.status === "busy") {
      const answer = await ask(
        "Shut down",
        `${session.name} is running a cell. Its variables will be gone.`,
        [{ value: "stop", label: "Shut down", kind: "danger" }],
      );
      if (answer === null) return;
    }
    await act(() => contents.shutDown(session.id), `${session.name} shut down.`);
  };

  const endShell = async (terminal: RunningTerminal) => {
    const answer = await ask("End the terminal", `What runs in terminal ${terminal.name} is ended too.`, [
      { value: "end", label: "End", kind: "danger" },
    ]);
    if (answer === null) return;
    await act(() => endTerminal(context.rest, terminal.name), `Terminal ${terminal.name} ended.`);
  };

  const rowMenu = (entry: Entry): MenuEntry[] => {
    const wanted = chosen.value.has(entry.path) && selected.length > 1 ? selected : [entry];
    const session = runningAt.get(entry.path);
    const one = wanted.length === 1;
    return [
      { label: "Open", run: () => location.assign(hrefOf(context.base, entry)), disabled: !one },
      ...(entry.kind === "file"
        ? [
            {
              label: "View",
              run: () => location.assign(addressOf(context.base, "view", entry.path)),
              disabled: !one,
            },
          ]
        : []),
      ...(entry.kind === "notebook"
        ? [
            {
              label: "Open as text",
              run: () => location.assign(addressOf(context.base, "edit", entry.path)),
              disabled: !one,
            },
          ]
        : []),
      ...(context.extras.includes("lab")
        ? [
            {
              label: "Open in JupyterLab",
              run: () => location.assign(addressOf(context.base, "lab/tree", entry.path)),
              disabled: !one,
            },
          ]
        : []),
      "rule",
      {
        label: "Rename…",
        keys: "F2",
        disabled: !one || !writable,
        run: () => {
          renaming.value = entry.path;
        },
      },
      {
        label: "Duplicate",
        disabled: !writable || wanted.some(item => item.kind === "directory"),
        run: () => duplicate(wanted),
      },
      { label: "Move…", disabled: !writable, run: () => void move(wanted) },
      {
        label: "Download",
        disabled: wanted.every(item => item.kind === "directory"),
        run: () => download(wanted),
      },
      ...(session ? (["rule", { label: "Shut down", run: () => void shutDown(session) }] as const) : []),
      "rule",
      {
        label: hasTrash ? "Move to trash" : "Delete…",
        keys: "Del",
        danger: true,
        disabled: !writable,
        run: () => void remove(wanted),
      },
    ];
  };

  const toggle = (entry: Entry, extend = false) => {
    const next = new Set(chosen.value);
    if (extend) for (const one of stretch(shown, anchor.current, entry.path)) next.add(one);
    else if (!next.delete(entry.path)) next.add(entry.path);
    anchor.current = entry.path;
    chosen.value = next;
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const target = event.target;
    if (!(target instanceof HTMLElement) || target instanceof HTMLInputElement) return;
    const accel = event.ctrlKey || event.metaKey;
    if (accel && !event.altKey && event.key.toLowerCase() === "a") {
      chosen.value = new Set(shown.map(one => one.path));
      event.preventDefault();
      return;
    }
    if (accel || event.altKey) return;
    const rows = [...(list.current?.querySelectorAll<HTMLElement>("a[data-path]") ?? [])];
    const at = rows.findIndex(row => row.closest("li")?.contains(target));
    const entry = shown.find(item => item.path === rows[at]?.dataset.path);
    const go = (index: number) => {
      const row = rows[Math.max(0, Math.min(rows.length - 1, index))];
      row?.focus();
      const next = shown.find(item => item.path === row?.dataset.path);
      if (!event.shiftKey || entry === undefined || next === undefined) return;
      chosen.value = new Set([...chosen.value, ...stretch(shown, entry.path, next.path)]);
      anchor.current = next.path;
    };
    switch (event.key) {
      case "ArrowDown":
        go(at + 1);
        break;
      case "ArrowUp":
        go(at - 1);
        break;
      case "Home":
        go(0);
        break;
      case "End":
        go(rows.length - 1);
        break;
      case "/":
        search.current?.focus();
        break;
      case "F2":
        if (entry && writable) renaming.value = entry.path;
        break;
      case "Delete":
        if (writable) void remove(selected.length > 0 ? selected : entry ? [entry] : []);
        break;
      case " ":
        if (!entry) return;
        toggle(entry);
        break;
      case "Escape":
        chosen.value = new Set();
        break;
      default:
        return;
    }
    event.preventDefault();
    // A field that opens gets the very next key.
    drawNow();
  };

  const drop = (event: DragEvent) => {
    event.preventDefault();
    dragging.value = false;
    if (!writable || event.dataTransfer === null) return;
    void droppedFiles(event.dataTransfer).then(upload);
  };

  const column = (key: SortKey, label: string) => (
    <button
      type="button"
      class="button column"
      data-column={key}
      aria-pressed={sort.value.key === key}
      onClick={() => {
        sort.value = nextSort(sort.value, key);
      }}
    >
      {label}
      {sort.value.key === key && <Icon shape={sort.value.descending ? ArrowDown : ArrowUp} size={12} />}
    </button>
  );

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the whole page takes files that are dropped on it
    <div
      class="dashboard"
      data-dragging={dragging.value ? "" : undefined}
      onDragOver={event => {
        if (!event.dataTransfer?.types.includes("Files")) return;
        event.preventDefault();
        dragging.value = true;
      }}
      onDragLeave={event => {
        if (event.relatedTarget === null) dragging.value = false;
      }}
      onDrop={drop}
    >
      <header class="bar">
        <Breadcrumb base={context.base} path={path} />
        <AccountMenu base={context.base} />
      </header>
      <main class="dashboard-main">
        {running.value.length + terminals.value.length > 0 && (
          <section class="running" aria-labelledby="running-title">
            <h2 id="running-title">Running</h2>
            <ul class="running-list">
              {running.value.map(session => (
                <RunningRow
                  key={session.id}
                  session={session}
                  nowMs={now.value}
                  href={addressOf(context.base, "notebooks", session.path)}
                  onShutDown={() => void shutDown(session)}
                />
              ))}
              {terminals.value.map(terminal => (
                <TerminalRow
                  key={`terminal ${terminal.name}`}
                  terminal={terminal}
                  nowMs={now.value}
                  href={terminalAddress(context.base, terminal.name)}
                  onEnd={() => void endShell(terminal)}
                />
              ))}
            </ul>
          </section>
        )}

        <div class="tools">
          <h1 class="spoken">{path === "" ? "Files" : `Files in ${path}`}</h1>
          {selected.length === 0 ? (
            <>
              <div class="search">
                <Icon shape={Search} />
                <input
                  ref={search}
                  onKeyDown={event => {
                    if (event.key !== "ArrowDown") return;
                    event.preventDefault();
                    list.current?.querySelector<HTMLElement>("a[data-path]")?.focus();
                  }}
                  class="field"
                  type="search"
                  aria-label="Find in this folder"
                  placeholder="Find in this folder"
                  value={query.value}
                  onInput={event => {
                    query.value = event.currentTarget.value;
                    limit.value = ROWS;
                  }}
                />
              </div>
              <span class="tools-end">
                <Button
                  icon={Upload}
                  kind="outlined"
                  disabled={!writable}
                  onClick={() => void pickFiles().then(upload)}
                >
                  Upload
                </Button>
                <MenuButton spec={{ label: "New", entries: newEntries }} kind="primary">
                  <Icon shape={Plus} /> New
                </MenuButton>
              </span>
            </>
          ) : (
            <>
              <Button
                icon={X}
                label="Clear selection"
                onClick={() => {
                  chosen.value = new Set();
                }}
              />
              <span class="selected-count" role="status">
                {count(selected.length, "item")} selected
              </span>
              <span class="tools-end">
                <Button
                  icon={Pencil}
                  disabled={selected.length !== 1 || !writable}
                  onClick={() => {
                    renaming.value = selected[0]?.path ?? null;
                  }}
                >
                  Rename
                </Button>
                <Button
                  icon={Copy}
                  disabled={!writable || selected.some(entry => entry.kind === "directory")}
                  onClick={() => duplicate(selected)}
                >
                  Duplicate
                </Button>
                <Button icon={FolderInput} disabled={!writable} onClick={() => void move(selected)}>
                  Move
                </Button>
                <Button
                  icon={Download}
                  disabled={selected.every(entry => entry.kind === "directory")}
                  onClick={() => download(selected)}
                >
                  Download
                </Button>
                <Button icon={Trash2} disabled={!writable} onClick={() => void remove(selected)}>
                  Delete
                </Button>
              </span>
            </>
          )}
        </div>

        <div class="lines" aria-live="polite">
          {notice.value !== "" && (
            <p class="line" data-kind="error">
              {notice.value}
              <Button
                icon={X}
                label="Dismiss"
                onClick={() => {
                  notice.value = "";
                }}
              />
            </p>
          )}
          {deleted.value && (
            <p class="line">
              {deleted.value.what} moved to the trash.
              <Button kind="link" onClick={() => void bringBack(deleted.value?.ids ?? [])}>
                Undo
              </Button>
            </p>
          )}
          {uploading.value && (
            <p class="line">
              Uploading {uploading.value.name}
              {uploading.value.of > 1 && ` (${uploading.value.at} of ${uploading.value.of})`}
              <progress aria-label="Uploading" />
            </p>
          )}
          {folder.value !== null && !writable && <p class="line">This folder is read-only.</p>}
        </div>

        {folder.value === null && problem.value !== "" ? (
          <div class="empty">
            <p>{problem.value}</p>
            <p>
              <Button kind="outlined" onClick={() => void refresh()}>
                Try again
              </Button>{" "}
              {path !== "" && <a href={addressOf(context.base, "tree", folderOf(path))}>Go up one folder</a>}
            </p>
          </div>
        ) : (
          <>
            {problem.value !== "" && (
              <p class="line" data-kind="error">
                {problem.value}
              </p>
            )}
            <div class="columns" data-empty={shown.length === 0 ? "" : undefined}>
              <input
                type="checkbox"
                aria-label="Select all"
                checked={shown.length > 0 && selected.length === shown.length}
                onChange={event => {
                  chosen.value = new Set(event.currentTarget.checked ? shown.map(entry => entry.path) : []);
                }}
              />
              <span />
              {column("name", "Name")}
              <span data-column="status" />
              <span data-column="kind">Kind</span>
              {column("changed", "Changed")}
              {column("size", "Size")}
              <span />
            </div>
            <ul ref={list} class="rows" aria-label="Files" onKeyDown={onKeyDown}>
              {shown.slice(0, limit.value).map(entry => (
                <Row
                  key={entry.path}
                  entry={entry}
                  href={hrefOf(context.base, entry)}
                  nowMs={now.value}
                  session={runningAt.get(entry.path)}
                  chosen={chosen.value.has(entry.path)}
                  renaming={renaming.value === entry.path}
                  onToggle={extend => toggle(entry, extend)}
                  dragged={() =>
                    writable ? (chosen.value.has(entry.path) ? selected : [entry]).map(one => one.path) : []
                  }
                  onDropped={paths => {
                    const moved = movable(paths, entry.path);
                    if (moved.length > 0) void moveInto(moved, entry.path);
                  }}
                  onRename={name => rename(entry, name)}
                  menu={() => rowMenu(entry)}
                  onStop={session => void shutDown(session)}
                />
              ))}
            </ul>
            {shown.length > limit.value && (
              <Button
                kind="outlined"
                onClick={() => {
                  limit.value += 4 * ROWS;
                }}
              >
                {(shown.length - limit.value).toLocaleString("en")} more
              </Button>
            )}
            {folder.value !== null && shown.length === 0 && (
              <div class="empty">
                {query.value === "" ? (
                  <>
                    <p>This folder is empty.</p>
                    <p>Make a notebook with New, or drop files anywhere.</p>
                  </>
                ) : (
                  <p>Nothing here is called “{query.value}”.</p>
                )}
              </div>
            )}
          </>
        )}
      </main>
      <div class="drop-hint" aria-hidden="true">
        Drop to upload into {path === "" ? "this folder" : nameOf(path)}
      </div>
      <Hosts />
    </div>
  );
}

function RunningRow(props: {
  readonly session: Running;
  readonly nowMs: number;
  readonly href: string;
  readonly onShutDown: () => void;
}) {
  const { session } = props;
  const facts = [
    session.kernelName,
    session.memoryBytes === null ? "" : sizeInWords(session.memoryBytes),
    session.startedMs === null
      ? ""
      : `since ${ago(session.startedMs, props.nowMs)}`
          .replace("since just", "started just")
          .replace(/ ago$/, ""),
  ].filter(fact => fact !== "");
  return (
    <li class="row" data-running>
      <Icon shape={BookOpen} />
      <a class="row-name" href={props.href} title={session.path}>
        {session.name.replace(/\.ipynb$/, "")}
        <small>{folderOf(session.path)}</small>
      </a>
      <span class="row-facts">{facts.join(" · ")}</span>
      <Status status={session.status} />
      <Button
        icon={Power}
        label={`Shut down ${session.name}`}
        class="row-button"
        onClick={props.onShutDown}
      />
    </li>
  );
}

function TerminalRow(props: {
  readonly terminal: RunningTerminal;
  readonly nowMs: number;
  readonly href: string;
  readonly onEnd: () => void;
}) {
  const { name, activeMs } = props.terminal;
  return (
    <li class="row" data-running>
      <Icon shape={SquareTerminal} />
      <a class="row-name" href={props.href}>
        Terminal {name}
      </a>
      <span class="row-facts">{activeMs === null ? "" : `last used ${ago(activeMs, props.nowMs)}`}</span>
      <Status status="running" />
      <Button icon={Power} label={`End terminal ${name}`} class="row-button" onClick={props.onEnd} />
    </li>
  );
}

function Status({ status }: { readonly status: string }) {
  return (
    <span class="status" data-status={status}>
      <Icon shape={status === "idle" ? Moon : Circle} size={status === "idle" ? 12 : 8} /> {status}
    </span>
  );
}

function Row(props: {
  readonly entry: Entry;
  readonly href: string;
  readonly nowMs: number;
  readonly session: Running | undefined;
  readonly chosen: boolean;
  readonly renaming: boolean;
  /** `extend`: with all rows from the one that was chosen last. */
  readonly onToggle: (extend: boolean) => void;
  /** The paths that go with this row when it is dragged. */
  readonly dragged: () => readonly string[];
  readonly onDropped: (paths: readonly string[]) => void;
  readonly onRename: (name: string | null) => void;
  readonly menu: () => readonly MenuEntry[];
  readonly onStop: (session: Running) => void;
}) {
  const { entry, session } = props;
  const kind = kindOf(entry);
  const spec = { label: entry.name, entries: props.menu };
  const over = useSignal(false);
  /** Whether Shift is held: `change` does not say. */
  const withShift = useRef(false);
  const takes = (event: DragEvent) =>
    entry.kind === "directory" && event.dataTransfer?.types.includes(ROWS_MIME) === true;
  return (
    <li
      class="row"
      data-chosen={props.chosen ? "" : undefined}
      data-over={over.value ? "" : undefined}
      onDragStart={event => event.dataTransfer?.setData(ROWS_MIME, JSON.stringify(props.dragged()))}
      onDragOver={event => {
        if (!takes(event)) return;
        event.preventDefault();
        over.value = true;
      }}
      onDragLeave={() => {
        over.value = false;
      }}
      onDrop={event => {
        if (!takes(event)) return;
        event.preventDefault();
        event.stopPropagation();
        over.value = false;
        props.onDropped(pathsIn(event.dataTransfer?.getData(ROWS_MIME) ?? ""));
      }}
      onContextMenu={event => openContextMenu(event, spec)}
    >
      <label class="row-check">
        <input
          type="checkbox"
          aria-label={`Select ${entry.name}`}
          checked={props.chosen}
          onClick={event => {
            withShift.current = event.shiftKey;
          }}
          onChange={() => props.onToggle(withShift.current)}
        />
      </label>
      <Icon shape={kind.icon} />
      {props.renaming ? (
        <RenameField label={`New name of ${entry.name}`} value={entry.name} onDone={props.onRename} />
      ) : (
        <a class="row-name" data-path={entry.path} href={props.href}>
          {entry.name}
        </a>
      )}
      <span data-column="status">
        {session && (
          <>
            <Status status={session.status === "idle" ? "running" : session.status} />
            <Button
              icon={Power}
              label={`Shut down ${entry.name}`}
              class="row-button"
              onClick={() => props.onStop(session)}
            />
          </>
        )}
      </span>
      <span data-column="kind">{kind.word}</span>
      <span data-column="changed" title={entry.changedMs === null ? "" : moment(entry.changedMs)}>
        {entry.changedMs === null ? "" : ago(entry.changedMs, props.nowMs)}
      </span>
      <span data-column="size">
        {entry.sizeBytes === null || entry.kind === "directory" ? "" : sizeInWords(entry.sizeBytes)}
      </span>
      <MenuButton spec={spec} class="row-button" tip={`More for ${entry.name}`} tabIndex={-1}>
        <Icon shape={EllipsisVertical} />
      </MenuButton>
    </li>
  );
}

/** Read what a dragged row says; anything may be dropped. */
function pathsIn(text: string): readonly string[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.filter(path => typeof path === "string") : [];
  } catch {
    return [];
  }
}

function kindOf(entry: Entry) {
  if (entry.kind === "directory") return { word: "Folder", icon: FolderIcon };
  if (entry.kind === "notebook") return { word: "Notebook", icon: BookOpen };
  if (/\.(png|jpe?g|gif|webp|avif|svg|bmp|ico)$/i.test(entry.name)) return { word: "Picture", icon: Image };
  if (/\.(csv|tsv|parquet|xlsx?)$/i.test(entry.name)) return { word: "Table", icon: Table };
  if (
    /\.(txt|md|rst|py|r|jl|js|ts|json|ya?ml|toml|ini|cfg|sh|html?|css|tex|log|xml|sql)$/i.test(entry.name)
  ) {
    return { word: "Text", icon: FileText };
  }
  return { word: "File", icon: File };
}

function hrefOf(base: string, entry: Entry): string {
  return addressOf(base, viewFor(entry.name, entry.kind), entry.path);
}

function parentsOf(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_part, index) => parts.slice(0, index + 1).join("/"));
}

function focusRow(list: HTMLElement | null, path: string): void {
  requestAnimationFrame(() =>
    list?.querySelector<HTMLElement>(`a[data-path="${CSS.escape(path)}"]`)?.focus(),
  );
}
