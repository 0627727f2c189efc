/** The line above the rows: finding, uploading and making; with rows chosen, what can be done with them. */

import { Copy, Download, FolderInput, Pencil, Plus, Search, Trash2, Upload, X } from "lucide";
import type { RefObject } from "preact";
import { Button } from "../../controls/button.tsx";
import { Icon } from "../../controls/icon.tsx";
import { MenuButton } from "../../controls/menu.tsx";
import { count } from "../words.ts";
import { download, duplicate, move, remove, upload } from "./actions.ts";
import { newMenu } from "./menus.ts";
import { type DashboardPage, ROWS } from "./page.ts";
import { pickFiles } from "./upload.ts";

export function Tools(props: {
  readonly page: DashboardPage;
  readonly search: RefObject<HTMLInputElement | null>;
  readonly onLeaveSearch: () => void;
}) {
  const { page } = props;
  return (
    <div class="tools">
      <h1 class="spoken">{page.path === "" ? "Files" : `Files in ${page.path}`}</h1>
      {page.selected.value.length === 0 ? <FolderTools {...props} /> : <ChosenTools page={page} />}
    </div>
  );
}

function FolderTools(props: {
  readonly page: DashboardPage;
  readonly search: RefObject<HTMLInputElement | null>;
  readonly onLeaveSearch: () => void;
}) {
  const { page } = props;
  return (
    <>
      <div class="search">
        <Icon shape={Search} />
        <input
          ref={props.search}
          onKeyDown={event => {
            if (event.key !== "ArrowDown") return;
            event.preventDefault();
            props.onLeaveSearch();
          }}
          class="field"
          type="search"
          aria-label="Find in this folder"
          placeholder="Find in this folder"
          value={page.query.value}
          onInput={event => {
            page.query.value = event.currentTarget.value;
            page.limit.value = ROWS;
          }}
        />
      </div>
      <span class="tools-end">
        <Button
          icon={Upload}
          kind="outlined"
          disabled={!page.writable.value}
          onClick={() => void pickFiles().then(items => upload(page, items))}
        >
          Upload
        </Button>
        <MenuButton spec={{ label: "New", entries: () => newMenu(page) }} kind="primary">
          <Icon shape={Plus} /> New
        </MenuButton>
      </span>
    </>
  );
}

function ChosenTools({ page }: { readonly page: DashboardPage }) {
  const selected = page.selected.value;
  const writable = page.writable.value;
  return (
    <>
      <Button icon={X} label="Clear selection" onClick={() => page.chooseNone()} />
      <span class="selected-count" role="status">
        {count(selected.length, "item")} selected
      </span>
      <span class="tools-end">
        <Button
          icon={Pencil}
          disabled={selected.length !== 1 || !writable}
          onClick={() => {
            page.renaming.value = selected[0]?.path ?? null;
          }}
        >
          Rename
        </Button>
        <Button
          icon={Copy}
          disabled={!writable || selected.some(entry => entry.kind === "directory")}
          onClick={() => void duplicate(page, selected)}
        >
          Duplicate
        </Button>
        <Button icon={FolderInput} disabled={!writable} onClick={() => void move(page, selected)}>
          Move
        </Button>
        <Button icon={Download} onClick={() => download(page, selected)}>
          Download
        </Button>
        <Button icon={Trash2} disabled={!writable} onClick={() => void remove(page, selected)}>
          Delete
        </Button>
      </span>
    </>
  );
}
