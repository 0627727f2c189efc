/**
 * The only place, beside the sanitiser, where a string is parsed into nodes.
 *
 * The page's policy has `require-trusted-types-for 'script'`: no string becomes HTML, a script or a script's address but
 * through a policy that is named in the response's header. There are two: DOMPurify's own, and this one, which is
 * private to these functions. What they return is never put into the page as it is. Rule XS21: docs/specs/outputs.md.
 */

interface Policy {
  /** Returns a TrustedHTML, which is a string wherever one is wanted; TypeScript's own library does not know it yet. */
  createHTML(text: string): string;
}

interface Policies {
  createPolicy(name: string, rules: Policy): Policy;
}

const asItIs: Policy = { createHTML: text => text };

let policy: Policy | undefined;

function trusted(text: string): string {
  const policies: unknown = Reflect.get(window, "trustedTypes");
  // Not in every browser; where it is not, strings are taken as they are.
  policy ??= hasPolicies(policies) ? policies.createPolicy("carnet-parse", asItIs) : asItIs;
  return policy.createHTML(text);
}

function hasPolicies(value: unknown): value is Policies {
  return typeof value === "object" && value !== null && "createPolicy" in value;
}

/** Parse HTML to look at it, in a template's document: nothing loads or runs there. */
export function parseAside(html: string): DocumentFragment {
  const template = document.createElement("template");
  template.innerHTML = trusted(html);
  return template.content;
}

const MATHML = "http://www.w3.org/1998/Math/MathML";

/** Parse MathML, and keep nothing else of it: no element of another kind, no link, no handler, no name, no class. */
export function parseMathMl(text: string): Document {
  const found = document.implementation.createHTMLDocument("");
  const root = parseAside(text).querySelector("math");
  if (root !== null) found.body.append(root);
  for (const element of found.body.querySelectorAll("*")) {
    if (element.namespaceURI !== MATHML || element.localName.startsWith("annotation")) {
      element.remove();
      continue;
    }
    for (const name of element.getAttributeNames()) {
      if (/^(on|xlink:|href|src|id|name|class|style|action|definitionurl|encoding|data-(?!mjx-))/i.test(name))
        element.removeAttribute(name);
    }
  }
  return found;
}
