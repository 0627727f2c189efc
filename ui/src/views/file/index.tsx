/** A file as a view of the page: `/edit/PATH` and `/view/PATH`. */

import { render } from "preact";
import type { View } from "../../context.ts";
import { setIcon } from "../icon.ts";
import { pathOf } from "../places.ts";
import { FileView } from "./file.tsx";
import "../../styles/base.css";

export const view: View = {
  mount(element, context) {
    setIcon("idle");
    const path = pathOf(context.base, location.pathname);
    const below = location.pathname.slice(new URL(context.base, location.href).pathname.length);
    render(
      <FileView context={context} path={path} mode={below.startsWith("view/") ? "view" : "edit"} />,
      element,
    );
    return () => render(null, element);
  },
};
