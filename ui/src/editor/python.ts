/**
 * Python for code cells: Lezer's parser, with indentation after @codemirror/lang-python (MIT, Marijn Haverbeke).
 *
 * In place of that package, whose completion sources bring 12 kB before the first
 * character can be typed; completion is the kernel's here.
 */

import {
  delimitedIndent,
  foldInside,
  foldNodeProp,
  indentNodeProp,
  LanguageSupport,
  LRLanguage,
  type TreeIndentContext,
} from "@codemirror/language";
import type { SyntaxNode } from "@lezer/common";
import { parser } from "@lezer/python";
import { magics } from "./magics.ts";

/** The innermost block that still reaches the position, by the indentation of the line before. */
function innerBody(context: TreeIndentContext): SyntaxNode | null {
  const lineIndent = context.lineIndent(context.pos, -1);
  let { node, pos } = context;
  let found: SyntaxNode | null = null;
  for (let before = node.childBefore(pos); before !== null; before = node.childBefore(pos)) {
    if (before.name === "Comment") pos = before.from;
    else if (before.name === "Body" || before.name === "MatchBody") {
      if (context.baseIndentFor(before) + context.unit <= lineIndent) found = before;
      node = before;
    } else if (before.name === "MatchClause" || before.type.is("Statement")) node = before;
    else break;
  }
  return found;
}

function indentBody(context: TreeIndentContext, node: SyntaxNode): number | null {
  const base = context.baseIndentFor(node);
  const line = context.lineAt(context.pos, -1);
  const end = line.from + line.text.length;
  const lineIndent = context.lineIndent(context.pos, -1);
  // Blank lines at the end that are dedented are no part of the block.
  const isBlank = /^\s*($|#)/.test(line.text);
  const isEnd = node.to < end + 100 && !/\S/.test(context.state.sliceDoc(end, node.to));
  if (isBlank && isEnd && lineIndent <= base) return null;
  // `else` and its like belong to a block further out.
  if (/^\s*(else:|elif |except |finally:|case\s+[^=:]+:)/.test(context.textAfter) && lineIndent > base)
    return null;
  return base + context.unit;
}

function inBody(context: TreeIndentContext, node: SyntaxNode | null): number | null {
  return (node === null ? null : indentBody(context, node)) ?? context.continue();
}

/** Lines that begin with one of these stand where the statement stands. */
function dedentsAt(keywords: RegExp): (context: TreeIndentContext) => number | null {
  return context => (keywords.test(context.textAfter) ? context.baseIndent : context.continue());
}

export const pythonLanguage = LRLanguage.define({
  name: "python",
  parser: parser.configure({
    props: [
      indentNodeProp.add({
        Body: context => {
          const inner = /^\s*(#|$)/.test(context.textAfter) ? innerBody(context) : null;
          return inBody(context, inner ?? context.node);
        },
        MatchBody: context => inBody(context, innerBody(context) ?? context.node),
        IfStatement: dedentsAt(/^\s*(else:|elif )/),
        "ForStatement WhileStatement": dedentsAt(/^\s*else:/),
        TryStatement: dedentsAt(/^\s*(except[ :]|finally:|else:)/),
        MatchStatement: context =>
          /^\s*case /.test(context.textAfter) ? context.baseIndent + context.unit : context.continue(),
        "TupleExpression ComprehensionExpression ParamList ArgList ParenthesizedExpression": delimitedIndent({
          closing: ")",
        }),
        "DictionaryExpression DictionaryComprehensionExpression SetExpression SetComprehensionExpression":
          delimitedIndent({ closing: "}" }),
        "ArrayExpression ArrayComprehensionExpression": delimitedIndent({ closing: "]" }),
        MemberExpression: context => context.baseIndent + context.unit,
        "String FormatString": () => null,
        Script: context => inBody(context, innerBody(context)),
      }),
      foldNodeProp.add({
        "ArrayExpression DictionaryExpression SetExpression TupleExpression": foldInside,
      }),
    ],
  }),
  languageData: {
    closeBrackets: {
      brackets: ["(", "[", "{", "'", '"', "'''", '"""'],
      stringPrefixes: [
        "f",
        "fr",
        "rf",
        "r",
        "u",
        "b",
        "br",
        "rb",
        "F",
        "FR",
        "RF",
        "R",
        "U",
        "B",
        "BR",
        "RB",
      ],
    },
    commentTokens: { line: "#" },
    indentOnInput: /^\s*([}\])]|else:|elif |except |finally:|case\s+[^:]*:?)$/,
  },
});

export function python(): LanguageSupport {
  return new LanguageSupport(pythonLanguage, magics);
}
