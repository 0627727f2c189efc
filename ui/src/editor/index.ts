/**
 * The editor of one cell: CodeMirror, told and telling by changes.
 *
 * The text belongs to the notebook: what is typed goes to `notebook.type` at
 * once, and what comes from elsewhere arrives as changes that leave cursor and
 * history in place. This file and what it imports are a chunk of their own.
 */

import {
  cursorCharLeft,
  cursorCharRight,
  cursorLineDown,
  cursorLineUp,
  deleteLine,
  history,
  historyField,
  indentLess,
  indentMore,
  redo,
  selectAll,
  toggleBlockComment,
  toggleComment,
  undo,
} from "@codemirror/commands";
import { bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import {
  Annotation,
  type ChangeSet,
  Compartment,
  EditorState,
  type Extension,
  Prec,
  Transaction,
} from "@codemirror/state";
import {
  type Command,
  crosshairCursor,
  drawSelection,
  EditorView,
  highlightSpecialChars,
  lineNumbers,
  rectangularSelection,
  type ViewUpdate,
} from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";
import type { NotebookModel } from "../core/model.ts";
import { diff } from "../core/text.ts";
import type { CellId, CellKind } from "../core/wire.ts";
import type { CursorPlace, EditorAction, EditorHandle, EditorOptions } from "./handle.ts";
import { editorKeymap } from "./keymap.ts";
import { editorIsThere, languageAtHand, loadLanguage } from "./languages.ts";
import "./editor.css";

export { highlight } from "./highlight.ts";

/** Marks what came from the notebook, so that it is not sent back. */
const fromNotebook = Annotation.define<boolean>();

/** Editors that left the page: text and history, so that undo works when the cell is edited again. */
const MEMORY_LIMIT = 100;
const memories = new WeakMap<NotebookModel, Map<CellId, unknown>>();

type Assistance = typeof import("./assist.ts");
let assistance: Assistance | undefined;

async function loadAssistance(): Promise<Assistance> {
  assistance ??= await import("./assist.ts");
  return assistance;
}

export function createEditor(options: EditorOptions): EditorHandle {
  return new CellEditor(options);
}

class CellEditor implements EditorHandle {
  readonly cellId: CellId;
  readonly #options: EditorOptions;
  readonly #view: EditorView;
  readonly #stop: () => void;
  readonly #label = new Compartment();
  readonly #language = new Compartment();
  readonly #wrapping = new Compartment();
  readonly #numbers = new Compartment();
  readonly #readOnly = new Compartment();
  readonly #assist = new Compartment();
  #destroyed = false;
  /** What the language was last asked to be: an older one that loads late is dropped. */
  #wanted = "";

  constructor(options: EditorOptions) {
    this.#options = options;
    this.cellId = options.cellId;
    this.#view = new EditorView({ state: this.#firstState(), parent: options.parent });
    this.#stop = options.notebook.onSource(options.cellId, this.#hear);
    editorIsThere();
    this.setKind(options.kind, options.language);
    // After the first cell is drawn: it can be edited without.
    if (assistance === undefined) afterDrawing(() => void this.#addAssistance());
  }

  focus(place: CursorPlace = "keep"): void {
    if (place !== "keep") this.select(...(place === "start" ? ([0, 0] as const) : this.#end()));
    this.#view.focus();
  }

  hasFocus(): boolean {
    return this.#view.hasFocus;
  }

  selection(): { readonly from: number; readonly to: number } {
    const { from, to } = this.#view.state.selection.main;
    return { from, to };
  }

  select(from: number, to: number): void {
    const { length } = this.#view.state.doc;
    this.#view.dispatch({
      selection: { anchor: Math.min(from, length), head: Math.min(to, length) },
      scrollIntoView: true,
    });
  }

  insert(text: string): void {
    if (this.#view.state.readOnly) return;
    this.#view.dispatch(this.#view.state.replaceSelection(text), {
      userEvent: "input.type",
      scrollIntoView: true,
    });
  }

  act(action: EditorAction): void {
    this.#commandOf(action)?.(this.#view);
    this.#view.focus();
  }

  setLabel(label: string): void {
    this.#view.dispatch({ effects: this.#label.reconfigure(labelled(label)) });
  }

  setKind(kind: CellKind, language: string): void {
    const wanted = `${kind} ${language}`;
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    this.#view.dispatch({
      effects: [
        this.#wrapping.reconfigure(wrapping(kind)),
        this.#language.reconfigure(languageAtHand(kind, language) ?? []),
      ],
    });
    void loadLanguage(kind, language).then(
      support => {
        if (this.#wanted === wanted)
          this.#view.dispatch({ effects: this.#language.reconfigure(support ?? []) });
      },
      () => {
        // The chunk did not come (no network): the text stays without colours.
      },
    );
  }

  setLineNumbers(on: boolean): void {
    this.#view.dispatch({ effects: this.#numbers.reconfigure(on ? lineNumbers() : []) });
  }

  setReadOnly(on: boolean): void {
    this.#view.dispatch({ effects: this.#readOnly.reconfigure(EditorState.readOnly.of(on)) });
  }

  destroy(): void {
    this.#destroyed = true;
    this.#wanted = "";
    this.#stop();
    remember(this.#options.notebook, this.cellId, this.#view.state.toJSON({ history: historyField }));
    this.#view.destroy();
  }

  // ---- inside

  #source(): string {
    return this.#options.notebook.cell(this.cellId).peek().source;
  }

  #firstState(): EditorState {
    const source = this.#source();
    const extensions = this.#extensions();
    const memory = memories.get(this.#options.notebook)?.get(this.cellId);
    if (isMemoryOf(memory, source))
      return EditorState.fromJSON(memory, { extensions }, { history: historyField });
    return EditorState.create({ doc: source, extensions });
  }

  #extensions(): Extension {
    const { notebook, kind, label, onKey, onFocus } = this.#options;
    return [
      // Before everything: keys that act on cells.
      Prec.highest(EditorView.domEventHandlers({ keydown: event => onKey(event) })),
      EditorView.domEventHandlers({ focus: onFocus }),
      EditorView.updateListener.of(update => this.#tell(update)),
      // Only line feeds separate lines: a carriage return in a source is a character like any other.
      EditorState.lineSeparator.of("\n"),
      EditorState.allowMultipleSelections.of(true),
      EditorState.tabSize.of(4),
      indentUnit.of("    "),
      EditorView.cspNonce.of(nonce()),
      this.#readOnly.of(EditorState.readOnly.of(this.#options.readOnly)),
      this.#label.of(labelled(label)),
      this.#numbers.of(this.#options.lineNumbers ? lineNumbers() : []),
      this.#wrapping.of(wrapping(kind)),
      this.#language.of([]),
      highlightSpecialChars(),
      history(),
      drawSelection(),
      rectangularSelection(),
      crosshairCursor(),
      indentOnInput(),
      bracketMatching(),
      syntaxHighlighting(classHighlighter),
      this.#assist.of(assistance?.assist(notebook) ?? []),
      editorKeymap(this.#options),
    ];
  }

  async #addAssistance(): Promise<void> {
    try {
      const { assist } = await loadAssistance();
      if (this.#destroyed) return;
      this.#view.dispatch({ effects: this.#assist.reconfigure(assist(this.#options.notebook)) });
    } catch {
      // The chunk did not come (no network): the next editor tries again, and typing works without it.
    }
  }

  /** Tell the notebook what was typed. */
  #tell(update: ViewUpdate): void {
    let typed: ChangeSet | null = null;
    for (const transaction of update.transactions) {
      if (!transaction.docChanged || transaction.annotation(fromNotebook) === true) continue;
      typed = typed === null ? transaction.changes : typed.compose(transaction.changes);
    }
    if (typed !== null) this.#options.notebook.type(this.cellId, typed, this.#hear);
  }

  /** Hear what happened to the source elsewhere. */
  readonly #hear = (changes: ChangeSet): void => {
    const text = this.#view.state.sliceDoc();
    // They differ only when something went wrong before; what the notebook says is right.
    const fitting = changes.length === text.length ? changes : diff(text, this.#source());
    this.#view.dispatch({
      changes: fitting,
      annotations: [fromNotebook.of(true), Transaction.remote.of(true), Transaction.addToHistory.of(false)],
    });
  };

  #end(): readonly [number, number] {
    const { length } = this.#view.state.doc;
    return [length, length];
  }

  #commandOf(action: EditorAction): Command | undefined {
    switch (action) {
      case "complete":
        return assistance?.startCompletion;
      case "tooltip":
        return assistance?.askTooltip(this.#options.notebook);
      case "indent":
        return indentMore;
      case "dedent":
        return indentLess;
      case "toggle-comment":
        return toggleComment;
      case "toggle-block-comment":
        return toggleBlockComment;
      case "delete-line":
        return deleteLine;
      case "select-next-occurrence":
        return assistance?.selectNextOccurrence;
      case "undo":
        return undo;
      case "redo":
        return redo;
      case "select-all":
        return selectAll;
      case "left":
        return cursorCharLeft;
      case "right":
        return cursorCharRight;
      case "up":
        return cursorLineUp;
      case "down":
        return cursorLineDown;
    }
  }
}

