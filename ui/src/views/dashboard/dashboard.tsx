/** The dashboard: a folder, what runs, and what can be done with both. */

import { useSignal } from "@preact/signals";
import { ArrowDown, ArrowUp, X } from "lucide";
import type { RefObject } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { AppContext } from "../../context.ts";
import { Button } from "../../controls/button.tsx";
import { Hosts } from "../../controls/hosts.tsx";
import { Icon } from "../../controls/icon.tsx";
import { drawNow } from "../../draw.ts";
import { AccountMenu } from "../account.tsx";
import { Breadcrumb } from "../breadcrumb.tsx";
import { addressOf, folderOf, nameOf } from "../places.ts";
import { bringBack, remove, rename, upload } from "./actions.ts";
import type { Entry } from "./contents.ts";
import { nextSort, type SortKey } from "./listing.ts";
import { type DashboardPage, makeDashboardPage, ROWS } from "./page.ts";
import { Row } from "./row.tsx";
import { RunningList } from "./running.tsx";
import { Tools } from "./tools.tsx";
import { droppedFiles } from "./upload.ts";
import "./dashboard.css";

const REFRESH_MS = 10_000;

export function Dashboard({ context, path }: { readonly context: AppContext; readonly path: string }) {
  const page = useMemo(() => makeDashboardPage(context, path), [context, path]);
  const list = useRef<HTMLUListElement>(null);
  const search = useRef<HTMLInputElement>(null);
  const dragging = useSignal(false);
  useRefreshing(page);
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
      onDrop={event => {
        event.preventDefault();
        dragging.value = false;
        if (!page.writable.value || event.dataTransfer === null) return;
        void droppedFiles(event.dataTransfer).then(items => upload(page, items));
      }}
    >
      <header class="bar">
        <Breadcrumb base={context.base} path={path} />
        <AccountMenu base={context.base} />
      </header>
      <main class="dashboard-main">
        <RunningList page={page} />
        <Tools page={page} search={search} onLeaveSearch={() => rowsOf(list.current)[0]?.focus()} />
        <Lines page={page} />
        {page.folder.value === null && page.problem.value !== "" ? (
          <NoFolder page={page} />
        ) : (
          <FolderList page={page} list={list} search={search} />
        )}
      </main>
      <div class="drop-hint" aria-hidden="true">
        Drop to upload into {path === "" ? "this folder" : nameOf(path)}
      </div>
      <Hosts />
    </div>
  );
}

/** Look at once, every ten seconds while the tab is seen, and whenever somebody comes back to it. */
function useRefreshing(page: DashboardPage): void {
  useEffect(() => {
    document.title = page.path === "" ? "Carnet" : `${nameOf(page.path)} — Carnet`;
    void page.refresh();
    page.contents.kernelspecs().then(
      found => {
        page.kernelspecs.value = found;
      },
      () => undefined,
    );
    const visible = () => {
      if (!document.hidden) void page.refresh();
    };
    const timer = setInterval(visible, REFRESH_MS);
    document.addEventListener("visibilitychange", visible);
    window.addEventListener("focus", visible);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", visible);
      window.removeEventListener("focus", visible);
    };
  }, [page]);
}

/** What was done, is being done, or went wrong. */
function Lines({ page }: { readonly page: DashboardPage }) {
  const { notice, deleted, uploading } = page;
  return (
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
          <Button kind="link" onClick={() => void bringBack(page, deleted.value?.ids ?? [])}>
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
      {page.folder.value !== null && !page.writable.value && <p class="line">This folder is read-only.</p>}
    </div>
  );
}

function NoFolder({ page }: { readonly page: DashboardPage }) {
  const { path } = page;
  return (
    <div class="empty">
      <p>{page.problem.value}</p>
      <p>
        <Button kind="outlined" onClick={() => void page.refresh()}>
          Try again
        </Button>{" "}
        {path !== "" && <a href={addressOf(page.context.base, "tree", folderOf(path))}>Go up one folder</a>}
      </p>
    </div>
  );
}

