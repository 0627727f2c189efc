/** The command palette: everything that can be done, found by a few letters. */

import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import { drawNow } from "../draw.ts";
import { useModal } from "./dialog.tsx";

export interface PaletteItem {
  readonly id: string;
  readonly label: string;
  /** More words that find it. */
  readonly words?: string | undefined;
  readonly keys?: string | undefined;
  readonly disabled?: boolean | undefined;
  readonly run: () => void;
}

export function Palette(props: {
  readonly items: readonly PaletteItem[];
  readonly placeholder: string;
  readonly onClose: () => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const list = useRef<HTMLUListElement>(null);
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const id = useId();
  useModal(dialog);
  const found = useMemo(() => rank(props.items, query), [props.items, query]);

  useEffect(() => {
    list.current?.children[at]?.scrollIntoView?.({ block: "nearest" });
  }, [at]);

  const choose = (item: PaletteItem | undefined) => {
    if (item === undefined || item.disabled) return;
    props.onClose();
    // The dialog gives the focus back before the command moves it on.
    drawNow();
    item.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    event.stopPropagation();
    if (event.isComposing) return;
    if (event.key === "ArrowDown") setAt(found.length === 0 ? 0 : (at + 1) % found.length);
    else if (event.key === "ArrowUp") setAt(found.length === 0 ? 0 : (at - 1 + found.length) % found.length);
    else if (event.key === "Enter") {
      // The field itself: Enter may come before the last letter was drawn.
      const now = event.target instanceof HTMLInputElement ? event.target.value : query;
      choose(now === query ? found[at] : rank(props.items, now)[0]);
    } else return;
    event.preventDefault();
  };

  return (
    <dialog
      ref={dialog}
      class="dialog palette"
      aria-label="Commands"
      onCancel={event => {
        event.preventDefault();
        props.onClose();
        // The next key is for what has the focus back.
        drawNow();
      }}
      onClick={event => {
        if (event.target === dialog.current) props.onClose();
      }}
      onKeyDown={onKeyDown}
    >
      <input
        class="field"
        type="text"
        role="combobox"
        aria-expanded="true"
        aria-controls={`${id}-list`}
        aria-activedescendant={found[at] && `${id}-${found[at].id}`}
        aria-label={props.placeholder}
        placeholder={props.placeholder}
        autocomplete="off"
        spellcheck={false}
        data-autofocus
        value={query}
        onInput={event => {
          setQuery(event.currentTarget.value);
          setAt(0);
        }}
      />
      <ul id={`${id}-list`} ref={list} role="listbox" aria-label="Commands">
        {found.map((item, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field handles the keys
          // biome-ignore lint/a11y/useFocusableInteractive: the field keeps the focus
          <li
            key={item.id}
            id={`${id}-${item.id}`}
            role="option"
            aria-selected={index === at}
            aria-disabled={item.disabled || undefined}
            onPointerMove={() => setAt(index)}
            onClick={() => choose(item)}
          >
            <span>{item.label}</span>
            {item.keys && <kbd>{item.keys}</kbd>}
          </li>
        ))}
      </ul>
      {found.length === 0 && <p class="palette-empty">Nothing is called that.</p>}
    </dialog>
  );
}

/** Items that hold the query's letters in order, the best first; what cannot be done now comes last. */
export function rank(items: readonly PaletteItem[], query: string): PaletteItem[] {
  const wanted = query.trim().toLocaleLowerCase();
  const scored = items.flatMap(item => {
    const found = Math.max(score(item.label, wanted), score(`${item.label} ${item.words ?? ""}`, wanted) - 1);
    return found <= -1000 ? [] : [{ item, score: found - (item.disabled ? 500 : 0) }];
  });
  return scored.sort((left, right) => right.score - left.score).map(({ item }) => item);
}

/** Higher is better; -1000 or less: not at all. A word's start and neighbouring letters count. */
export function score(text: string, wanted: string): number {
  if (wanted === "") return 0;
  const lower = text.toLocaleLowerCase();
  const whole = lower.indexOf(wanted);
  if (whole === 0) return 100;
  if (whole > 0) return lower[whole - 1] === " " ? 80 : 50;
  let total = 0;
  let from = 0;
  for (const letter of wanted) {
    if (letter === " ") continue;
    const index = lower.indexOf(letter, from);
    if (index < 0) return -1000;
    total += index === from ? 2 : lower[index - 1] === " " ? 3 : -1;
    from = index + 1;
  }
  return total;
}
