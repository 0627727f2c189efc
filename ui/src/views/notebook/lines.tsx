/** Lines below the bar: what happened and what can be done. No dialog where a line will do. */

import { useComputed } from "@preact/signals";
import { X } from "lucide";
import type { ComponentChildren } from "preact";
import { Button } from "../../controls/button.tsx";
import { ago } from "../words.ts";
import type { NotebookPage } from "./page.ts";

/** The session's notice of a kernel that died: it says why. */
const DIED = "kernel-died";

export function Lines({ page }: { readonly page: NotebookPage }) {
  const { notebook } = page;
  const kernel = notebook.kernel.value;
  const saved = notebook.saved.value;
  const link = notebook.link.value;
  const stalled = notebook.stalled.value;
  const refused = page.refused.value;
  const died = kernel.status === "dead";
  const diedIn = died ? cellOf(page, kernel.obituary?.run_id ?? null) : null;
  const diedNotice = notebook.notices.value.some(notice => notice.id === DIED);
  const problemAge = useComputed(() => {
    const { problem, problemSinceMs } = notebook.saved.value;
    return problem === "" ? "" : ago(problemSinceMs, page.nowMs.value + notebook.clockOffsetMs.value);
  }).value;
  const restart = () => {
    notebook.restart({ clear: false, run: [] });
    if (diedNotice) notebook.dismissNotice(DIED);
  };
  return (
    <div class="lines" role="status">
      {link.kind === "closed" && page.context.signIn.state.value.kind === "in" && (
        <Line kind="error" text={`The link to the server is closed: ${link.reason}`}>
          <Button kind="link" onClick={() => location.reload()}>
            Reload
          </Button>
        </Line>
      )}
      {kernel.problem !== "" && !diedNotice && (
        <Line kind="error" text={`The kernel could not start. ${kernel.problem}`}>
          <Button kind="link" onClick={restart}>
            Try again
          </Button>
          <Button kind="link" onClick={() => page.chooseKernel()}>
            Choose a kernel
          </Button>
        </Line>
      )}
      {stalled !== null && (
        <Line
          kind="error"
          text={`Nothing can be recorded now. ${stalled.reason} What you type and run here waits in this page, and goes on by itself (since ${ago(stalled.sinceMs, page.nowMs.value)}).`}
        />
      )}
      {saved.problem !== "" && (
        <Line kind="error" text={`${saved.problem} Your work is kept by the server (since ${problemAge}).`}>
          <Button kind="link" onClick={() => notebook.save()}>
            Save again
          </Button>
        </Line>
      )}
      {refused !== null && (
        <Line
          kind="error"
          text={refused.message}
          onDismiss={() => {
            page.refused.value = null;
          }}
        >
          {refused.refusal === "no-kernel" && (
            <Button
              kind="link"
              onClick={() => {
                page.refused.value = null;
                page.chooseKernel();
              }}
            >
              Choose a kernel
            </Button>
          )}
        </Line>
      )}
      {page.making.value !== "" && <Line kind="info" text={page.making.value} />}
      {notebook.notices.value.map(notice => (
        <Line
          key={notice.id}
          kind={notice.kind}
          text={
            notice.id === DIED && diedIn !== null
              ? `${notice.text} It was running cell ${diedIn}.`
              : notice.text
          }
          more={notice.id === DIED && died ? (kernel.obituary?.stderr_tail ?? "") : ""}
          onDismiss={notebook.writable.value ? () => notebook.dismissNotice(notice.id) : undefined}
        >
          {notice.id === DIED && died && (
            <Button kind="link" onClick={restart}>
              {kernel.problem === "" ? "Restart" : "Try again"}
            </Button>
          )}{" "}
          {notice.id === DIED && kernel.problem !== "" && (
            <Button kind="link" onClick={() => page.chooseKernel()}>
              Choose a kernel
            </Button>
          )}
        </Line>
      ))}
    </div>
  );
}

function Line(props: {
  readonly kind: "info" | "warning" | "error";
  readonly text: string;
  /** Shown when asked for. */
  readonly more?: string;
  readonly children?: ComponentChildren;
  readonly onDismiss?: (() => void) | undefined;
}) {
  return (
    <div class="notice" data-kind={props.kind}>
      <div>
        {props.text} {props.children}
        {props.more && (
          <details>
            <summary>Its last words</summary>
            <pre>{props.more}</pre>
          </details>
        )}
      </div>
      {props.onDismiss && <Button icon={X} label="Dismiss" onClick={props.onDismiss} />}
    </div>
  );
}

/** Number of the cell that this run was of, as people count. */
function cellOf(page: NotebookPage, runId: string | null): number | null {
  if (runId === null) return null;
  const { notebook } = page;
  const order = notebook.order.peek();
  const index = order.findIndex(id => {
    const cell = notebook.cell(id).peek();
    return cell.lastRun?.run_id === runId || (cell.status.kind === "running" && cell.status.runId === runId);
  });
  return index < 0 ? null : index + 1;
}
