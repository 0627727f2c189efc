import { expect, test } from "vitest";
import { MOST_HEIGHT_PX, readFrame, scriptBody } from "./framepage.ts";

test("xs12 a frame may say two things, within bounds", () => {
  expect(readFrame({ carnet: "ready", more: 1 })).toEqual({ kind: "ready" });
  expect(readFrame({ carnet: "height", px: 120.4 })).toEqual({ kind: "height", px: 120 });
  expect(readFrame({ carnet: "height", px: 1e9 })).toEqual({ kind: "height", px: MOST_HEIGHT_PX });
  expect(readFrame({ carnet: "height", px: -5 })).toEqual({ kind: "height", px: 0 });
});

test("xs12 all else is ignored", () => {
  const strangers = [
    null,
    1,
    "ready",
    [],
    {},
    { carnet: "run" },
    { carnet: "height" },
    { carnet: "height", px: "9" },
  ];
  for (const stranger of [
    ...strangers,
    { carnet: "height", px: Number.NaN },
    { carnet: "height", px: Infinity },
  ]) {
    expect(readFrame(stranger)).toBeUndefined();
  }
});

test("a script cannot end its own element", () => {
  const body = scriptBody("x = '</script><img src=x onerror=y>'; // <!-- </SCRIPT");
  expect(body.match(/<\/script/gi)).toHaveLength(2);
  expect(body).not.toContain("<!--");
});
