import { expect, test } from "vitest";
import { Ladder, NEXT_AFTER_MS, PROBE_AFTER_MS, PROBE_SOON_MS, PROBE_WITHIN_MS } from "./ladder.ts";
import type { TransportEvents } from "./transport.ts";

/** A way that does what the test says. */
class Way {
  readonly name: string;
  readonly lines: { events: TransportEvents; sent: number[]; isClosed: boolean }[] = [];

  constructor(name: string) {
    this.name = name;
  }

  get last() {
    const line = this.lines.at(-1);
    if (line === undefined) throw new Error(`${this.name} was not opened`);
    return line;
  }

  open(events: TransportEvents) {
    const line = { events, sent: [] as number[], isClosed: false };
    this.lines.push(line);
    return {
      send: (frame: Uint8Array) => line.sent.push(frame[0] ?? -1),
      close: () => {
        line.isClosed = true;
      },
    };
  }
}

function aLadder(last: string | null = null) {
  const ways = [new Way("websocket"), new Way("stream"), new Way("poll")] as const;
  let nowMs = 0;
  let timers: { atMs: number; callback: () => void }[] = [];
  const state = { remembered: last };
  const ladder = new Ladder({
    rungs: ways,
    later: (delayMs, callback) => {
      const timer = { atMs: nowMs + delayMs, callback };
      timers.push(timer);
      return () => {
        timers = timers.filter(one => one !== timer);
      };
    },
    remembered: () => state.remembered,
    remember: name => {
      state.remembered = name;
    },
    probe: () => new Uint8Array([99]),
  });
  const heard: string[] = [];
  const events: TransportEvents = {
    opened: () => heard.push("opened"),
    received: frame => heard.push(`received ${frame[0]}`),
    lost: reason => heard.push(`lost: ${reason}`),
    better: () => heard.push("better"),
  };
  return {
    ways,
    ladder,
    heard,
    state,
    open: () => ladder.open(events),
    timers: () => timers.length,
    pass: (ms: number) => {
      nowMs += ms;
      for (const timer of timers.filter(one => one.atMs <= nowMs)) {
        timers = timers.filter(one => one !== timer);
        timer.callback();
      }
    },
  };
}

const frame = (value: number) => new Uint8Array([value]);

test("lw1 the best way carries the link when it answers, and no other is tried", () => {
  const { ways, ladder, heard, open, pass, timers, state } = aLadder();
  const line = open();
  ways[0].last.events.opened();
  line.send(frame(1));
  ways[0].last.events.received(frame(2));
  line.send(frame(3));
  pass(60_000);
  expect(ways[0].last.sent).toEqual([1, 3]);
  expect(heard).toEqual(["opened", "received 2"]);
  expect(ways.map(way => way.lines.length)).toEqual([1, 0, 0]);
  expect(ladder.way.value).toEqual({ name: "websocket", failures: [] });
  expect([state.remembered, timers()]).toEqual(["websocket", 0]);
});

test("lw1 a way that fails makes room for the next at once", () => {
  const { ways, ladder, heard, open } = aLadder();
  const line = open();
  ways[0].last.events.lost("400");
  ways[1].last.events.opened();
  line.send(frame(1));
  ways[1].last.events.received(frame(2));
  expect(ways[1].last.sent).toEqual([1]);
  expect(heard).toEqual(["opened", "received 2"]);
  expect(ladder.way.value).toEqual({ name: "stream", failures: [{ name: "websocket", reason: "400" }] });
});

test("lw2 one that takes long gets company, and what was sent goes over each; the first that answers carries", () => {
  const { ways, ladder, heard, open, pass } = aLadder();
  const line = open();
  ways[0].last.events.opened();
  line.send(frame(1));
  pass(NEXT_AFTER_MS);
  ways[1].last.events.opened();
  pass(NEXT_AFTER_MS);
  ways[2].last.events.opened();
  expect(ways.map(way => way.last.sent)).toEqual([[1], [1], [1]]);
  ways[2].last.events.received(frame(2));
  ways[0].last.events.received(frame(2));
  line.send(frame(3));
  expect(heard).toEqual(["opened", "received 2"]);
  expect(ways.map(way => way.last.isClosed)).toEqual([true, true, false]);
  expect(ways[2].last.sent).toEqual([1, 3]);
  expect(ladder.way.value.name).toBe("poll");
  expect(ladder.way.value.failures.map(one => one.name)).toEqual(["websocket", "stream"]);
});

test("lw3 when none gets through, the link is lost, and says why", () => {
  const { ways, heard, open } = aLadder();
  open();
  for (const way of ways) way.last.events.lost(`no ${way.name}`);
  expect(heard).toEqual(["lost: no poll"]);
});

test("lw3 so it is when the way that carried it ends; then nothing more happens", () => {
  const { ways, heard, open, pass } = aLadder();
  open();
  ways[0].last.events.lost("400");
  ways[1].last.events.opened();
  ways[1].last.events.received(frame(1));
  ways[1].last.events.lost("cut");
  pass(60_000);
  expect(heard).toEqual(["opened", "received 1", "lost: cut"]);
  expect(ways.map(way => way.lines.length)).toEqual([1, 1, 0]);
});

test("lw4 the way that worked last is tried first, then the others from the best", () => {
  const { ways, open } = aLadder("poll");
  open();
  expect(ways.map(way => way.lines.length)).toEqual([0, 0, 1]);
  ways[2].last.events.lost("404");
  expect(ways.map(way => way.lines.length)).toEqual([1, 0, 1]);
  ways[0].last.events.lost("400");
  expect(ways.map(way => way.lines.length)).toEqual([1, 1, 1]);
});

test("lw5 better ways are looked for now and then, and the link moves when one answers", () => {
  const { ways, heard, open, pass, state } = aLadder("stream");
  const line = open();
  ways[1].last.events.opened();
  ways[1].last.events.received(frame(1));
  pass(PROBE_AFTER_MS[0] ?? 0);
  ways[0].last.events.lost("400");
  expect(heard).toEqual(["opened", "received 1"]);
  pass(PROBE_AFTER_MS[1] ?? 0);
  ways[0].last.events.opened();
  expect(ways[0].last.sent).toEqual([99]);
  ways[0].last.events.received(frame(9));
  expect(heard).toEqual(["opened", "received 1", "better"]);
  expect([ways[0].last.isClosed, ways[1].last.isClosed, state.remembered]).toEqual([
    true,
    false,
    "websocket",
  ]);
  line.close();
  open();
  expect(ways[0].lines.length).toBe(3);
});

test("lw5 a way that opens and answers nothing is not better; soon after a fall it is looked for soon", () => {
  const { ways, heard, open, pass } = aLadder("websocket");
  const line = open();
  ways[0].last.events.lost("accident");
  ways[1].last.events.opened();
  ways[1].last.events.received(frame(1));
  pass(PROBE_SOON_MS);
  ways[0].last.events.opened();
  pass(PROBE_WITHIN_MS);
  expect(ways[0].last.isClosed).toBe(true);
  expect(heard).toEqual(["opened", "received 1"]);
  pass(PROBE_AFTER_MS[0] ?? 0);
  expect(ways[0].lines.length).toBe(3);
  line.close();
  expect(ways[0].last.isClosed).toBe(true);
});
