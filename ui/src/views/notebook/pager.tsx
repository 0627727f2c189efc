/** The pager: what `obj?` shows, at the bottom of the page. Escape or Q closes it. */

import { X } from "lucide";
import { useEffect, useRef } from "preact/hooks";
import { Button } from "../../controls/button.tsx";
import type { NotebookModel, Page } from "../../core/model.ts";
import { BundleView } from "../../outputs/output.tsx";

export function Pager({ notebook, content }: { readonly notebook: NotebookModel; readonly content: Page }) {
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    const close = (event: KeyboardEvent) => {
      const inEditor =
        event.target instanceof Element && event.target.closest(".cm-editor, input, dialog") !== null;
      if (event.key === "Escape" || (event.key === "q" && !inEditor)) {
        if (event.key === "Escape" && inEditor) return;
        event.preventDefault();
        event.stopPropagation();
        notebook.closePage();
      }
    };
    window.addEventListener("keydown", close, true);
    return () => window.removeEventListener("keydown", close, true);
  }, [notebook]);
  return (
    <aside ref={box} class="pager" aria-label="Help on an object">
      <Button icon={X} label="Close" keys="Esc" class="pager-close" onClick={() => notebook.closePage()} />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <div class="pager-body output" tabIndex={0}>
        <BundleView bundle={{ data: content.data, metadata: {}, blobs: {} }} foreign={false} />
      </div>
    </aside>
  );
}
