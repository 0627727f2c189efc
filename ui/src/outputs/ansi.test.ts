import { describe, expect, test } from "vitest";
import { colour256, parseAnsi, stripAnsi } from "./ansi.ts";

describe("parseAnsi", () => {
  test("plain text is one piece", () => {
    expect(parseAnsi("a\tb\n")).toEqual({ pieces: [{ text: "a\tb\n", style: {} }], end: {} });
  });

  test("named, 256 and true colours, and their ends", () => {
    const { pieces, end } = parseAnsi("\x1b[31mred\x1b[39m \x1b[38;5;208mo\x1b[0m\x1b[48;2;1;2;3mt\x1b[49m.");
    expect(pieces).toEqual([
      { text: "red", style: { fg: 1 } },
      { text: " ", style: {} },
      { text: "o", style: { fg: "rgb(255 135 0)" } },
      { text: "t", style: { bg: "rgb(1 2 3)" } },
      { text: ".", style: {} },
    ]);
    expect(end).toEqual({});
  });

  test("emphasis is added and taken away piece by piece", () => {
    expect(parseAnsi("\x1b[1;3;4mx\x1b[22my\x1b[23;24mz").pieces.map(piece => piece.style)).toEqual([
      { bold: true, italic: true, underline: true },
      { italic: true, underline: true },
      {},
    ]);
  });

  test("a style goes on where the last text ended", () => {
    const first = parseAnsi("\x1b[92mone\n");
    expect(parseAnsi("two", first.end).pieces).toEqual([{ text: "two", style: { fg: 10 } }]);
  });

  test("colours that are none leave the style as it is", () => {
    expect(parseAnsi("\x1b[38;5;999ma\x1b[38;2;1;2;300mb\x1b[38mc").pieces.map(piece => piece.style)).toEqual(
      [{}, {}, {}],
    );
  });

  test("what is not a colour is dropped: cursor moves, titles, bells, half sequences", () => {
    expect(
      stripAnsi("a\x1b[2K\x1b[1A\x1b]0;title\x07b\x07\x1b(Bc\x1b[?25l\x1b]8;;http://x\x1b\\d\x1b[3"),
    ).toBe("abcd");
    expect(parseAnsi("\x1b[>4;1mx").pieces).toEqual([{ text: "x", style: {} }]);
  });

  test("the cube and the greys of 256 colours", () => {
    expect([7, 16, 21, 231, 232, 255].map(colour256)).toEqual([
      7,
      "rgb(0 0 0)",
      "rgb(0 0 255)",
      "rgb(255 255 255)",
      "rgb(8 8 8)",
      "rgb(238 238 238)",
    ]);
  });
});
