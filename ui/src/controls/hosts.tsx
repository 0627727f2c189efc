/** What stands once in every page: live region, tooltip, context menu, questions. */

import "./controls.css";
import { LiveRegion } from "./announce.tsx";
import { DialogHost } from "./dialog.tsx";
import { ContextMenuHost } from "./menu.tsx";
import { TooltipHost } from "./tooltip.tsx";

export function Hosts() {
  return (
    <>
      <DialogHost />
      <ContextMenuHost />
      <TooltipHost />
      <LiveRegion />
    </>
  );
}
