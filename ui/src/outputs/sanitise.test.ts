// @vitest-environment jsdom
import { beforeEach, describe, expect, test } from "vitest";
import { SHEET, sanitiseOutput, sanitiseText } from "./sanitise.ts";

const places = {
  fileUrl: (relative: string) => `/files/folder/${relative}`,
  attachmentUrl: (name: string) => (name === "a.png" ? "data:image/png;base64,AAAA" : undefined),
};

function markup(fragment: DocumentFragment): string {
  const box = document.createElement("div");
  box.append(fragment);
  return box.innerHTML;
}

const asOutput = (html: string) => markup(sanitiseOutput(html, places));
const asText = (html: string) => markup(sanitiseText(html, places));

/** What has run code, or acted, in some notebook or sanitiser before. */
const HOSTILE: readonly string[] = [
  "<script>globalThis.pwned = 1</script>",
  "<script src=data:,globalThis.pwned=1></script>",
  "<img src=x onerror=globalThis.pwned=1>",
  "<img src=x oNeRrOr = 'globalThis.pwned=1'>",
  "<img/src=x/onerror=globalThis.pwned=1>",
  "<svg onload=globalThis.pwned=1>",
  "<svg><script>globalThis.pwned=1</script></svg>",
  "<svg><animate onbegin=globalThis.pwned=1 attributeName=x dur=1s>",
  "<svg><a xlink:href=javascript:globalThis.pwned=1><text y=9>x</text></a></svg>",
  '<svg><use href="data:image/svg+xml,<svg id=x xmlns=http://www.w3.org/2000/svg><script>pwned=1</script></svg>#x"/></svg>',
  "<svg><foreignObject><iframe srcdoc='<script>parent.pwned=1</script>'></iframe></foreignObject></svg>",
  "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=globalThis.pwned=1&gt;'>",
  "<math><annotation-xml encoding='text/html'><img src=x onerror=globalThis.pwned=1></annotation-xml></math>",
  "<math href=javascript:globalThis.pwned=1>x</math>",
  "<a href=javascript:globalThis.pwned=1>x</a>",
  "<a href='java\tscript:globalThis.pwned=1'>x</a>",
  "<a href='&#106;avascript:globalThis.pwned=1'>x</a>",
  "<a href=' javascript:globalThis.pwned=1'>x</a>",
  "<a href='vbscript:x'>x</a>",
  "<a href='data:text/html,<script>x</script>'>x</a>",
  "<iframe src=javascript:globalThis.pwned=1></iframe>",
  "<iframe srcdoc='<script>parent.pwned=1</script>'></iframe>",
  "<object data='data:text/html,x'></object>",
  "<embed src='data:text/html,x'>",
  "<form action=/logout method=post><button>x</button><input type=submit></form>",
  "<button formaction=javascript:globalThis.pwned=1>x</button>",
  "<input type=image src=x onerror=globalThis.pwned=1>",
  "<input autofocus onfocus=globalThis.pwned=1>",
  "<details open ontoggle=globalThis.pwned=1>x</details>",
  "<video><source onerror=globalThis.pwned=1></video>",
  "<audio src=x onerror=globalThis.pwned=1>",
  "<body onload=globalThis.pwned=1>",
  "<base href=//evil.example/>",
  "<meta http-equiv=refresh content='0;url=//evil.example'>",
  "<link rel=stylesheet href=//evil.example/x.css>",
  "<style>@import url(//evil.example/x.css);</style>",
  "<style>p{background:url(https://evil.example/b)}</style>",
  "<style>p{background:u\\72l(https://evil.example/b)}</style>",
  "<p style='background:url(https://evil.example/b)'>x</p>",
  "<p style='background-image:image-set(\"https://evil.example/b\" 1x)'>x</p>",
  "<p style='background:\\75rl(https://evil.example/b)'>x</p>",
  "<img srcset='https://evil.example/b 1x'>",
  "<img src='https://evil.example/b'>",
  "<img src='//evil.example/b'>",
  "<video poster=https://evil.example/b></video>",
  "<table background=https://evil.example/b><tr><td>x</table>",
  "<svg><image href=https://evil.example/b /></svg>",
  "<svg><image xlink:href=https://evil.example/b /></svg>",
  "<svg><feImage href=https://evil.example/b /></svg>",
  "<noscript><p title='</noscript><img src=x onerror=globalThis.pwned=1>'></noscript>",
  "<template><script>globalThis.pwned=1</script></template>",
  "<p is=x-evil>x</p><x-evil>x</x-evil>",
  "<button data-commandlinker-command=terminal:create-new>x</button>",
  "<p data-commandlinker-command=console:create data-tip=x>x</p>",
  "<p contenteditable popover autofocus accesskey=s>x</p>",
  "<button popovertarget=menu commandfor=menu command=show-modal>x</button>",
  "<dialog open>x</dialog>",
  "<p><![CDATA[<img src=x onerror=globalThis.pwned=1>]]></p>",
  "<!--><img src=x onerror=globalThis.pwned=1>-->",
  "<textarea></textarea><img src=x onerror=globalThis.pwned=1>",
  "<select><option><img src=x onerror=globalThis.pwned=1></select>",
];

beforeEach(() => {
  Reflect.deleteProperty(globalThis, "pwned");
  document.body.replaceChildren();
});

