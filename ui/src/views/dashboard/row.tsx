/** One row of the folder: it is opened, chosen, renamed, dragged, and takes what is dropped on a folder. */

import { useSignal } from "@preact/signals";
import { BookOpen, EllipsisVertical, File, FileText, Folder, Image, Power, Table } from "lucide";
import { useRef } from "preact/hooks";
import { Button } from "../../controls/button.tsx";
import { Icon } from "../../controls/icon.tsx";
import { MenuButton, openContextMenu } from "../../controls/menu.tsx";
import { RenameField } from "../../controls/rename.tsx";
import { sizeInWords } from "../../outputs/size.ts";
import { ago, moment } from "../words.ts";
import { moveInto, shutDown } from "./actions.ts";
import type { Entry } from "./contents.ts";
import { movable } from "./listing.ts";
import { rowMenu } from "./menus.ts";
import type { DashboardPage } from "./page.ts";
import { Status } from "./running.tsx";

/** Rows that are dragged onto a folder. */
const ROWS_MIME = "application/x-carnet-paths";

export function Row(props: {
  readonly page: DashboardPage;
  readonly entry: Entry;
  /** The name that was written; null: it was given up. */
  readonly onRename: (name: string | null) => void;
}) {
  const { page, entry } = props;
  const session = page.runningAt.value.get(entry.path);
  const chosen = page.chosen.value.has(entry.path);
  const kind = kindOf(entry);
  const spec = { label: entry.name, entries: () => rowMenu(page, entry) };
  const over = useSignal(false);
  /** Whether Shift is held: `change` does not say. */
  const withShift = useRef(false);
  const takes = (event: DragEvent) =>
    entry.kind === "directory" && event.dataTransfer?.types.includes(ROWS_MIME) === true;
  /** The paths that go with this row when it is dragged. */
  const dragged = (): readonly string[] =>
    page.writable.value ? (chosen ? page.selected.value : [entry]).map(one => one.path) : [];
  return (
    <li
      class="row"
      data-chosen={chosen ? "" : undefined}
      data-over={over.value ? "" : undefined}
      onDragStart={event => event.dataTransfer?.setData(ROWS_MIME, JSON.stringify(dragged()))}
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
        const moved = movable(pathsIn(event.dataTransfer?.getData(ROWS_MIME) ?? ""), entry.path);
        if (moved.length > 0) void moveInto(page, moved, entry.path);
      }}
      onContextMenu={event => openContextMenu(event, spec)}
    >
      <label class="row-check">
        <input
          type="checkbox"
          aria-label={`Select ${entry.name}`}
          checked={chosen}
          onClick={event => {
            withShift.current = event.shiftKey;
          }}
          onChange={() => page.toggle(entry, withShift.current)}
        />
      </label>
      <Icon shape={kind.icon} />
      {page.renaming.value === entry.path ? (
        <RenameField label={`New name of ${entry.name}`} value={entry.name} onDone={props.onRename} />
      ) : (
        <a class="row-name" data-path={entry.path} href={page.hrefOf(entry)}>
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
              onClick={() => void shutDown(page, session)}
            />
          </>
        )}
      </span>
      <span data-column="kind">{kind.word}</span>
      <span data-column="changed" title={entry.changedMs === null ? "" : moment(entry.changedMs)}>
        {entry.changedMs === null ? "" : ago(entry.changedMs, page.nowMs.value)}
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
  if (entry.kind === "directory") return { word: "Folder", icon: Folder };
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
