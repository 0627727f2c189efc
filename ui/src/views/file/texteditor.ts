/** CodeMirror for a whole text file: a chunk of its own. */

import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, LanguageDescription, syntaxHighlighting } from "@codemirror/language";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";

export interface TextEditor {
  text(): string;
  setText(text: string): void;
  focus(): void;
  destroy(): void;
}

export interface TextEditorOptions {
  readonly parent: HTMLElement;
  readonly name: string;
  readonly text: string;
  readonly readOnly: boolean;
  readonly onChange: () => void;
  readonly onSave: () => void;
  /** For the style sheet that CodeMirror adds to the page. */
  readonly nonce: string;
}

export function makeTextEditor(options: TextEditorOptions): TextEditor {
  const language = new Compartment();
  const view = new EditorView({
    parent: options.parent,
    state: EditorState.create({
      doc: options.text,
      extensions: [
        EditorView.cspNonce.of(options.nonce),
        lineNumbers(),
        history(),
        drawSelection(),
        highlightActiveLine(),
        highlightSelectionMatches(),
        bracketMatching(),
        search({ top: true }),
        syntaxHighlighting(classHighlighter),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ "aria-label": options.name }),
        EditorState.readOnly.of(options.readOnly),
        language.of([]),
        keymap.of([
          {
            key: "Mod-s",
            preventDefault: true,
            run: () => {
              options.onSave();
              return true;
            },
          },
          ...defaultKeymap,
          ...searchKeymap,
          ...historyKeymap,
          indentWithTab,
        ]),
        EditorView.updateListener.of(update => {
          if (update.docChanged) options.onChange();
        }),
      ],
    }),
  });
  void loadLanguageOf(options.name).then(support => {
    if (support !== null) view.dispatch({ effects: language.reconfigure(support) });
  });
  return {
    text: () => view.state.sliceDoc(),
    setText: text => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } }),
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  };
}

async function loadLanguageOf(name: string) {
  const { languages } = await import("@codemirror/language-data");
  const found = LanguageDescription.matchFilename(languages, /\.ipynb$/i.test(name) ? "a.json" : name);
  return found === null ? null : found.load();
}