/** Everything in a tree, templates and shadow trees would be extra: none may be left. */
function everyElement(root: ParentNode): readonly Element[] {
  return [...root.querySelectorAll("*")];
}

const FORBIDDEN =
  /^(script|iframe|frame|object|embed|form|button|textarea|select|base|meta|link|template|dialog|noscript|x-evil)$/;

for (const [name, sanitise] of [
  ["sanitiseOutput", sanitiseOutput],
  ["sanitiseText", sanitiseText],
] as const) {
  describe(name, () => {
    test.each(HOSTILE)("xs1 nothing runs, nothing acts, nothing is fetched: %s", async html => {
      const box = document.createElement("div");
      document.body.append(box);
      box.append(sanitise(html, places));
      await new Promise(resolve => setTimeout(resolve, 0));
      expect(Reflect.has(globalThis, "pwned")).toBe(false);
      for (const element of everyElement(box)) {
        expect.soft(element.localName).not.toMatch(FORBIDDEN);
        for (const { name: attribute, value } of element.attributes) {
          expect
            .soft(attribute, html)
            .not.toMatch(
              /^on|^(form)?action$|srcdoc|srcset|background$|commandfor|popover|contenteditable|autofocus|accesskey|^is$|^data-(commandlinker|tip)/i,
            );
          if (/^(href|src|xlink:href|poster|style)$/.test(attribute)) {
            // A link may lead anywhere when it is pressed; nothing else may name another host.
            expect.soft(value.replace(/[\s\0]/g, "")).not.toMatch(/^(javascript|vbscript|data:text)/i);
            if (element.localName !== "a") expect.soft(value, html).not.toMatch(/evil\.example/);
          }
        }
        if (element.localName === SHEET) expect.soft(element.textContent).not.toMatch(/evil|import|url|\\/);
      }
    });

    test("xs2 names cannot cover the page's own: no ids or names of documents in the light tree", () => {
      const html =
        "<a id=getElementById name=cookie>x</a><img name=body src=a.png><p id=app class='dialog menu'>x</p>";
      const fragment = sanitise(html, places);
      if (name === "sanitiseText") expect(fragment.querySelector("[id], [name], [class]")).toBeNull();
      expect(fragment.querySelector("#getElementById, [name=body], [name=cookie]")).toBeNull();
    });
  });
}

test("xs3 a table of a data frame stays as it is", () => {
  const html =
    '<style scoped>.dataframe th { text-align: right }</style><table border="1" class="dataframe"><thead><tr style="text-align: right;"><th></th><th>a</th></tr></thead><tbody><tr><th>0</th><td>1</td></tr></tbody></table>';
  const fragment = sanitiseOutput(html, places);
  expect(fragment.querySelector(SHEET)?.textContent).toContain("text-align: right");
  expect(fragment.querySelector("table.dataframe thead th:nth-child(2)")?.textContent).toBe("a");
});

test("xs4 addresses in documents are beside the notebook; pressing a link opens a new tab without a trace", () => {
  expect(asText('<img src="fig.png" alt="f">')).toBe(
    '<img src="/files/folder/fig.png" alt="f" loading="lazy">',
  );
  expect(asText('<a href="other.csv">o</a>')).toContain('href="/files/folder/other.csv"');
  expect(asText('<a href="https://example.org/">e</a>')).toContain('rel="noopener noreferrer"');
  expect(asText('<a href="#Results">r</a>')).toBe('<a href="#Results">r</a>');
});

test("xs5 attachments are found by their names; those that are none leave no address", () => {
  expect(asText('<img src="attachment:a.png">')).toContain('src="data:image/png;base64,AAAA"');
  expect(asText('<img src="attachment:b.png" alt="b">')).not.toContain("attachment");
});

test("xs6 a picture of another host becomes a link that names it", () => {
  expect(asText('<img src="https://img.example/badge.svg">')).toMatch(
    /^<a [^>]*>Picture at img\.example<\/a>$/,
  );
  expect(asText('<img src="https://img.example/badge.svg" alt="build passes">')).toMatch(
    />build passes<\/a>$/,
  );
});

test("xs7 in text, styles keep things in their place", () => {
  expect(asText('<p style="color: red; position: fixed; inset: 0; z-index: 99">x</p>')).toBe(
    '<p style="color: red">x</p>',
  );
  expect(asText("<style>body { display: none }</style><p>x</p>")).toBe("<p>x</p>");
});

test("xs8 check boxes fold and tick; in text they are only shown", () => {
  expect(asOutput('<input type="checkbox" id="s1"><label for="s1">more</label>')).toContain(
    'type="checkbox"',
  );
  expect(asText('<input type="checkbox">')).toContain("disabled");
  expect(asText('<input type="text"><input type="password">')).toBe("");
});

test("XS1 parts of a drawing name parts of the same drawing only", () => {
  const paint =
    '<svg><rect fill="url(#a)" mask="url(/api/x#m)" filter="url(//evil.example/x#f)"></rect></svg>';
  expect(asOutput(paint)).toBe('<svg><rect fill="url(#a)"></rect></svg>');
});

test("XS1 where nothing is left, there is nothing", () => {
  for (const html of ["<frameset><frame src=x></frameset>", "", "<title>x", "<!--", "<plaintext>"]) {
    expect(asText(html), html).not.toContain("frame");
    expect(asOutput(html), html).not.toContain("frame");
  }
});
