/** Draw again only when the properties differ: React's `memo`, without preact/compat. */

import { Component, type ComponentChildren, h } from "preact";

export function memo<P extends object>(
  draw: (props: P) => ComponentChildren,
  same: (before: P, after: P) => boolean,
): (props: P) => ComponentChildren {
  class Memo extends Component<{ readonly given: P }> {
    override shouldComponentUpdate(next: { readonly given: P }): boolean {
      return !same(this.props.given, next.given);
    }
    override render() {
      return h(Inner, { given: this.props.given });
    }
  }
  const Inner = ({ given }: { readonly given: P }) => draw(given);
  return (props: P) => h(Memo, { given: props });
}
