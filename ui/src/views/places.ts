/** Addresses of the page's own views, and which place this address names. Pure. */

export type PlaceKind = "tree" | "notebooks" | "edit" | "view" | "files" | "lab/tree";

/** Each part escaped; `base` ends with a slash. */
export function addressOf(base: string, kind: PlaceKind, path: string): string {
  const parts = path.split("/").filter(part => part !== "");
  return base + [kind, ...parts.map(encodeURIComponent)].join("/");
}

/** The path that an address below `base` names: `/x/tree/a%20b` is `a b`. */
export function pathOf(base: string, pathname: string): string {
  const root = new URL(base, "http://localhost/").pathname;
  const rest = pathname.startsWith(root) ? pathname.slice(root.length) : pathname.replace(/^\//, "");
  return rest
    .split("/")
    .slice(1)
    .filter(part => part !== "")
    .map(decode)
    .join("/");
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function folderOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function join(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

/** Resolve `relative` (as a document writes it: escaped, with `..`) against a folder. */
export function resolve(folder: string, relative: string): { readonly path: string; readonly rest: string } {
  const cut = relative.search(/[?#]/);
  const address = cut < 0 ? relative : relative.slice(0, cut);
  const parts = address.startsWith("/") ? [] : folder.split("/").filter(part => part !== "");
  for (const part of address.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") parts.pop();
    else parts.push(decode(part));
  }
  return { path: parts.join("/"), rest: cut < 0 ? "" : relative.slice(cut) };
}

/** Which view opens a file of this name. */
export function viewFor(name: string, type: string): PlaceKind {
  if (type === "directory") return "tree";
  if (type === "notebook" || /\.ipynb$/i.test(name)) return "notebooks";
  return /\.(png|jpe?g|gif|webp|avif|svg|bmp|ico|pdf|csv|tsv)$/i.test(name) ? "view" : "edit";
}
