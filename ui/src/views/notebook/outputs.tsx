/** The outputs of a cell. They keep their height while the cell runs again, so that nothing below jumps. */

import type { ReadonlySignal } from "@preact/signals";
import { useComputed } from "@preact/signals";
import { Component, type ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { CellView } from "../../core/model.ts";
import { memo } from "../../outputs/memo.ts";
import { type OutputProps, OutputView } from "../../outputs/output.tsx";
import { OutputCellContext } from "../../outputs/settings.ts";
import { count } from "../words.ts";
import { type NotebookPage, outputsHidden } from "./page.ts";

/** Of these, all are drawn; of more, the newest, until asked. */
const SHOWN_OUTPUTS = 200;

export function Outputs({
  page,
  cell,
}: {
  readonly page: NotebookPage;
  readonly cell: ReadonlySignal<CellView>;
}) {
  const box = useRef<HTMLDivElement>(null);
  const outputs = useComputed(() => cell.value.outputs).value;
  const running = useComputed(() => cell.value.status.kind !== "idle").value;
  const dimmed = useComputed(() => cell.value.clearPending).value;
  const foreign = useComputed(() => cell.value.foreign).value;
  const hidden = useComputed(() => outputsHidden(cell.value.metadata)).value;
  const scrolled = useComputed(() => cell.value.metadata.scrolled === true).value;

  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    if (running) element.style.minHeight = `${element.offsetHeight}px`;
    else element.style.minHeight = "";
  }, [running]);

  if (hidden && outputs.length > 0) {
    return (
      <button type="button" class="button hidden-line" onClick={() => page.toggleOutputs([cell.peek().id])}>
        {count(outputs.length, "output")} hidden. Show
      </button>
    );
  }
  const left = Math.max(0, outputs.length - SHOWN_OUTPUTS);
  return (
    <div
      ref={box}
      class="outputs"
      data-empty={outputs.length === 0 ? "" : undefined}
      data-dimmed={dimmed ? "" : undefined}
      data-scrolled={scrolled ? "" : undefined}
      role="group"
      aria-label={outputs.length === 0 ? undefined : "Output"}
    >
      {left > 0 && <p class="output-note">{count(left, "older output")} not shown.</p>}
      <OutputCellContext.Provider value={cell.peek().id}>
        {outputs.slice(left).map((output, index) => (
          // An output is its place: streams grow there, displays are updated there.
          <OneOutput key={left + index} output={output} foreign={foreign} />
        ))}
      </OutputCellContext.Provider>
    </div>
  );
}

const OneOutput = memo(
  function OneOutput({ output, foreign }: OutputProps) {
    return (
      <div class="output" data-type={output.output_type}>
        <Guard what={output}>
          <OutputView output={output} foreign={foreign} />
        </Guard>
      </div>
    );
  },
  (before, after) => before.output === after.output && before.foreign === after.foreign,
);

interface GuardProps {
  readonly what: unknown;
  readonly children: ComponentChildren;
}

/** One output that cannot be drawn must not take the notebook with it. */
class Guard extends Component<GuardProps, { readonly failed: unknown }> {
  override state = { failed: undefined };

  override componentDidCatch(): void {
    this.setState({ failed: this.props.what });
  }

  override render() {
    if (this.state.failed === this.props.what && this.props.what !== undefined) {
      return <p class="output-note">This output could not be drawn. It is safe in the notebook.</p>;
    }
    return this.props.children;
  }
}
