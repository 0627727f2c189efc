// @vitest-environment jsdom
import { cleanup, render } from "@testing-library/preact";
import { afterEach, describe, expect, test } from "vitest";
import type { Stream } from "../core/wire.ts";
import { type OutputSettings, OutputSettingsContext } from "./settings.ts";
import { countLines, PlainText, StreamText, shorten } from "./text.tsx";

afterEach(cleanup);

const opened: { parts: readonly string[]; tail: string }[] = [];
const settings: OutputSettings = {
  blobUrl: blob => `/blobs/${blob.sha256}`,
  fileUrl: relative => relative,
  frameUrl: () => "/output-frame",
  drawingUrl: () => "/output-frame?drawing=1",
  openText: (parts, tail) => opened.push({ parts, tail }),
};

function stream(text: string, more: Partial<Stream> = {}): Stream {
  return {
    output_type: "stream",
    name: "stdout",
    text,
    head: "",
    spilled: [],
    column: -1,
    extra: {},
    ...more,
  };
}

function draw(shown: Stream) {
  return render(
    <OutputSettingsContext.Provider value={settings}>
      <StreamText stream={shown} />
    </OutputSettingsContext.Provider>,
  );
}

test("lines are counted as they are seen", () => {
  expect(["", "a", "a\n", "a\nb", "\n\n"].map(countLines)).toEqual([0, 1, 1, 2, 2]);
});

describe("shorten", () => {
  test("short text is whole", () => {
    expect(shorten("x\n".repeat(4000))).toBeUndefined();
  });

  test("xs18 head, gap and tail together are the text", () => {
    const text = Array.from({ length: 9000 }, (_, line) => `line ${line}\n`).join("");
    const short = shorten(text);
    expect(short?.head.startsWith("line 0\n")).toBe(true);
    expect(short?.tail.endsWith("line 8999\n")).toBe(true);
    const shownLines = countLines(short?.head ?? "") + countLines(short?.tail ?? "");
    expect((short?.hidden.lines ?? 0) + shownLines).toBe(9000);
    expect((short?.hidden.characters ?? 0) + (short?.head.length ?? 0) + (short?.tail.length ?? 0)).toBe(
      text.length,
    );
  });

  test("xs18 one endless line is cut too", () => {
    const short = shorten("x".repeat(2_000_000));
    expect((short?.head.length ?? 0) + (short?.tail.length ?? 0)).toBeLessThan(400_000);
  });
});

test("colours become spans, and no escape sequence is left", () => {
  const { container } = draw(stream("\x1b[31mred\x1b[0m plain"));
  expect(container.querySelector(".ansi-fg")?.textContent).toBe("red");
  expect(container.textContent).toBe("red plain");
});

test("markup in a stream is text", () => {
  const { container } = draw(stream("<img src=x onerror=alert(1)>"));
  expect(container.querySelector("img")).toBeNull();
  expect(container.textContent).toBe("<img src=x onerror=alert(1)>");
});

test("addresses are links, and nothing else is", () => {
  const { container } = draw(stream("see https://example.org/a_(b)?c=d. or javascript:alert(1)"));
  expect([...container.querySelectorAll("a")].map(link => link.getAttribute("href"))).toEqual([
    "https://example.org/a_(b)?c=d",
  ]);
});

test("what was moved to files is counted, and opens as one", () => {
  const blob = { sha256: "b".repeat(64), size_bytes: 9, media_type: "text/plain", newline: false };
  const { getByRole, container } = draw(
    stream("last\n", { head: "first\n", spilled: [{ blob, lines: 900_001 }] }),
  );
  expect(container.textContent).toContain("… 900,000 more lines");
  getByRole("button", { name: "open as file" }).click();
  expect(opened.at(-1)).toEqual({ parts: [`/blobs/${blob.sha256}`], tail: "last\n" });
});

test("xs18 more than a hundred lines scroll, and can be reached by keyboard", () => {
  const few = render(<PlainText text={"x\n".repeat(100)} />);
  expect(few.container.querySelector("[data-scrolls]")).toBeNull();
  const many = render(<PlainText text={"x\n".repeat(101)} />);
  expect(many.container.querySelector("[data-scrolls]")?.getAttribute("tabindex")).toBe("0");
});

test("a stream that grows keeps what was drawn before", () => {
  const lines = Array.from({ length: 250 }, (_, line) => `line ${line}\n`).join("");
  const { container, rerender } = draw(stream(lines));
  const first = container.querySelector("pre")?.firstChild;
  rerender(
    <OutputSettingsContext.Provider value={settings}>
      <StreamText stream={stream(`${lines}more\n`)} />
    </OutputSettingsContext.Provider>,
  );
  expect(container.querySelector("pre")?.firstChild).toBe(first);
  expect(container.textContent?.endsWith("more\n")).toBe(true);
});
