/** On phones: the keys that a soft keyboard lacks. Pressing one leaves the keyboard open. */

import { ArrowDown, ArrowLeft, ArrowRight, ArrowRightToLine, ArrowUp, type IconNode } from "lucide";
import { Button } from "../../controls/button.tsx";
import type { TerminalPage } from "./page.ts";
import { type Arrow, arrow } from "./typing.ts";

const ARROWS: readonly { readonly which: Arrow; readonly label: string; readonly icon: IconNode }[] = [
  { which: "left", label: "Left", icon: ArrowLeft },
  { which: "up", label: "Up", icon: ArrowUp },
  { which: "down", label: "Down", icon: ArrowDown },
  { which: "right", label: "Right", icon: ArrowRight },
];

export function KeyRow({ page }: { readonly page: TerminalPage }) {
  const type = (text: string) => {
    page.ctrl.value = false;
    page.screen?.type(text);
  };
  return (
    <div class="keybar" role="toolbar" aria-label="Keys">
      <Button keepsFocus onClick={() => type("\x1b")}>
        Esc
      </Button>
      <Button icon={ArrowRightToLine} label="Tab" keepsFocus onClick={() => type("\t")} />
      <Button
        keepsFocus
        pressed={page.ctrl.value}
        onClick={() => {
          page.ctrl.value = !page.ctrl.value;
        }}
      >
        Ctrl
      </Button>
      {ARROWS.map(({ which, label, icon }) => (
        <Button
          key={which}
          icon={icon}
          label={label}
          keepsFocus
          onClick={() =>
            type(arrow(which, page.screen?.xterm.modes.applicationCursorKeysMode ?? false, page.ctrl.peek()))
          }
        />
      ))}
      <Button class="keybar-sign" label="Pipe" keepsFocus onClick={() => type("|")}>
        |
      </Button>
    </div>
  );
}