function afterDrawing(act: () => void): void {
  requestAnimationFrame(() => setTimeout(act));
}

function labelled(label: string): Extension {
  // Editable text has its place in the tab order anyway; said aloud, tools that look for it find it.
  return EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" });
}

/** Prose wraps and is spelled; code does neither. */
function wrapping(kind: CellKind): Extension {
  if (kind === "code") {
    return EditorView.contentAttributes.of({
      spellcheck: "false",
      autocorrect: "off",
      autocapitalize: "off",
    });
  }
  return [EditorView.lineWrapping, EditorView.contentAttributes.of({ spellcheck: "true" })];
}

/** The page's policy allows styles that carry its nonce; CodeMirror makes some. */
function nonce(): string {
  return document.querySelector<HTMLMetaElement>("meta[property=csp-nonce]")?.nonce ?? "";
}

function remember(notebook: NotebookModel, cellId: CellId, state: unknown): void {
  const memory = memories.get(notebook) ?? new Map<CellId, unknown>();
  memories.set(notebook, memory);
  memory.delete(cellId);
  memory.set(cellId, state);
  const [oldest] = memory.keys();
  if (memory.size > MEMORY_LIMIT && oldest !== undefined) memory.delete(oldest);
}

function isMemoryOf(memory: unknown, source: string): boolean {
  return typeof memory === "object" && memory !== null && "doc" in memory && memory.doc === source;
}
