/** The bar of a notebook: where you are, the menus, what is true now, and Run. */

import { useComputed } from "@preact/signals";
import { Command as CommandIcon, Menu as MenuIcon, Play, Square } from "lucide";
import { useMemo, useRef } from "preact/hooks";
import { Button } from "../../controls/button.tsx";
import { Icon } from "../../controls/icon.tsx";
import { MenuButton, Menubar, type MenuEntry } from "../../controls/menu.tsx";
import { RenameField } from "../../controls/rename.tsx";
import { Breadcrumb } from "../breadcrumb.tsx";
import { folderOf, nameOf } from "../places.ts";
import { moment } from "../words.ts";
import { menubar, runCommand } from "./menus.ts";
import { giveFocusBack, type NotebookPage } from "./page.ts";
import { renameNotebook } from "./rename.ts";
import { kernelWords, linkWords, savedWords, wayWords } from "./status.ts";

export function Header({ page }: { readonly page: NotebookPage }) {
  const { notebook } = page;
  const menus = useMemo(() => menubar(page), [page]);
  const path = notebook.path.value;
  const busy = useComputed(() => notebook.runs.value.length > 0).value;
  const name = nameOf(path);
  const title = name.replace(/\.ipynb$/i, "");
  const everything = (): MenuEntry[] =>
    menus.flatMap((menu, index): MenuEntry[] => [
      ...(index > 0 ? (["rule"] as const) : []),
      { heading: menu.label },
      ...menu.entries(),
    ]);
  return (
    <header class="bar notebook-bar">
      <Breadcrumb base={page.context.base} path={folderOf(path)}>
        <h1 class="title">
          {page.renaming.value ? (
            <RenameField
              label="New name of this notebook"
              value={name}
              onDone={value => {
                page.renaming.value = false;
                giveFocusBack(page);
                if (value !== null) void renameNotebook(page, value);
              }}
            />
          ) : (
            <button
              type="button"
              class="button"
              title="Rename"
              disabled={!notebook.writable.value}
              onClick={() => page.rename()}
            >
              {title}
            </button>
          )}
        </h1>
      </Breadcrumb>
      <Menubar label="Notebook" menus={menus} />
      <div class="states">
        {notebook.status.value.kind === "ready" && (
          <>
            <SavedState page={page} />
            <KernelState page={page} />
          </>
        )}
        <LinkState page={page} />
      </div>
      <div class="bar-actions">
        <Button
          icon={CommandIcon}
          class="wide-only"
          label="All commands"
          onClick={() => page.openPalette()}
        />
        <Button
          icon={Square}
          label="Interrupt"
          keys="I I"
          class={busy ? "stop" : "stop stop-idle"}
          disabled={!busy}
          keepsFocus
          onClick={() => notebook.interrupt()}
        />
        <Button icon={Play} kind="primary" keepsFocus onClick={() => runCommand(page, "cell.run")}>
          Run <kbd>⇧↵</kbd>
        </Button>
        <MenuButton spec={{ label: "Menu", entries: everything }} class="phone-only" tip="Menu">
          <Icon shape={MenuIcon} />
        </MenuButton>
      </div>
    </header>
  );
}

function SavedState({ page }: { readonly page: NotebookPage }) {
  const { notebook } = page;
  const dirtySinceMs = useRef<number | null>(null);
  const words = useComputed(() => {
    if (!notebook.saved.value.dirty) dirtySinceMs.current = null;
    else dirtySinceMs.current ??= Date.now();
    return savedWords(
      notebook.saved.value,
      notebook.stalled.value,
      notebook.pendingCount.value,
      notebook.link.value,
      notebook.writable.value,
      page.nowMs.value + notebook.clockOffsetMs.value,
      dirtySinceMs.current === null ? 0 : page.nowMs.value - dirtySinceMs.current,
    );
  }).value;
  const { problem, atMs, dirty } = notebook.saved.value;
  const waits = dirty || notebook.pendingCount.value > 0;
  return (
    <span
      class="state wide-only"
      data-saved={waits ? undefined : ""}
      data-tone={words.tone}
      title={notebook.stalled.value?.reason || problem || (atMs === 0 ? "" : moment(atMs))}
    >
      {words.text}
    </span>
  );
}

function KernelState({ page }: { readonly page: NotebookPage }) {
  const { notebook } = page;
  const words = useComputed(() => kernelWords(notebook.kernel.value)).value;
  return (
    <button
      type="button"
      class="button state wide-only"
      data-tone={words.tone}
      title="Change kernel"
      disabled={!notebook.writable.value}
      onClick={() => page.chooseKernel()}
    >
      {words.text}
    </button>
  );
}

function LinkState({ page }: { readonly page: NotebookPage }) {
  const { notebook } = page;
  const { signIn } = page.context;
  const words = useComputed(() =>
    linkWords(notebook.link.value, page.nowMs.value, signIn.state.value.kind === "in"),
  ).value;
  const link = notebook.link.value;
  const way = page.context.connection?.way.value ?? { name: null, failures: [] };
  return (
    <span class="state" data-tone={words.tone} role="status">
      <button
        type="button"
        class="button"
        title={wayWords(link, way)}
        aria-haspopup="dialog"
        onClick={() => page.openConnection()}
      >
        <i class="dot" data-link={link.kind} aria-hidden="true" />
        {words.text}
      </button>
    </span>
  );
}
