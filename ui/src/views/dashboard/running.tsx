/** What runs: notebooks with a kernel, and terminals. */

import { BookOpen, Circle, Moon, Power, SquareTerminal } from "lucide";
import { Button } from "../../controls/button.tsx";
import { Icon } from "../../controls/icon.tsx";
import { sizeInWords } from "../../outputs/size.ts";
import { addressOf, folderOf } from "../places.ts";
import { type RunningTerminal, terminalAddress } from "../terminals.ts";
import { ago } from "../words.ts";
import { endShell, shutDown } from "./actions.ts";
import type { Running } from "./contents.ts";
import type { DashboardPage } from "./page.ts";

export function RunningList({ page }: { readonly page: DashboardPage }) {
  if (page.running.value.length + page.terminals.value.length === 0) return null;
  return (
    <section class="running" aria-labelledby="running-title">
      <h2 id="running-title">Running</h2>
      <ul class="running-list">
        {page.running.value.map(session => (
          <RunningRow key={session.id} page={page} session={session} />
        ))}
        {page.terminals.value.map(terminal => (
          <TerminalRow key={`terminal ${terminal.name}`} page={page} terminal={terminal} />
        ))}
      </ul>
    </section>
  );
}

function RunningRow({ page, session }: { readonly page: DashboardPage; readonly session: Running }) {
  const facts = [
    session.kernelName,
    session.memoryBytes === null ? "" : sizeInWords(session.memoryBytes),
    session.startedMs === null
      ? ""
      : `since ${ago(session.startedMs, page.nowMs.value)}`
          .replace("since just", "started just")
          .replace(/ ago$/, ""),
  ].filter(fact => fact !== "");
  return (
    <li class="row" data-running>
      <Icon shape={BookOpen} />
      <a class="row-name" href={addressOf(page.context.base, "notebooks", session.path)} title={session.path}>
        {session.name.replace(/\.ipynb$/, "")}
        <small>{folderOf(session.path)}</small>
      </a>
      <span class="row-facts">{facts.join(" · ")}</span>
      <Status status={session.status} />
      <Button
        icon={Power}
        label={`Shut down ${session.name}`}
        class="row-button"
        onClick={() => void shutDown(page, session)}
      />
    </li>
  );
}

function TerminalRow(props: { readonly page: DashboardPage; readonly terminal: RunningTerminal }) {
  const { page, terminal } = props;
  const { name, activeMs } = terminal;
  return (
    <li class="row" data-running>
      <Icon shape={SquareTerminal} />
      <a class="row-name" href={terminalAddress(page.context.base, name)}>
        Terminal {name}
      </a>
      <span class="row-facts">{activeMs === null ? "" : `last used ${ago(activeMs, page.nowMs.value)}`}</span>
      <Status status="running" />
      <Button
        icon={Power}
        label={`End terminal ${name}`}
        class="row-button"
        onClick={() => void endShell(page, terminal)}
      />
    </li>
  );
}

export function Status({ status }: { readonly status: string }) {
  return (
    <span class="status" data-status={status}>
      <Icon shape={status === "idle" ? Moon : Circle} size={status === "idle" ? 12 : 8} /> {status}
    </span>
  );
}
