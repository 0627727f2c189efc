/** The notebook page. */

import { computed, signal, useComputed, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { AppContext } from "../../context.ts";
import { announce } from "../../controls/announce.tsx";
import { Button } from "../../controls/button.tsx";
import { Hosts } from "../../controls/hosts.tsx";
import { Palette } from "../../controls/palette.tsx";
import { only } from "../../core/selection.ts";
import { type OutputSettings, OutputSettingsContext, type WidgetHost } from "../../outputs/settings.ts";
import { addressOf, folderOf, nameOf, resolve, viewFor } from "../places.ts";
import { insertCell } from "./cell.tsx";
import { Cells } from "./cells.tsx";
import { editorChunk, outlineChunk } from "./chunks.ts";
import { ConnectionDialog, watchSilence } from "./connection.tsx";
import { FindBar } from "./find.tsx";
import { Header } from "./header.tsx";
import { cellWithHeading } from "./headings.ts";
import { Help } from "./help.tsx";
import { KernelChooser } from "./kernels.tsx";
import { KeyBar } from "./keybar.tsx";
import { Lines } from "./lines.tsx";
import { paletteItems } from "./menus.ts";
import { Offers } from "./offers.tsx";
import { giveFocusBack, makePage, type NotebookPage, readFolds } from "./page.ts";
import { Pager } from "./pager.tsx";
import { ProblemPage } from "./problem.tsx";
import { speakRuns } from "./speaking.ts";
import { showTabState } from "./tab.ts";
import { wireKeys } from "./wiring.ts";
import "./notebook.css";

export function NotebookView({ context, path }: { readonly context: AppContext; readonly path: string }) {
  const notebook = useMemo(() => context.openNotebook(path), [context, path]);
  const page = useMemo(() => makePage(context, notebook), [context, notebook]);
  const settings = useMemo(() => outputSettings(page), [page]);
  const kind = useComputed(() => notebook.status.value.kind).value;

  useEffect(() => () => notebook.close(), [notebook]);
  useEffect(() => wireKeys(page), [page]);
  useEffect(() => speakRuns(notebook, announce), [notebook]);
  useEffect(() => showTabState(page), [page]);
  useEffect(() => watchSilence(page), [page]);
  useEffect(
    () =>
      notebook.onRefused(refused => {
        page.refused.value = refused;
        announce(refused.message);
      }),
    [notebook, page],
  );
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) page.nowMs.value = Date.now();
    }, 1000);
    return () => clearInterval(timer);
  }, [page]);
  useEffect(() => {
    if (kind !== "ready") return;
    readFolds(page);
    startKernelOfAddress(page);
    beginToType(page);
    // A notebook without cells needs an editor as soon as somebody presses Enter.
    void editorChunk.value;
    followAddress(page);
    const follow = () => followAddress(page);
    window.addEventListener("hashchange", follow);
    return () => window.removeEventListener("hashchange", follow);
  }, [kind, page]);
  // The address follows the file.
  useSignalEffect(() => {
    const address = addressOf(context.base, "notebooks", notebook.path.value);
    const wanted = new URL(address, location.href).pathname;
    if (location.pathname !== wanted) history.replaceState(history.state, "", wanted + location.hash);
  });

  const status = notebook.status.value;
  if (status.kind === "problem") {
    return (
      <>
        <ProblemPage page={page} status={status.status} message={status.message} />
        <Hosts />
      </>
    );
  }
  return (
    <OutputSettingsContext.Provider value={settings}>
      <div
        class="notebook"
        data-readonly={notebook.writable.value ? undefined : ""}
        data-outline={page.outline.value ? "" : undefined}
      >
        <Header page={page} />
        {page.outline.value && kind === "ready" && <OutlineWhenThere page={page} />}
        {(page.overlay.value === "find" || page.overlay.value === "replace") && (
          <FindBar page={page} onClose={() => closeOverlay(page)} />
        )}
        <main class="notebook-main">
          <Lines page={page} />
          <Offers page={page} />
          {kind === "loading" ? (
            <p class="notebook-loading" role="status">
              Opening {nameOf(path)}…
            </p>
          ) : (
            <>
              <Cells page={page} />
              <End page={page} />
            </>
          )}
        </main>
        {notebook.page.value && <Pager notebook={notebook} content={notebook.page.value} />}
        <KeyBar page={page} />
        <Overlays page={page} />
        <Hosts />
      </div>
    </OutputSettingsContext.Provider>
  );
}

function OutlineWhenThere({ page }: { readonly page: NotebookPage }) {
  const tools = outlineChunk.value;
  return tools === undefined ? null : <tools.Outline page={page} />;
}

/** Below the last cell: a way on, or a way to begin. */
function End({ page }: { readonly page: NotebookPage }) {
  const { notebook } = page;
  const order = notebook.order.value;
  const last = order.at(-1) ?? null;
  if (order.length > 0) {
    if (!notebook.writable.value) return <div class="notebook-end" />;
    // Pressing the empty paper below the last cell goes on writing: a mouse's shorthand for the keys.
    return (
      // biome-ignore lint/a11y/noStaticElementInteractions: B does the same
      // biome-ignore lint/a11y/useKeyWithClickEvents: B does the same
      <div class="notebook-end" onClick={() => last !== null && page.scrollToCell(last, "nearest")} />
    );
  }
  return (
    <div class="notebook-empty">
      <p>This notebook is empty.</p>
      {notebook.writable.value && (
        <p>
          <Button kind="primary" onClick={() => insertCell(page, null, "code")}>
            Write code
          </Button>{" "}
          <Button kind="outlined" onClick={() => insertCell(page, null, "markdown")}>
            Write text
          </Button>
        </p>
      )}
    </div>
  );
}

