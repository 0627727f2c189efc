// @vitest-environment jsdom
import { expect, test } from "vitest";
import { hostsOf, isActive } from "./active.ts";

test("scripts, handlers and frames are active", () => {
  for (const html of [
    "<script>x</script>",
    '<div><script type="module">x</script></div>',
    '<p onclick="x()">',
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<iframe src='https://example.org'></iframe>",
    "<object data=x></object>",
  ]) {
    expect.soft(isActive(html), html).toBe(true);
  }
});

test("tables, data scripts and talk of scripts are not", () => {
  for (const html of [
    "<table><tr><td>1</td></tr></table>",
    '<script type="application/json">{"a": 1}</script>',
    "<p>write onclick = x</p>",
    "<code>&lt;script&gt;</code>",
    "<style>p { color: red }</style><p>x</p>",
  ]) {
    expect.soft(isActive(html), html).toBe(false);
  }
});

test("the hosts that it wants to load from are named once", () => {
  const html = `<script src="https://cdn.example/a.js"></script><script src="//CDN.example/b.js"></script>
    <link href="http://other.example/x.css"><img src="data:image/png;base64,AA=="><img src="local.png">`;
  expect(hostsOf(html)).toEqual(["cdn.example", "other.example"]);
});
