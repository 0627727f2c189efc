/** The dashboard as a view of the page. */

import { render } from "preact";
import type { View } from "../../context.ts";
import { setIcon } from "../icon.ts";
import { pathOf } from "../places.ts";
import { Dashboard } from "./dashboard.tsx";
import "../../styles/base.css";

export const view: View = {
  mount(element, context) {
    setIcon("idle");
    render(<Dashboard context={context} path={pathOf(context.base, location.pathname)} />, element);
    return () => render(null, element);
  },
};
