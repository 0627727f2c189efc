// @vitest-environment jsdom
import { expect, test } from "vitest";
import { parseAside, parseMathMl } from "./parse.ts";

test("XS21 what is parsed aside stays aside", () => {
  const found = parseAside("<p id=a onclick='x()'>b<script>c</script></p>");
  expect(found.querySelector("p")?.textContent).toBe("bc");
  expect(found.ownerDocument).not.toBe(document);
  expect(document.getElementById("a")).toBeNull();
});

test("XS21 of mathematics only mathematics stays", () => {
  const found = parseMathMl(
    "<p>x</p><math display='block'><mrow><mi mathvariant='bold' data-mjx-texclass='ORD'>a</mi>" +
      "<mtext><img src=x onerror=alert(1)><svg onload=alert(1)></svg>&lt;b&gt;</mtext>" +
      "<mi onclick='x()' id='app' name='app' class='cell' style='x' href='javascript:x' xlink:href='x'>b</mi>" +
      "<annotation-xml encoding='text/html'><script>x</script></annotation-xml></mrow></math>",
  );
  expect(found.body.innerHTML).toBe(
    '<math display="block"><mrow><mi mathvariant="bold" data-mjx-texclass="ORD">a</mi>' +
      "<mtext>&lt;b&gt;</mtext><mi>b</mi></mrow></math>",
  );
});

test("XS21 no mathematics is an empty document", () => {
  expect(parseMathMl("<p>x").body.childNodes.length).toBe(0);
});
