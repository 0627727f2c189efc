/** The way to the account page, and out: at the right of the bar. */

import { CircleUserRound } from "lucide";
import { Icon } from "../controls/icon.tsx";
import { MenuButton } from "../controls/menu.tsx";
import { strings } from "../strings.ts";

export function AccountMenu({ base }: { readonly base: string }) {
  const entries = () => [
    { label: strings.account, run: () => location.assign(`${base}account`) },
    // It asks, so that nothing happens by pressing the wrong row.
    { label: strings.signOut, run: () => location.assign(`${base}logout`) },
  ];
  return (
    <MenuButton spec={{ label: strings.accountMenu, entries }} class="account-menu" tip={strings.accountMenu}>
      <Icon shape={CircleUserRound} />
    </MenuButton>
  );
}