function FolderList(props: {
  readonly page: DashboardPage;
  readonly list: RefObject<HTMLUListElement | null>;
  readonly search: RefObject<HTMLInputElement | null>;
}) {
  const { page, list } = props;
  const shown = page.shown.value;
  const hidden = shown.length - page.limit.value;
  return (
    <>
      {page.problem.value !== "" && (
        <p class="line" data-kind="error">
          {page.problem.value}
        </p>
      )}
      <Columns page={page} />
      <ul
        ref={list}
        class="rows"
        aria-label="Files"
        onKeyDown={event => onKeyDown(event, page, list.current, props.search.current)}
      >
        {shown.slice(0, page.limit.value).map(entry => (
          <Row
            key={entry.path}
            page={page}
            entry={entry}
            onRename={name => {
              const renamed = rename(page, entry, name);
              focusRow(list.current, entry.path);
              void renamed.then(path => focusRow(list.current, path));
            }}
          />
        ))}
      </ul>
      {hidden > 0 && (
        <Button
          kind="outlined"
          onClick={() => {
            page.limit.value += 4 * ROWS;
          }}
        >
          {hidden.toLocaleString("en")} more
        </Button>
      )}
      {page.folder.value !== null && shown.length === 0 && <Nothing query={page.query.value} />}
    </>
  );
}

function Columns({ page }: { readonly page: DashboardPage }) {
  const shown = page.shown.value;
  return (
    <div class="columns" data-empty={shown.length === 0 ? "" : undefined}>
      <input
        type="checkbox"
        aria-label="Select all"
        checked={shown.length > 0 && page.selected.value.length === shown.length}
        onChange={event => {
          if (event.currentTarget.checked) page.chooseAll();
          else page.chooseNone();
        }}
      />
      <span />
      <Column page={page} by="name" label="Name" />
      <span data-column="status" />
      <span data-column="kind">Kind</span>
      <Column page={page} by="changed" label="Changed" />
      <Column page={page} by="size" label="Size" />
      <span />
    </div>
  );
}

function Column(props: { readonly page: DashboardPage; readonly by: SortKey; readonly label: string }) {
  const { sort } = props.page;
  const isOrder = sort.value.key === props.by;
  return (
    <button
      type="button"
      class="button column"
      data-column={props.by}
      aria-pressed={isOrder}
      onClick={() => {
        sort.value = nextSort(sort.value, props.by);
      }}
    >
      {props.label}
      {isOrder && <Icon shape={sort.value.descending ? ArrowDown : ArrowUp} size={12} />}
    </button>
  );
}

function Nothing({ query }: { readonly query: string }) {
  return (
    <div class="empty">
      {query === "" ? (
        <>
          <p>This folder is empty.</p>
          <p>Make a notebook with New, or drop files anywhere.</p>
        </>
      ) : (
        <p>Nothing here is called “{query}”.</p>
      )}
    </div>
  );
}

/** The keys of the list; each row is one stop. */
function onKeyDown(
  event: KeyboardEvent,
  page: DashboardPage,
  list: HTMLElement | null,
  search: HTMLInputElement | null,
): void {
  const target = event.target;
  if (!(target instanceof HTMLElement) || target instanceof HTMLInputElement) return;
  const accel = event.ctrlKey || event.metaKey;
  if (accel && !event.altKey && event.key.toLowerCase() === "a") {
    page.chooseAll();
    event.preventDefault();
    return;
  }
  if (accel || event.altKey) return;
  const rows = rowsOf(list);
  const entryOf = (row: HTMLElement | undefined): Entry | undefined =>
    page.shown.value.find(entry => entry.path === row?.dataset.path);
  const at = rows.findIndex(row => row.closest("li")?.contains(target));
  const entry = entryOf(rows[at]);
  const writable = page.writable.value;
  const selected = page.selected.value;
  const go = (index: number): void => {
    const row = rows[Math.max(0, Math.min(rows.length - 1, index))];
    row?.focus();
    const next = entryOf(row);
    if (event.shiftKey && entry !== undefined && next !== undefined) page.chooseStretch(entry, next);
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
      search?.focus();
      break;
    case "F2":
      if (entry && writable) page.renaming.value = entry.path;
      break;
    case "Delete":
      if (writable) void remove(page, selected.length > 0 ? selected : entry ? [entry] : []);
      break;
    case " ":
      if (!entry) return;
      page.toggle(entry);
      break;
    case "Escape":
      page.chooseNone();
      break;
    default:
      return;
  }
  event.preventDefault();
  // A field that opens gets the very next key.
  drawNow();
}

function rowsOf(list: HTMLElement | null): readonly HTMLElement[] {
  return [...(list?.querySelectorAll<HTMLElement>("a[data-path]") ?? [])];
}

function focusRow(list: HTMLElement | null, path: string): void {
  requestAnimationFrame(() =>
    list?.querySelector<HTMLElement>(`a[data-path="${CSS.escape(path)}"]`)?.focus(),
  );
}
