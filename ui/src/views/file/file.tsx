/** One file: text to edit, a picture, a table, or a way to download what a page cannot show. */

import { useSignal } from "@preact/signals";
import { Save } from "lucide";
import { useCallback, useEffect, useMemo, useRef } from "preact/hooks";
import type { AppContext } from "../../context.ts";
import { announce } from "../../controls/announce.tsx";
import { Button } from "../../controls/button.tsx";
import { Hosts } from "../../controls/hosts.tsx";
import { sizeInWords } from "../../outputs/size.ts";
import { RestError } from "../../rest.ts";
import { AccountMenu } from "../account.tsx";
import { Breadcrumb } from "../breadcrumb.tsx";
import { sentence } from "../dashboard/contents.ts";
import { addressOf, folderOf, nameOf } from "../places.ts";
import { isNumeric, parseTable } from "./csv.ts";
import type { TextEditor } from "./texteditor.ts";
import { type Loaded, loadText, saveText } from "./textfile.ts";
import "./file.css";

const PICTURE = /\.(png|jpe?g|gif|webp|avif|svg|bmp|ico)$/i;
const TABLE = /\.(csv|tsv)$/i;
const TABLE_ROWS = 1000;

export function FileView(props: {
  readonly context: AppContext;
  readonly path: string;
  /** `view` shows a table as a table; `edit` shows its text. */
  readonly mode: "view" | "edit";
}) {
  const { context, path, mode } = props;
  const name = nameOf(path);
  useEffect(() => {
    document.title = `${name} — Carnet`;
  }, [name]);
  if (mode === "view" && PICTURE.test(name)) return <Picture context={context} path={path} />;
  if (mode === "view" && /\.pdf$/i.test(name)) return <Pdf context={context} path={path} />;
  return <TextFile context={context} path={path} table={mode === "view" && TABLE.test(name)} />;
}

function Frame(props: {
  readonly context: AppContext;
  readonly path: string;
  readonly state?: string;
  readonly dirty?: boolean;
  readonly onSave?: () => void;
  readonly children: preact.ComponentChildren;
}) {
  const { context, path } = props;
  return (
    <div class="file">
      <header class="bar">
        <Breadcrumb base={context.base} path={folderOf(path)}>
          <h1 class="here">{nameOf(path)}</h1>
        </Breadcrumb>
        <span class="file-state" role="status">
          {props.state}
        </span>
        <a
          class="button"
          href={`${addressOf(context.base, "files", path)}?download=1`}
          download={nameOf(path)}
        >
          Download
        </a>
        {props.onSave && (
          <Button icon={Save} kind="primary" disabled={!props.dirty} onClick={props.onSave}>
            Save
          </Button>
        )}
        <AccountMenu base={context.base} />
      </header>
      {props.children}
      <Hosts />
    </div>
  );
}

function Picture({ context, path }: { readonly context: AppContext; readonly path: string }) {
  const failed = useSignal(false);
  return (
    <Frame context={context} path={path}>
      <main class="file-picture">
        {failed.value ? (
          <p>This picture cannot be drawn. Its data may be damaged.</p>
        ) : (
          <img
            src={addressOf(context.base, "files", path)}
            alt={nameOf(path)}
            onError={() => {
              failed.value = true;
            }}
          />
        )}
      </main>
    </Frame>
  );
}

function Pdf({ context, path }: { readonly context: AppContext; readonly path: string }) {
  return (
    <Frame context={context} path={path}>
      <main class="file-note">
        <p>
          <a href={addressOf(context.base, "files", path)} target="_blank" rel="noopener noreferrer">
            Open this PDF
          </a>{" "}
          in the browser's own viewer.
        </p>
      </main>
    </Frame>
  );
}

