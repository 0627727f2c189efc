/** Going back to a version that was saved. A chunk of its own. */

import { announce } from "../../controls/announce.tsx";
import { askWhich } from "../../controls/dialog.tsx";
import { sentence } from "../dashboard/contents.ts";
import { ago, moment } from "../words.ts";
import { type NotebookPage, settled } from "./page.ts";

/** Put one of the versions that were kept in place of the file; every open page shows it. */
export async function revert(page: NotebookPage): Promise<void> {
  const { notebook, context } = page;
  try {
    const versions = `${notebook.path.peek()}/checkpoints`;
    const found = await context.rest.request("GET", "api/contents", versions);
    const kept = (Array.isArray(found) ? found : [])
      .filter(
        (one): one is { id: string; last_modified: string } =>
          typeof one?.id === "string" && typeof one.last_modified === "string",
      )
      // The newest comes last, as Jupyter has it.
      .toReversed();
    if (kept.length === 0) {
      const message = "No version was saved of this notebook. Save now keeps one.";
      page.refused.value = { refusal: "invalid", message };
      return;
    }
    const options = kept.map(({ id, last_modified }) => {
      const atMs = Date.parse(last_modified);
      return { value: id, label: moment(atMs), note: ago(atMs, Date.now()) };
    });
    const chosen = await askWhich({
      title: "Go back to a saved version?",
      text: "The notebook becomes what it was then. What was done since is gone, but for other saved versions.",
      options,
      action: "Go back",
    });
    if (chosen === null) return;
    await settled(notebook);
    await context.rest.request("POST", "api/contents", `${versions}/${chosen}`);
    announce(`The version of ${options.find(one => one.value === chosen)?.label} is back.`);
  } catch (error) {
    page.refused.value = { refusal: "invalid", message: sentence(error) };
  }
}
