/** Results, spoken politely: one sentence for each batch of runs that ends, not one for each cell. */

import { effect } from "@preact/signals";
import type { NotebookModel } from "../../core/model.ts";
import type { CellId, Run } from "../../core/wire.ts";
import { count, duration } from "../words.ts";

export function speakRuns(notebook: NotebookModel, say: (text: string) => void): () => void {
  let before: readonly Run[] = notebook.runs.peek();
  let ended: Run[] = [];
  return effect(() => {
    const now = notebook.runs.value;
    const left = new Set(now.map(run => run.id));
    ended.push(...before.filter(run => !left.has(run.id)));
    before = now;
    if (ended.length === 0 || now.length > 0) return;
    const sentence = resultOf(ended, notebook);
    ended = [];
    if (sentence !== "") say(sentence);
  });
}

function resultOf(ended: readonly Run[], notebook: NotebookModel): string {
  const order = notebook.order.peek();
  const numberOf = (id: CellId) => order.indexOf(id) + 1;
  const outcomes = ended.flatMap(run => {
    const last = notebook.cell(run.cell_id).peek().lastRun;
    return last?.run_id === run.id ? [{ run, last }] : [];
  });
  const failed = outcomes.find(({ last }) => last.outcome === "failed" || last.outcome === "lost");
  if (failed !== undefined) return `Cell ${numberOf(failed.run.cell_id)} failed.`;
  const done = outcomes.filter(({ last }) => last.outcome === "done");
  const [first] = done;
  if (done.length === 0 || first === undefined) return "";
  if (done.length > 1) return `${count(done.length, "cell")} finished.`;
  const { started_ms: started, finished_ms: finished } = first.last;
  const took = started === null ? "" : ` in ${duration(finished - started)}`;
  return `Cell ${numberOf(first.run.cell_id)} finished${took}.`;
}
