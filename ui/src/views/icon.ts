/** The icon in the browser's tab. */

import busy from "./favicons/busy.svg?url";
import idle from "./favicons/idle.svg?url";
import unsaved from "./favicons/unsaved.svg?url";

const ICONS = { busy, idle, unsaved };

export function setIcon(name: keyof typeof ICONS): void {
  const address = ICONS[name];
  let link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  if (link === null) {
    link = document.createElement("link");
    link.rel = "icon";
    document.head.append(link);
  }
  if (link.getAttribute("href") !== address) link.href = address;
}
