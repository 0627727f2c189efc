/**
 * A cell's source: static text first, with the metrics of the editor, and an editor once it is wanted.
 *
 * The editor is a chunk of its own. Cells near the screen get theirs when the page has a quiet moment, one at a time;
 * the active one, or one that is pressed, at once.
 */

import type { ReadonlySignal } from "@preact/signals";
import { useComputed } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { CellView } from "../../core/model.ts";
import { only, step } from "../../core/selection.ts";
import type { EditorHandle } from "../../editor/handle.ts";
import { editorChunk } from "./chunks.ts";
import { giveEarly } from "./early.ts";
import type { NotebookPage } from "./page.ts";
import { whenQuiet } from "./quiet.ts";

export interface SourceProps {
  readonly page: NotebookPage;
  readonly cell: ReadonlySignal<CellView>;
  readonly label: string;
  /** The cell has the focus of the notebook. */
  readonly active: boolean;
}

export function Source({ page, cell, label, active }: SourceProps) {
  const { notebook } = page;
  const id = cell.peek().id;
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<EditorHandle | null>(null);
  const [wanted, setWanted] = useState(active);
  const tools = editorChunk.value;
  const kind = useComputed(() => cell.value.kind).value;
  const language = useComputed(() => languageOf(page)).value;
  const readOnly = useComputed(
    () => !notebook.writable.value || cell.value.metadata.editable === false,
  ).value;
  const lineNumbers = useComputed(() => page.allLineNumbers.value !== page.lineNumbersOf.value.has(id)).value;

  useEffect(() => (wanted || active ? undefined : whenQuiet(() => setWanted(true))), [wanted, active]);
  // In the drawing itself: the next key is for the editor.
  useLayoutEffect(() => {
    if (active) setWanted(true);
  }, [active]);

  const present = wanted && tools !== undefined;
  useLayoutEffect(() => {
    const parent = host.current;
    if (!present || parent === null || tools === undefined) return undefined;
    const made = tools.createEditor({
      parent,
      notebook,
      cellId: id,
      label,
      kind,
      language,
      lineNumbers,
      readOnly,
      onLeave: how => leave(page, cell, how),
      onFocus: () => {
        const { active: now, mode } = notebook.selection.peek();
        if (now !== id || mode !== "edit") notebook.select(only(id, "edit"));
      },
      onKey: event => page.onKey(event),
    });
    editor.current = made;
    const unmounted = page.mounted(id, made);
    const { active: now, mode } = notebook.selection.peek();
    if (now === id && mode === "edit") {
      made.focus(takeCursor(page));
      giveEarly(page, made);
    }
    return () => {
      unmounted();
      made.destroy();
      editor.current = null;
    };
  }, [present, tools, notebook, id, page, cell]);

  useEffect(() => editor.current?.setLabel(label), [label]);
  useEffect(() => editor.current?.setKind(kind, language), [kind, language]);
  useEffect(() => editor.current?.setLineNumbers(lineNumbers), [lineNumbers]);
  useEffect(() => editor.current?.setReadOnly(readOnly), [readOnly]);

  return (
    <div class="source" data-kind={kind} data-numbers={lineNumbers ? "" : undefined}>
      <div ref={host} hidden={!present} />
      {!present && (
        <StaticSource
          cell={cell}
          numbers={lineNumbers}
          onPress={() => setWanted(true)}
          highlight={
            tools === undefined ? undefined : (text: string) => tools.highlight(text, kind, language)
          }
        />
      )}
    </div>
  );
}

function StaticSource(props: {
  readonly cell: ReadonlySignal<CellView>;
  readonly numbers: boolean;
  readonly onPress: () => void;
  readonly highlight: ((text: string) => preact.ComponentChildren) | undefined;
}) {
  const source = useComputed(() => props.cell.value.source).value;
  const lines = source.split("\n");
  return (
    <pre class="source-static" onPointerDown={props.onPress}>
      {props.numbers && (
        <span class="source-numbers" aria-hidden="true">
          {lines.map((_line, index) => index + 1).join("\n")}
        </span>
      )}
      <code>{props.highlight ? props.highlight(source) : source}</code>
      {/* An empty last line must keep its height. */}
      {(source === "" || source.endsWith("\n")) && "\u200b"}
    </pre>
  );
}

/** Where the cursor goes now; asking takes it. */
export function takeCursor(page: NotebookPage) {
  const place = page.nextCursor;
  page.nextCursor = "keep";
  return place;
}

/** Leave an editor: to command mode, or over its edge into the neighbour. */
function leave(page: NotebookPage, cell: ReadonlySignal<CellView>, how: "escape" | "up" | "down"): void {
  const { notebook } = page;
  const { id } = cell.peek();
  if (how === "escape") {
    notebook.select(only(id));
    return;
  }
  const next = step(only(id), page.visible.peek(), how === "up" ? -1 : 1);
  if (next.active === null || next.active === id) return;
  const target = notebook.cell(next.active).peek();
  const asText = target.kind === "markdown" && !page.sourceShown.peek().has(target.id);
  if (asText) notebook.select(next);
  else page.edit(next.active, how === "up" ? "end" : "start");
}

/** The language of code cells: the kernel's, else what the file says. */
export function languageOf(page: NotebookPage): string {
  const { language } = page.notebook.kernel.value;
  if (language !== "") return language;
  const info = page.notebook.metadata.value.language_info;
  if (info !== null && typeof info === "object" && !Array.isArray(info) && "name" in info) {
    if (typeof info.name === "string") return info.name;
  }
  const spec = page.notebook.metadata.value.kernelspec;
  if (spec !== null && typeof spec === "object" && !Array.isArray(spec) && "language" in spec) {
    if (typeof spec.language === "string") return spec.language;
  }
  return "python";
}
