// Numbers and times as people read them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ago, bitrate, clock, cost, delay } from "../../../web/static/format.js";

test("durations", () => {
  assert.deepEqual([-3, 0, 47.9, 725, 3723].map(clock), ["0:00", "0:00", "0:47", "12:05", "1:02:03"]);
});

test("bitrates and delays", () => {
  assert.deepEqual([2_600_000, 640_400].map(bitrate), ["2.6 Mbit/s", "640 kbit/s"]);
  assert.deepEqual([0.618, 12.4].map(delay), ["0.62 s", "12 s"]);
});

test("costs", () => {
  assert.deepEqual([cost(14.24, 0), cost(0.4, 1.06)], ["14.2 s", "0.4 s + 1.1 s GPU"]);
});

test("how long ago", () => {
  const minute = 60_000;
  const said = [0, 1, 59, 60, 125, 24 * 60, 72 * 60].map((n) => ago(0, n * minute));
  assert.deepEqual(said, [
    "a moment ago",
    "a minute ago",
    "59 minutes ago",
    "an hour ago",
    "2 hours ago",
    "yesterday",
    "3 days ago",
  ]);
});
