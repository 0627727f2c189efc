/** Lines that lead somewhere, and may be left alone: a failure out of sight, a newer server. */

import { useSignal } from "@preact/signals";
import { X } from "lucide";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { Button } from "../../controls/button.tsx";
import { only } from "../../core/selection.ts";
import type { CellId } from "../../core/wire.ts";
import { count } from "../words.ts";
import type { NotebookPage } from "./page.ts";
import { failureIn, onRunsEnd } from "./speaking.ts";

export function Offers({ page }: { readonly page: NotebookPage }) {
  const { notebook, context } = page;
  const failure = useSignal<{ readonly id: CellId; readonly text: string } | null>(null);
  const putOff = useSignal("");
  useEffect(
    () =>
      onRunsEnd(notebook, ended => {
        const found = failureIn(ended, notebook);
        if (found === null || isOnScreen(found.id)) failure.value = null;
        else {
          const rest = found.notRun === 0 ? "" : ` ${count(found.notRun, "cell")} after it did not run.`;
          failure.value = { id: found.id, text: `Cell ${found.number} failed.${rest}` };
        }
      }),
    [notebook, failure],
  );
  const version = context.newVersion?.value ?? null;
  return (
    <>
      {failure.value !== null && notebook.runs.value.length === 0 && (
        <Offer
          text={failure.value.text}
          action="Show it"
          onTake={() => {
            const id = failure.value?.id;
            failure.value = null;
            if (id === undefined || !notebook.has(id)) return;
            notebook.select(only(id));
            page.scrollToCell(id, "start");
          }}
          onDismiss={() => {
            failure.value = null;
          }}
        />
      )}
      {version !== null && version !== putOff.value && (
        <Offer
          text={`The server is at version ${version} now, this page is older. All you did is kept.`}
          action="Load again"
          onTake={() => location.reload()}
          onDismiss={() => {
            putOff.value = version;
          }}
        />
      )}
    </>
  );
}

function Offer(props: {
  readonly text: ComponentChildren;
  readonly action: string;
  readonly onTake: () => void;
  readonly onDismiss: () => void;
}) {
  return (
    <div class="notice" data-kind="info">
      <div>
        {props.text}{" "}
        <Button kind="link" onClick={props.onTake}>
          {props.action}
        </Button>
      </div>
      <Button icon={X} label="Dismiss" onClick={props.onDismiss} />
    </div>
  );
}

/** Whether any of the cell can be seen now. */
function isOnScreen(id: CellId): boolean {
  const cell = document.querySelector(`[data-cell="${CSS.escape(id)}"]`);
  if (cell === null) return false;
  const { top, bottom } = cell.getBoundingClientRect();
  return bottom > 0 && top < window.innerHeight;
}
