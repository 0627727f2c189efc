/** Rename the file of this notebook; the session follows, and so does the address. */

import { announce } from "../../controls/announce.tsx";
import { sentence } from "../dashboard/contents.ts";
import { wrongName } from "../dashboard/listing.ts";
import { folderOf, join, nameOf } from "../places.ts";
import type { NotebookPage } from "./page.ts";

export async function renameNotebook(page: NotebookPage, value: string): Promise<void> {
  const { notebook, context } = page;
  const path = notebook.path.peek();
  const name = /\.ipynb$/i.test(value) ? value : `${value}.ipynb`;
  if (name === nameOf(path)) return;
  const wrong = wrongName(name, new Set());
  if (wrong !== undefined) {
    page.refused.value = { refusal: "invalid", message: wrong };
    return;
  }
  try {
    await context.rest.request("PATCH", "api/contents", path, { json: { path: join(folderOf(path), name) } });
    announce(`Renamed to ${name}.`);
  } catch (error) {
    page.refused.value = { refusal: "invalid", message: sentence(error) };
  }
}
