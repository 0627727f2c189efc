/**
 * Icons: lucide's shapes, drawn inline. Always decoration: the word stands beside it or in `aria-label`.
 */

import type { IconNode } from "lucide";
import { h } from "preact";

export function Icon({ shape, size }: { readonly shape: IconNode; readonly size?: number }) {
  return (
    <svg
      class="icon"
      viewBox="0 0 24 24"
      aria-hidden="true"
      {...(size ? { style: { width: size, height: size } } : {})}
    >
      {shape.map(([tag, attributes], index) => h(tag, { key: index, ...attributes }))}
    </svg>
  );
}
