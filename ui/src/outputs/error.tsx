/** An exception: what it says first, where it came from second, and the whole traceback when asked for. */

import { useState } from "preact/hooks";
import type { ErrorOutput } from "../core/wire.ts";
import { stripAnsi } from "./ansi.ts";
import { AnsiText, countLines, ScrollBox } from "./text.tsx";

export function ErrorView({ error }: { readonly error: ErrorOutput }) {
  const text = error.traceback.join("\n");
  const lines = countLines(text);
  const [open, setOpen] = useState(lines <= 24);
  return (
    <div class="output-error" role="group" aria-label={`Error: ${error.ename}`}>
      <p class="error-says">
        <strong>{error.ename || "Error"}</strong>
        {error.evalue !== "" && <>: {stripAnsi(error.evalue)}</>}
      </p>
      {text !== "" && (
        <details open={open} onToggle={event => setOpen(event.currentTarget.open)}>
          <summary>{whereOf(text) ?? "Traceback"}</summary>
          {open && (
            <ScrollBox lines={lines} content={text} follow>
              <pre>
                <AnsiText text={text} />
              </pre>
            </ScrollBox>
          )}
        </details>
      )}
    </div>
  );
}

/** The line of the user's own cell that IPython points at, in words. */
export function whereOf(traceback: string): string | undefined {
  const plain = stripAnsi(traceback);
  const cells = [
    ...plain.matchAll(
      /^(?:Cell In\s?\[(\d+)\],?|Input In \[(\d+)\]|<ipython-input-(\d+)-[0-9a-f]+>).*?(?:line (\d+))?$/gm,
    ),
  ];
  const last = cells.at(-1);
  if (last === undefined) return undefined;
  const run = last[1] ?? last[2] ?? last[3];
  const line = last[4] ?? /^-+> (\d+)/m.exec(plain.slice(last.index))?.[1];
  return line === undefined ? `In run ${run}` : `In run ${run}, line ${line}`;
}
