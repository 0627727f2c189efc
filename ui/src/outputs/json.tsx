/** JSON as a tree: open where it is small, closed where it is large, and only what is open is drawn. */

import { useState } from "preact/hooks";
import type { Json } from "../core/wire.ts";

/** So many entries are drawn at once. */
const PAGE = 100;

export function JsonTree({ value, expanded }: { readonly value: Json; readonly expanded: boolean }) {
  return (
    <div class="output-json">
      <JsonNode name={null} value={value} open={expanded || weight(value) <= 20} depth={0} />
    </div>
  );
}

function JsonNode(props: {
  readonly name: string | null;
  readonly value: Json;
  readonly open: boolean;
  readonly depth: number;
}) {
  const { name, value } = props;
  const [open, setOpen] = useState(props.open);
  const [shown, setShown] = useState(PAGE);
  const key = name === null ? null : <span class="json-key">{name}: </span>;
  if (value === null || typeof value !== "object") {
    return (
      <div class="json-leaf">
        {key}
        <span class={`json-${value === null ? "null" : typeof value}`}>{JSON.stringify(value)}</span>
      </div>
    );
  }
  const entries = Object.entries(value);
  const [start, end] = Array.isArray(value) ? "[]" : "{}";
  if (entries.length === 0) {
    return (
      <div class="json-leaf">
        {key}
        {start}
        {end}
      </div>
    );
  }
  const noun = Array.isArray(value) ? "item" : "key";
  return (
    <details
      open={open}
      onToggle={event => event.target === event.currentTarget && setOpen(event.currentTarget.open)}
    >
      <summary>
        {key}
        {start}
        <span class="json-count">
          {" "}
          {entries.length.toLocaleString("en")} {noun}
          {entries.length === 1 ? "" : "s"}{" "}
        </span>
        {end}
      </summary>
      {open && (
        <div class="json-children">
          {entries.slice(0, shown).map(([entryName, entry]) => (
            <JsonNode
              key={entryName}
              name={Array.isArray(value) ? null : entryName}
              value={entry}
              open={props.depth < 2 && weight(entry) <= 20}
              depth={props.depth + 1}
            />
          ))}
          {entries.length > shown && (
            <button type="button" class="button" data-kind="link" onClick={() => setShown(shown + 10 * PAGE)}>
              {(entries.length - shown).toLocaleString("en")} more
            </button>
          )}
        </div>
      )}
    </details>
  );
}

/** How many entries a value has in all, counted up to 21. */
function weight(value: Json): number {
  if (value === null || typeof value !== "object") return 0;
  let total = 0;
  for (const entry of Object.values(value)) {
    total += 1 + weight(entry);
    if (total > 20) return total;
  }
  return total;
}
