import { signal } from "@preact/signals";
import { expect, test } from "vitest";
import type { NotebookModel } from "../../core/model.ts";
import type { LastRun, Run } from "../../core/wire.ts";
import { type Failure, failureIn, onRunsEnd, speakRuns } from "./speaking.ts";

/** Three cells whose runs are r1 to r3, and how each came out. */
function ranAs(outcomes: readonly LastRun["outcome"][]) {
  const ids = outcomes.map((_outcome, index) => `c${index + 1}`);
  const all = ids.map((id, index) => ({ id: `r${index + 1}`, cell_id: id }) as Run);
  const runs = signal<readonly Run[]>(all);
  const lasts = outcomes.map(
    (outcome, index) => ({ run_id: `r${index + 1}`, outcome, started_ms: 0, finished_ms: 2000 }) as LastRun,
  );
  const notebook = {
    runs,
    order: signal(ids),
    cell: (id: string) => signal({ lastRun: lasts[ids.indexOf(id)] ?? null }),
  } as unknown as NotebookModel;
  return { notebook, runs, all };
}

test("the first failure is told with what did not run because of it, when nothing runs any more", () => {
  const { notebook, runs, all } = ranAs(["done", "failed", "aborted"]);
  const heard: (Failure | null)[] = [];
  const said: string[] = [];
  const stop = [
    onRunsEnd(notebook, ended => heard.push(failureIn(ended, notebook))),
    speakRuns(notebook, text => said.push(text)),
  ];
  runs.value = all.slice(1);
  expect(heard).toEqual([]);
  runs.value = [];
  expect(heard).toEqual([{ id: "c2", number: 2, notRun: 1 }]);
  expect(said).toEqual(["Cell 2 failed."]);
  for (const one of stop) one();
});

test("without a failure there is none to tell", () => {
  const { notebook, runs } = ranAs(["done", "done"]);
  const heard: (Failure | null)[] = [];
  const said: string[] = [];
  onRunsEnd(notebook, ended => heard.push(failureIn(ended, notebook)));
  speakRuns(notebook, text => said.push(text));
  runs.value = [];
  expect([heard, said]).toEqual([[null], ["2 cells finished."]]);
});