function Overlays({ page }: { readonly page: NotebookPage }) {
  const close = () => closeOverlay(page);
  switch (page.overlay.value) {
    case "palette":
      return <Palette items={paletteItems(page)} placeholder="What do you want to do?" onClose={close} />;
    case "help":
      return <Help onClose={close} />;
    case "connection":
      return <ConnectionDialog page={page} onClose={close} />;
    case "kernels":
      return <KernelChooser page={page} onClose={close} />;
    case "find":
    case "replace":
    case null:
      return null;
  }
}

function closeOverlay(page: NotebookPage): void {
  page.overlay.value = null;
  giveFocusBack(page);
}

function outputSettings(page: NotebookPage): OutputSettings {
  const { base, rest, signIn } = page.context;
  const renewals = signal(0);
  signIn.onSignedIn(() => {
    renewals.value += 1;
  });
  return {
    renewals,
    blobUrl: blob => rest.url("blobs", blob.sha256),
    fileUrl(relative) {
      const { path, rest: suffix } = resolve(folderOf(page.notebook.path.peek()), relative);
      const name = nameOf(path);
      const kind = /\.ipynb$/i.test(name) ? viewFor(name, "notebook") : "files";
      return addressOf(base, kind, path) + suffix;
    },
    frameUrl: remote => `${rest.url("output-frame")}${remote ? "?remote=1" : ""}`,
    drawingUrl: remote => `${rest.url("output-frame")}?drawing=1${remote ? "&remote=1" : ""}`,
    widgets: widgetHost(page),
    get trust() {
      return page.notebook.writable.value ? () => page.notebook.trust() : undefined;
    },
    highlight: (code, language) => editorChunk.value?.highlight(code, "code", language) ?? code,
    openText(parts, tail) {
      void openText(page, parts, tail);
    },
  };
}

function widgetHost({ notebook, context }: NotebookPage): WidgetHost {
  return {
    comm: id => notebook.comm(id),
    all: () => notebook.comms(),
    onComm: listener => notebook.onComm(listener),
    send: message => notebook.sendComm(message),
    async putBlob(bytes) {
      const headers = new Headers({ "Content-Type": "application/octet-stream" });
      const address = context.rest.url("blobs");
      const response = await context.rest.send("POST", address, { headers, body: bytes.slice() });
      const { sha256 }: { readonly sha256: string } = await response.json();
      return { sha256, size_bytes: bytes.length, media_type: "application/octet-stream", newline: false };
    },
    mayRun: notebook.writable,
    saved: computed(() => notebook.metadata.value.widgets),
    mayRunScripts: true,
  };
}

/** Join the parts of a long stream and save them as one text file. */
async function openText(page: NotebookPage, parts: readonly string[], tail: string): Promise<void> {
  try {
    const texts = await Promise.all(
      parts.map(async address => {
        const response = await fetch(address, { credentials: "same-origin" });
        if (!response.ok) throw new Error(`The server answered ${response.status}.`);
        return response.blob();
      }),
    );
    const url = URL.createObjectURL(new Blob([...texts, tail], { type: "text/plain;charset=utf-8" }));
    const link = document.createElement("a");
    link.href = url;
    link.target = "_blank";
    link.rel = "noopener";
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  } catch {
    page.refused.value = {
      refusal: "invalid",
      message: "This output could not be loaded as a file. Try again.",
    };
  }
}

/** A new notebook is one empty cell: the cursor waits in it. */
function beginToType(page: NotebookPage): void {
  const { notebook } = page;
  const [first, ...others] = notebook.order.peek();
  if (first === undefined || others.length > 0 || !notebook.writable.peek()) return;
  const { kind, source, outputs } = notebook.cell(first).peek();
  if (kind === "code" && source === "" && outputs.length === 0) page.edit(first, "start");
}

/** `?kernel_name=` starts that kernel in a notebook that has none. */
function startKernelOfAddress(page: NotebookPage): void {
  const wanted = new URLSearchParams(location.search).get("kernel_name");
  if (wanted === null) return;
  history.replaceState(history.state, "", location.pathname + location.hash);
  if (page.notebook.kernel.peek().status === "none") page.notebook.startKernel(wanted);
}

/** `#Heading-of-a-section` and `#cell-id=...` lead there. */
function followAddress(page: NotebookPage): void {
  const { notebook } = page;
  const hash = decodeHash(location.hash.slice(1));
  if (hash === "") return;
  const order = notebook.order.peek();
  const named = /^cell-id=(.+)$/.exec(hash)?.[1];
  const id =
    named !== undefined && notebook.has(named)
      ? named
      : cellWithHeading(hash, order, other => notebook.cell(other).peek());
  if (id === undefined) return;
  notebook.select(only(id));
  requestAnimationFrame(() => page.scrollToCell(id, "start"));
}

function decodeHash(hash: string): string {
  try {
    return decodeURIComponent(hash);
  } catch {
    return hash;
  }
}
