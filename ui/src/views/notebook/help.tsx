/** Every key, from the list of commands. */

import { useState } from "preact/hooks";
import { COMMANDS } from "../../commands/all.ts";
import type { Command } from "../../commands/command.ts";
import { IS_MAC } from "../../commands/keydown.ts";
import { keyLabel } from "../../commands/keys.ts";
import { Dialog } from "../../controls/dialog.tsx";

interface Section {
  readonly title: string;
  readonly mode: Command["mode"];
}

/** What is shown of a command. */
type Listed = Pick<Command, "mode" | "label" | "words" | "keys" | "editorKeys" | "id">;

const SECTIONS: readonly Section[] = [
  { title: "Anywhere", mode: "both" },
  { title: "With a cell selected (Esc)", mode: "command" },
  { title: "In a cell (Enter)", mode: "edit" },
];

export function Help(props: {
  readonly onClose: () => void;
  /** Those of another page than the notebook's. */
  readonly commands?: readonly Listed[];
  readonly sections?: readonly Section[];
}) {
  const { onClose, commands = COMMANDS, sections = SECTIONS } = props;
  const [query, setQuery] = useState("");
  const wanted = query.trim().toLocaleLowerCase();
  const shown = (mode: Command["mode"]) =>
    commands.filter(
      command =>
        command.mode === mode &&
        keysOf(command).length > 0 &&
        [command.label, command.words, ...keysOf(command)].join(" ").toLocaleLowerCase().includes(wanted),
    );
  return (
    <Dialog title="Keyboard" wide onClose={onClose}>
      <input
        class="field"
        type="search"
        placeholder="Find a key"
        aria-label="Find a key"
        data-autofocus
        value={query}
        onInput={event => setQuery(event.currentTarget.value)}
      />
      <div class="help-columns">
        {sections.map(section => {
          const list = shown(section.mode);
          if (list.length === 0) return null;
          return (
            <section key={section.mode}>
              <h3>{section.title}</h3>
              <dl>
                {list.map(command => (
                  <div key={command.id} class="help-row">
                    <dt>{command.label}</dt>
                    <dd>
                      {keysOf(command).map(keys => (
                        <kbd key={keys}>{keys}</kbd>
                      ))}
                    </dd>
                  </div>
                ))}
              </dl>
            </section>
          );
        })}
      </div>
    </Dialog>
  );
}

/** At most three ways to say it, as people of this machine read them. */
function keysOf(command: Listed): readonly string[] {
  return [...new Set([...command.keys, ...command.editorKeys].map(keys => keyLabel(keys, IS_MAC)))].slice(
    0,
    3,
  );
}
