/** A notebook that cannot be opened: why, and the ways out. */

import { Button } from "../../controls/button.tsx";
import { Breadcrumb } from "../breadcrumb.tsx";
import { addressOf, folderOf, nameOf } from "../places.ts";
import type { NotebookPage } from "./page.ts";

export function ProblemPage(props: {
  readonly page: NotebookPage;
  readonly status: number;
  readonly message: string;
}) {
  const { context, notebook } = props.page;
  const path = notebook.path.value;
  const { title, isThere } = titleOf(props.status);
  return (
    <div class="notebook">
      <header class="bar">
        <Breadcrumb base={context.base} path={folderOf(path)}>
          <h1 class="here">{nameOf(path)}</h1>
        </Breadcrumb>
      </header>
      <main class="problem">
        <h2>{title}</h2>
        <p>{props.message}</p>
        <p class="problem-ways">
          <Button kind="primary" onClick={() => location.reload()}>
            Try again
          </Button>
          {isThere && <a href={addressOf(context.base, "edit", path)}>Open as text</a>}
          <a href={addressOf(context.base, "tree", folderOf(path))}>
            Show {folderOf(path) === "" ? "all files" : nameOf(folderOf(path))}
          </a>
        </p>
      </main>
    </div>
  );
}

function titleOf(status: number): { readonly title: string; readonly isThere: boolean } {
  switch (status) {
    case 404:
      return { title: "There is no such notebook", isThere: false };
    case 403:
      return { title: "This notebook may not be opened", isThere: false };
    case 400:
    case 415:
    case 422:
      return { title: "This is not a notebook that can be opened", isThere: true };
    default:
      return { title: "This notebook cannot be opened now", isThere: status !== 0 };
  }
}
