// Which rendition to play.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Avoided, Bandwidth, SOURCE, best, granted, label } from "../../../web/static/choosing.js";

const rung = (name, width, height, bits, there = true, rate = 30) => ({ name, width, height, rate, bits, there });
const LADDER = [
  rung("160p30", 284, 160, 500_000),
  rung("360p30", 640, 360, 900_000),
  rung("480p30", 854, 480, 1_600_000),
  rung("720p60", 1280, 720, 3_100_000, true, 60),
  rung(SOURCE, 1920, 1080, 6_000_000, true, 60),
];
const WIDE = { width: 1920, height: 1080 };
const missing = (...names) => LADDER.map((each) => ({ ...each, there: !names.includes(each.name) }));
const chosen = (estimate, current = SOURCE, box = WIDE, rungs = LADDER) => best(rungs, { estimate, current, box });

test("while nothing is known of the connection, what plays goes on", () => {
  assert.equal(chosen(null), SOURCE);
  assert.equal(chosen(null, "480p30"), "480p30");
  assert.equal(chosen(null, "480p30", WIDE, missing("480p30")), "360p30");
});

test("what the connection carries, with something to spare", () => {
  assert.equal(chosen(20_000_000), SOURCE);
  assert.equal(chosen(4_000_000), "720p60");
  assert.equal(chosen(1_900_000), "480p30");
  assert.equal(chosen(100_000), "160p30", "the smallest, if it is too much as well");
});

test("more has to be spare to go up than to stay", () => {
  assert.equal(chosen(3_600_000, "720p60"), "720p60");
  assert.equal(chosen(3_600_000, "480p30"), "480p30");
  assert.equal(chosen(4_500_000, "480p30"), "720p60");
});

test("never what is not there", () => {
  assert.equal(chosen(4_500_000, SOURCE, WIDE, missing("720p60")), "480p30");
  assert.equal(chosen(4_500_000, SOURCE, WIDE, missing("720p60", "480p30", "360p30", "160p30")), SOURCE);
});

test("never a picture much larger than its place, but one that fills it", () => {
  assert.equal(chosen(20_000_000, SOURCE, { width: 390, height: 219 }), "360p30");
  assert.equal(chosen(20_000_000, SOURCE, { width: 1170, height: 658 }), SOURCE, "on a phone's fine screen");
  assert.equal(chosen(20_000_000, SOURCE, { width: 390, height: 219 }, missing("360p30", "480p30", "720p60")), SOURCE);
});

test("a wish is granted by what is there, or the next smaller", () => {
  assert.equal(granted("480p30", LADDER), "480p30");
  assert.equal(granted("480p30", missing("480p30")), "360p30");
  assert.equal(granted("720p30", LADDER), "480p30", "at the rate that was chosen");
  assert.equal(granted("1080p60", LADDER), SOURCE, "the source by its label");
  assert.equal(granted(SOURCE, LADDER), SOURCE);
  assert.equal(granted("120p30", LADDER), null);
  assert.equal(granted(null, LADDER), null);
});

test("a label is the short side and the rate", () => {
  assert.equal(label({ width: 1080, height: 1920, rate: 29.97 }), "1080p30");
});

test("the connection is what parts took beyond the trip", () => {
  const bandwidth = new Bandwidth();
  assert.equal(bandwidth.estimate(0), null);
  for (let n = 0; n < 10; n += 1) bandwidth.take(n / 10, 25_000, 0.03, 0.05);
  assert.equal(Math.round(bandwidth.estimate(1) / 1e5), 100);
});

test("it is told to be slow at once, and to be fast after a while", () => {
  const bandwidth = new Bandwidth();
  for (let n = 0; n < 50; n += 1) bandwidth.take(n / 10, 25_000, 0.01, 0.02);
  for (let n = 50; n < 65; n += 1) bandwidth.take(n / 10, 25_000, 0.01, 0.21);
  assert.equal(Math.round(bandwidth.estimate(6.4) / 1e5), 10);
  for (let n = 65; n < 85; n += 1) bandwidth.take(n / 10, 25_000, 0.01, 0.02);
  assert.ok(bandwidth.estimate(8.4) < 5e6, "of the last seconds");
  for (let n = 85; n < 145; n += 1) bandwidth.take(n / 10, 25_000, 0.01, 0.02);
  assert.equal(Math.round(bandwidth.estimate(14.4) / 1e6), 20);
});

test("what failed is left alone, longer each time, until it has played for a while", () => {
  const avoided = new Avoided();
  avoided.failed("480p30", 10);
  assert.ok(avoided.has("480p30", 13.9) && !avoided.has("480p30", 14.1));
  avoided.failed("480p30", 20);
  assert.ok(avoided.has("480p30", 27.9) && !avoided.has("480p30", 28.1));
  avoided.played("480p30", 30, 59);
  avoided.failed("480p30", 60);
  assert.ok(avoided.has("480p30", 75.9));
  avoided.played("480p30", 80, 111);
  avoided.failed("480p30", 120);
  assert.ok(!avoided.has("480p30", 124.1));
});
