/** Every key, from the list of commands. */

import { useState } from "preact/hooks";
import { COMMANDS } from "../../commands/all.ts";
import type { Command } from "../../commands/command.ts";
import { IS_MAC } from "../../commands/keydown.ts";
import { keyLabel } from "../../commands/keys.ts";
import { Dialog } from "../../controls/dialog.tsx";

const SECTIONS: readonly { readonly title: string; readonly mode: Command["mode"] }[] = [
  { title: "Anywhere", mode: "both" },
  { title: "With a cell selected (Esc)", mode: "command" },
  { title: "In a cell (Enter)", mode: "edit" },
];

export function Help({ onClose }: { readonly onClose: () => void }) {
  const [query, setQuery] = useState("");
  const wanted = query.trim().toLocaleLowerCase();
  const shown = (mode: Command["mode"]) =>
    COMMANDS.filter(
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
        {SECTIONS.map(section => {
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
function keysOf(command: Command): readonly string[] {
  return [...new Set([...command.keys, ...command.editorKeys].map(keys => keyLabel(keys, IS_MAC)))].slice(
    0,
    3,
  );
}
