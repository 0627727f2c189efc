/** A terminal as a view of the page: `/terminals/NAME`. */

import { render } from "preact";
import type { View } from "../../context.ts";
import { setIcon } from "../icon.ts";
import { pathOf } from "../places.ts";
import { TerminalView } from "./terminal.tsx";
import "../../styles/base.css";

export const view: View = {
  mount(element, context) {
    setIcon("idle");
    render(<TerminalView context={context} name={pathOf(context.base, location.pathname)} />, element);
    return () => render(null, element);
  },
};
