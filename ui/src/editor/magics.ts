/** `%magic`, `%%magic` and `!shell` are marked as what they are, which Python's grammar does not know. */

import { Decoration, type DecorationSet, MatchDecorator, ViewPlugin } from "@codemirror/view";

const matcher = new MatchDecorator({
  // A remainder (`% b`) and an inequality (`!= b`) may begin a line of an expression.
  regexp: /^[ \t]*(?:%%?[A-Za-z]\w*|!!?(?![=!]))/g,
  decoration: Decoration.mark({ class: "tok-magic" }),
});

export const magics = ViewPlugin.define<{ decorations: DecorationSet; update: Update }>(
  view => {
    const plugin = {
      decorations: matcher.createDeco(view),
      update: (update: Parameters<Update>[0]) => {
        plugin.decorations = matcher.updateDeco(update, plugin.decorations);
      },
    };
    return plugin;
  },
  { decorations: plugin => plugin.decorations },
);

type Update = (update: Parameters<MatchDecorator["updateDeco"]>[0]) => void;
