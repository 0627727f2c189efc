/** The icon in the browser's tab: a notebook, with a mark while it is busy or not saved. No request of its own. */

export type TabIcon = "idle" | "busy" | "unsaved";

/** An icon is a picture of its own, where the page's tokens do not reach. */
const MARKS: Readonly<Record<TabIcon, string>> = {
  idle: "",
  busy: '<circle cx="24" cy="24" r="8" fill="#fcfbf8"/><circle cx="24" cy="24" r="6" fill="#c77700"/>',
  unsaved:
    '<circle cx="24" cy="24" r="8" fill="#fcfbf8"/><circle cx="24" cy="24" r="5" fill="none" stroke="#a3312c" stroke-width="2.6"/>',
};

export function iconAddress(icon: TabIcon): string {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path d="M8 3h14.5a3 3 0 0 1 3 3v20a3 3 0 0 1-3 3H8a1.5 1.5 0 0 1-1.5-1.5v-23A1.5 1.5 0 0 1 8 3Z" fill="#2f78ab"/><path d="M20.5 3v26" stroke="#fcfbf8" stroke-width="2.2"/><path d="M10.5 9.5h6M10.5 13.200h4.200" stroke="#fcfbf8" stroke-width="2" stroke-linecap="round"/>${MARKS[icon]}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

export function setIcon(icon: TabIcon): void {
  let link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  if (link === null) {
    link = document.createElement("link");
    link.rel = "icon";
    document.head.append(link);
  }
  if (link.dataset.icon === icon) return;
  link.dataset.icon = icon;
  link.href = iconAddress(icon);
}
