/** The line that `input()` or `getpass()` waits for. It stands in the output, and survives reload and scrolling. */

import type { ReadonlySignal } from "@preact/signals";
import { useComputed } from "@preact/signals";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { announce } from "../../controls/announce.tsx";
import { Button } from "../../controls/button.tsx";
import type { CellView } from "../../core/model.ts";
import { only, type Selection } from "../../core/selection.ts";
import type { InputRequest } from "../../core/wire.ts";
import type { NotebookPage } from "./page.ts";

/** Who pressed a key so recently is typing. */
const TYPING_MS = 1000;

export function InputLine({
  page,
  cell,
}: {
  readonly page: NotebookPage;
  readonly cell: ReadonlySignal<CellView>;
}) {
  const input = useComputed(() => cell.value.input).value;
  if (input === null) return null;
  return <InputField key={input.run_id + input.header} page={page} cell={cell} input={input} />;
}

function InputField(props: {
  readonly page: NotebookPage;
  readonly cell: ReadonlySignal<CellView>;
  readonly input: InputRequest;
}) {
  const { page, cell, input } = props;
  const { notebook, drafts } = page;
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const [value, setValue] = useState(input.password ? "" : (drafts.get(input.run_id) ?? ""));
  const [sent, setSent] = useState(false);
  const before = useRef<Selection | null>(null);
  const writable = notebook.writable.value;

  useEffect(() => {
    announce(`The cell asks: ${input.prompt || "a line of text"}`);
    // Whoever ran the cell waits for this; who types somewhere else is not pulled away, and comes back afterwards.
    const focused = document.activeElement;
    const free = focused === document.body || focused?.closest(".cells") != null;
    if (!free || Date.now() - page.typedMs < TYPING_MS) return;
    const selection = notebook.selection.peek();
    before.current = selection.active === cell.peek().id ? null : selection;
    field.current?.focus({ preventScroll: true });
  }, [input, cell, page, notebook]);

  const send = (event: Event) => {
    event.preventDefault();
    if (sent) return;
    setSent(true);
    drafts.delete(input.run_id);
    // The field itself: Enter may come before the last letter was drawn.
    notebook.answerInput(input.run_id, field.current?.value ?? value);
    setValue("");
    notebook.select(before.current ?? only(cell.peek().id));
  };
  return (
    <form class="input-line" onSubmit={send}>
      <label for={id}>{input.prompt || "Input"}</label>
      <input
        ref={field}
        id={id}
        class="field"
        {...(input.password ? { type: "password" as const } : { type: "text" as const })}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        disabled={sent || !writable}
        value={value}
        onInput={event => {
          setValue(event.currentTarget.value);
          if (!input.password) drafts.set(input.run_id, event.currentTarget.value);
        }}
        onKeyDown={event => {
          event.stopPropagation();
          if (event.key === "Escape") notebook.select(only(cell.peek().id));
        }}
      />
      <Button submit disabled={sent || !writable}>
        Send
      </Button>
    </form>
  );
}
