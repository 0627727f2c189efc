/** The Connection dialog: how this page is linked, what gets no way through, and what to write into a proxy. */

import { useSignal } from "@preact/signals";
import { useEffect, useId } from "preact/hooks";
import { Button } from "../../controls/button.tsx";
import { Dialog } from "../../controls/dialog.tsx";
import { count } from "../words.ts";
import type { NotebookPage } from "./page.ts";
import { adviceFor, linkWords, nameOfWay, wayWords } from "./status.ts";

/** A page that has shown nothing for so long says why, in so many words. */
export const SILENT_MS = 8_000;

interface Advice {
  readonly why: string;
  /** By the proxy's name. */
  readonly lines: ReadonlyMap<string, string>;
}

interface Advised {
  readonly proxies: ReadonlyMap<string, string>;
  readonly advice: ReadonlyMap<string, Advice>;
}

/** Open the dialog when the notebook does not come. It goes by itself when the notebook is there. */
export function watchSilence(page: NotebookPage): () => void {
  const { notebook, overlay } = page;
  const isStuck = (): boolean =>
    notebook.status.peek().kind === "loading" && notebook.link.peek().kind === "reconnecting";
  let isOurs = false;
  const timer = setTimeout(() => {
    if (!isStuck() || overlay.peek() !== null) return;
    isOurs = true;
    overlay.value = "connection";
  }, SILENT_MS);
  const stop = notebook.status.subscribe(status => {
    if (isOurs && status.kind !== "loading" && overlay.peek() === "connection") overlay.value = null;
  });
  return () => {
    clearTimeout(timer);
    stop();
  };
}

export function ConnectionDialog({
  page,
  onClose,
}: {
  readonly page: NotebookPage;
  readonly onClose: () => void;
}) {
  const { notebook, context } = page;
  const link = notebook.link.value;
  const way = context.connection?.way.value ?? { name: null, failures: [] };
  const roundTripMs = context.connection?.roundTripMs.value ?? null;
  const isLive = link.kind === "live";
  const waiting = notebook.pendingCount.value;
  const wanted = adviceFor(link, way);
  const advised = useAdvice(page, wanted.length > 0);
  return (
    <Dialog
      title={isLive ? "Connection" : "No connection to the server"}
      wide={advised !== null}
      onClose={onClose}
      actions={
        <Button kind="primary" autofocus onClick={onClose}>
          Close
        </Button>
      }
    >
      <p role="status">{wayWords(link, way)}</p>
      <dl class="facts">
        <Fact name="State">
          {linkWords(link, page.nowMs.value, page.context.signIn.state.value.kind === "in").text}
        </Fact>
        {isLive && way.name !== null && <Fact name="Way">{nameOfWay(way.name)}</Fact>}
        {isLive && roundTripMs !== null && <Fact name="An answer takes">{Math.round(roundTripMs)} ms</Fact>}
        {way.failures.map(failure => (
          <Fact key={failure.name} name={nameOfWay(failure.name)}>
            {failure.reason}
          </Fact>
        ))}
        <Fact name="Waiting here">{waiting === 0 ? "nothing" : count(waiting, "change")}</Fact>
      </dl>
      {advised !== null && <AdviceView wanted={wanted} advised={advised} />}
      {!isLive && (
        <p class="connection-hint">
          Nothing is lost: the page tries again by itself, and what you do meanwhile waits here. On the
          server's machine, <code>carnet doctor {context.base}</code> finds out more.
        </p>
      )}
    </Dialog>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function AdviceView({ wanted, advised }: { readonly wanted: readonly string[]; readonly advised: Advised }) {
  const id = useId();
  const chosen = useSignal("nginx");
  const found = wanted.flatMap(name => advised.advice.get(name) ?? []);
  const lines = found.flatMap(advice => advice.lines.get(chosen.value) ?? []).join("\n");
  return (
    <section class="advice">
      <h3>If a proxy stands in front of the server</h3>
      {found.map(advice => (
        <p key={advice.why}>{advice.why}</p>
      ))}
      <p>
        <label for={id}>These lines mend it in</label>{" "}
        <select
          class="field"
          id={id}
          value={chosen.value}
          onChange={event => {
            chosen.value = event.currentTarget.value;
          }}
        >
          {[...advised.proxies].map(([name, label]) => (
            <option key={name} value={name}>
              {label}
            </option>
          ))}
        </select>
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys */}
      <pre tabIndex={0}>{lines === "" ? "Nothing: it does not do this by itself." : lines}</pre>
    </section>
  );
}

/** What the server says of proxies: it knows the lines that its own tests run. Null: not asked, or not there. */
function useAdvice(page: NotebookPage, isWanted: boolean): Advised | null {
  const advised = useSignal<Advised | null>(null);
  useEffect(() => {
    if (!isWanted) return;
    page.context.rest.request("GET", "api/doctor").then(
      answer => {
        advised.value = readAdvised(answer);
      },
      () => {
        // Not even that gets through: the rest of the dialog says so.
      },
    );
  }, [isWanted, page, advised]);
  return advised.value;
}

function readAdvised(answer: unknown): Advised | null {
  const proxies = entriesOf(answer, "proxies");
  const advice = entriesOf(answer, "advice");
  if (proxies === null || advice === null) return null;
  return {
    proxies: texts(proxies),
    advice: new Map(
      advice.map(([name, one]) => [
        name,
        { why: String(read(one, "why") ?? ""), lines: texts(entriesOf(one, "lines") ?? []) },
      ]),
    ),
  };
}

function texts(entries: readonly (readonly [string, unknown])[]): ReadonlyMap<string, string> {
  return new Map(entries.map(([name, value]) => [name, String(value)]));
}

function read(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

function entriesOf(value: unknown, name: string): [string, unknown][] | null {
  const found = read(value, name);
  return typeof found === "object" && found !== null ? Object.entries(found) : null;
}
