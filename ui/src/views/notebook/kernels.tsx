/** Which kernel runs this notebook. */

import { useEffect, useState } from "preact/hooks";
import { Button } from "../../controls/button.tsx";
import { Dialog } from "../../controls/dialog.tsx";
import { type Kernelspecs, readKernelspecs, sentence } from "../dashboard/contents.ts";
import type { NotebookPage } from "./page.ts";

export function KernelChooser({
  page,
  onClose,
}: {
  readonly page: NotebookPage;
  readonly onClose: () => void;
}) {
  const { notebook, context } = page;
  const [specs, setSpecs] = useState<Kernelspecs>();
  const [problem, setProblem] = useState("");
  useEffect(() => {
    context.rest.request("GET", "api/kernelspecs").then(
      value => setSpecs(readKernelspecs(value)),
      (error: unknown) => setProblem(sentence(error)),
    );
  }, [context]);
  const kernel = notebook.kernel.value;
  const alive = kernel.status !== "none" && kernel.status !== "dead";
  return (
    <Dialog title="Kernel" onClose={onClose}>
      {alive && <p class="output-note">Another kernel starts afresh: variables of this one will be gone.</p>}
      {problem !== "" && <p class="field-problem">{problem}</p>}
      {specs?.all.length === 0 && (
        <p>
          No kernel is installed. `python -m pip install ipykernel` installs Python's, in the environment of
          the server.
        </p>
      )}
      <ul class="choices">
        {(specs?.all ?? []).map(spec => {
          const current = alive && spec.name === kernel.kernelspec;
          return (
            <li key={spec.name}>
              <button
                type="button"
                class="button choice"
                aria-current={current || undefined}
                onClick={() => {
                  onClose();
                  if (!current) notebook.startKernel(spec.name);
                }}
              >
                <span>{spec.displayName}</span>
                <small>{current ? "now" : spec.language}</small>
              </button>
            </li>
          );
        })}
        {alive && (
          <li>
            <Button
              class="choice"
              onClick={() => {
                onClose();
                notebook.shutdownKernel({ now: false });
              }}
            >
              <span>No kernel</span>
              <small>shut this one down</small>
            </Button>
          </li>
        )}
      </ul>
    </Dialog>
  );
}
