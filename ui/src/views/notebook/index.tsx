/** The notebook as a view of the page. */

import { render } from "preact";
import type { View } from "../../context.ts";
import { pathOf } from "../places.ts";
import { NotebookView } from "./notebook.tsx";
import "../../styles/base.css";

export const view: View = {
  mount(element, context) {
    render(<NotebookView context={context} path={pathOf(context.base, location.pathname)} />, element);
    return () => render(null, element);
  },
};
