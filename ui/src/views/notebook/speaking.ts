/** Results, spoken politely: one sentence for each batch of runs that ends, not one for each cell. */

import { effect, untracked } from "@preact/signals";
import type { NotebookModel } from "../../core/model.ts";
import type { CellId, Run } from "../../core/wire.ts";
import { count, duration } from "../words.ts";

/** Hear of the runs that ended, once nothing runs any more; returns how to stop. */
export function onRunsEnd(notebook: NotebookModel, hear: (ended: readonly Run[]) => void): () => void {
  let before: readonly Run[] = notebook.runs.peek();
  let ended: Run[] = [];
  return effect(() => {
    const now = notebook.runs.value;
    const left = new Set(now.map(run => run.id));
    ended.push(...before.filter(run => !left.has(run.id)));
    before = now;
    if (ended.length === 0 || now.length > 0) return;
    const all = ended;
    ended = [];
    untracked(() => hear(all));
  });
}

export function speakRuns(notebook: NotebookModel, say: (text: string) => void): () => void {
  return onRunsEnd(notebook, ended => {
    const sentence = resultOf(ended, notebook);
    if (sentence !== "") say(sentence);
  });
}

export interface Failure {
  readonly id: CellId;
  /** As people count. */
  readonly number: number;
  /** Cells that did not run because of it. */
  readonly notRun: number;
}

/** The first of these runs that failed; null: none did. */
export function failureIn(ended: readonly Run[], notebook: NotebookModel): Failure | null {
  const outcomes = outcomesOf(ended, notebook);
  const failed = outcomes.find(({ last }) => last.outcome === "failed" || last.outcome === "lost");
  if (failed === undefined) return null;
  const id = failed.run.cell_id;
  const notRun = outcomes.filter(({ last }) => last.outcome === "aborted").length;
  return { id, number: notebook.order.peek().indexOf(id) + 1, notRun };
}

function outcomesOf(ended: readonly Run[], notebook: NotebookModel) {
  return ended.flatMap(run => {
    const last = notebook.cell(run.cell_id).peek().lastRun;
    return last?.run_id === run.id ? [{ run, last }] : [];
  });
}

function resultOf(ended: readonly Run[], notebook: NotebookModel): string {
  const order = notebook.order.peek();
  const numberOf = (id: CellId) => order.indexOf(id) + 1;
  const failed = failureIn(ended, notebook);
  if (failed !== null) return `Cell ${failed.number} failed.`;
  const outcomes = outcomesOf(ended, notebook);
  const done = outcomes.filter(({ last }) => last.outcome === "done");
  const [first] = done;
  if (done.length === 0 || first === undefined) return "";
  if (done.length > 1) return `${count(done.length, "cell")} finished.`;
  const { started_ms: started, finished_ms: finished } = first.last;
  const took = started === null ? "" : ` in ${duration(finished - started)}`;
  return `Cell ${numberOf(first.run.cell_id)} finished${took}.`;
}
