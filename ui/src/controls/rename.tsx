/** A name that turns into a field in its place: Enter keeps, Escape leaves, going elsewhere keeps. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { stemLength } from "./dialog.tsx";

export function RenameField(props: {
  readonly label: string;
  readonly value: string;
  readonly onDone: (value: string | null) => void;
}) {
  const field = useRef<HTMLInputElement>(null);
  const [value, setValue] = useState(props.value);
  const done = useRef(false);
  const finish = (result: string | null) => {
    if (done.current) return;
    done.current = true;
    const name = result?.trim() ?? "";
    props.onDone(name === "" || name === props.value ? null : name);
  };
  useLayoutEffect(() => {
    field.current?.focus({ preventScroll: true });
    field.current?.setSelectionRange(0, stemLength(props.value));
  }, [props.value]);
  return (
    <input
      ref={field}
      class="rename-field"
      aria-label={props.label}
      value={value}
      size={Math.max(8, value.length)}
      autocomplete="off"
      spellcheck={false}
      onInput={event => setValue(event.currentTarget.value)}
      onBlur={event => finish(event.currentTarget.value)}
      onClick={event => event.stopPropagation()}
      onKeyDown={event => {
        event.stopPropagation();
        if (event.key === "Enter") finish(event.currentTarget.value);
        else if (event.key === "Escape") finish(null);
      }}
    />
  );
}
