/** Find in what the terminal shows and what scrolled away. Enter goes up, to what is older. */

import { ArrowDown, ArrowUp, X } from "lucide";
import { useLayoutEffect, useRef } from "preact/hooks";
import { Button } from "../../controls/button.tsx";
import type { TerminalPage } from "./page.ts";

export function TerminalFindBar({ page }: { readonly page: TerminalPage }) {
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    field.current?.focus();
    field.current?.select();
    if (page.sought !== "") page.screen?.find(page.sought, 1);
  }, [page]);
  const close = () => {
    page.finds.value = false;
    page.screen?.endFind();
    page.focus();
  };
  const go = (direction: 1 | -1) => page.screen?.find(page.sought, direction);
  const { at, of } = page.found.value;
  return (
    <div
      class="find-bar"
      role="search"
      onKeyDown={event => {
        const inButton = event.target instanceof HTMLButtonElement;
        if (event.key === "Escape") close();
        else if (event.key === "Enter" && !inButton) go(event.shiftKey ? -1 : 1);
        else return;
        event.preventDefault();
        event.stopPropagation();
      }}
    >
      <input
        ref={field}
        class="field"
        type="text"
        aria-label="Find in the terminal"
        placeholder="Find in the terminal"
        autocomplete="off"
        spellcheck={false}
        defaultValue={page.sought}
        onInput={event => {
          page.sought = event.currentTarget.value;
          go(1);
        }}
      />
      <span class="find-count" role="status">
        {page.sought === "" ? "" : of === 0 ? "None" : at === 0 ? `${of} found` : `${at} of ${of}`}
      </span>
      <Button icon={ArrowUp} label="Older" keys="Enter" disabled={of === 0} onClick={() => go(1)} />
      <Button icon={ArrowDown} label="Newer" keys="Shift+Enter" disabled={of === 0} onClick={() => go(-1)} />
      <Button icon={X} label="Close" keys="Esc" onClick={close} />
    </div>
  );
}