function TextFile(props: { readonly context: AppContext; readonly path: string; readonly table: boolean }) {
  const { context, path } = props;
  const address = addressOf(context.base, "files", path);
  const loaded = useSignal<Loaded | null>(null);
  const problem = useSignal("");
  const conflict = useSignal(false);
  const dirty = useSignal(false);
  const state = useSignal("");
  const etag = useRef<string | null>(null);
  const editor = useRef<TextEditor | null>(null);
  const host = useRef<HTMLDivElement>(null);

  const load = useCallback(
    (signal: AbortSignal) =>
      loadText(context.rest, address, signal).then(
        found => {
          if (found.kind === "text") etag.current = found.etag;
          loaded.value = found;
          problem.value = "";
        },
        (error: unknown) => {
          if (!signal.aborted) problem.value = sentence(error);
        },
      ),
    [context, address, loaded, problem],
  );

  const save = useCallback(
    async (over: boolean) => {
      const text = editor.current?.text();
      if (text === undefined) return;
      state.value = "Saving";
      try {
        etag.current = await saveText(context.rest, address, text, over ? null : etag.current);
        // What was typed while it was on its way is not in the file.
        dirty.value = editor.current?.text() !== text;
        conflict.value = false;
        problem.value = "";
        state.value = "Saved";
        announce("Saved.");
      } catch (error) {
        state.value = "Not saved";
        if (error instanceof RestError && error.status === 409) conflict.value = true;
        else problem.value = sentence(error);
      }
    },
    [context, address, conflict, dirty, problem, state],
  );

  useEffect(() => {
    const abort = new AbortController();
    void load(abort.signal);
    return () => abort.abort();
  }, [load]);

  useEffect(() => {
    // Unlike a notebook, a text file has no server that keeps every letter.
    const leave = (event: BeforeUnloadEvent) => {
      if (dirty.peek()) event.preventDefault();
    };
    window.addEventListener("beforeunload", leave);
    return () => window.removeEventListener("beforeunload", leave);
  }, [dirty]);

  const now = loaded.value;
  const text = now?.kind === "text" ? now.text : undefined;
  useEffect(() => {
    const parent = host.current;
    if (text === undefined || parent === null || props.table) return;
    let gone = false;
    let made: TextEditor | null = null;
    void import("./texteditor.ts").then(({ makeTextEditor }) => {
      if (gone) return;
      made = makeTextEditor({
        parent,
        name: nameOf(path),
        text,
        readOnly: false,
        nonce: document.querySelector<HTMLElement>('meta[property="csp-nonce"]')?.nonce ?? "",
        onChange: () => {
          dirty.value = true;
          state.value = "Not saved";
        },
        onSave: () => void save(false),
      });
      editor.current = made;
      made.focus();
    });
    return () => {
      gone = true;
      made?.destroy();
      editor.current = null;
    };
  }, [text, path, props.table, dirty, state, save]);

  const takeTheirs = () => {
    conflict.value = false;
    dirty.value = false;
    state.value = "";
    loaded.value = null;
    void load(new AbortController().signal);
  };

  return (
    <Frame
      context={context}
      path={path}
      state={state.value}
      dirty={dirty.value}
      {...(text !== undefined && !props.table ? { onSave: () => void save(false) } : {})}
    >
      <div class="file-lines" role="status">
        {problem.value !== "" && <p data-kind="error">{problem.value}</p>}
        {conflict.value && (
          <p data-kind="error">
            This file changed on disk since you opened it, so it was not saved. Your text is still here.{" "}
            <Button kind="link" onClick={takeTheirs}>
              Drop mine and load it
            </Button>{" "}
            <Button kind="link" onClick={() => void save(true)}>
              Write mine over it
            </Button>
          </p>
        )}
      </div>
      {text !== undefined && props.table ? (
        <TableFile context={context} path={path} text={text} />
      ) : now !== null && now.kind !== "text" ? (
        <main class="file-note">
          <p>
            {now.kind === "binary"
              ? `This is not text (${sizeInWords(now.bytes)}).`
              : `This file is too large to edit here (${sizeInWords(now.bytes)}).`}
          </p>
        </main>
      ) : (
        <main class="file-editor" ref={host} />
      )}
    </Frame>
  );
}

function TableFile(props: { readonly context: AppContext; readonly path: string; readonly text: string }) {
  const rows = useMemo(() => parseTable(props.text, TABLE_ROWS + 1), [props.text]);
  const [head = [], ...body] = rows;
  const right = head.map((_name, column) => isNumeric(rows, column));
  return (
    <main class="file-table">
      <p class="file-hint">
        {rows.length > TABLE_ROWS ? `The first ${TABLE_ROWS.toLocaleString("en")} rows. ` : ""}
        <a href={addressOf(props.context.base, "edit", props.path)}>Edit as text</a>
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <div class="file-scroll" tabIndex={0}>
        <table>
          <thead>
            <tr>
              {head.map((name, column) => (
                <th key={column} data-right={right[column] ? "" : undefined}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {body.map((row, at) => (
              <tr key={at}>
                {row.map((value, column) => (
                  <td key={column} data-right={right[column] ? "" : undefined}>
                    {value}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </main>
  );
}
