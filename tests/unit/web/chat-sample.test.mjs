// A chat too fast to be read shows a sample.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Sample } from "../../../web/static/chat-sample.js";

/** Messages that are shown in a second, of so many that come. */
function second(sample, rate, from, matters = () => false) {
  let shown = 0;
  for (let at = 0; at < rate; at += 1) shown += sample.takes(matters(at), from + (1000 * at) / rate);
  return shown;
}

test("all of a chat that can be followed is shown", () => {
  const sample = new Sample();
  for (let at = 0; at < 5; at += 1) assert.equal(second(sample, 140, at * 1000), 140);
  assert.equal(sample.oneOf, 1);
});

test("of a storm one of so many is shown, and what matters always", () => {
  const sample = new Sample();
  second(sample, 500, 0);
  const shown = second(sample, 500, 1000, (at) => at % 100 === 0);
  assert.equal(sample.oneOf, 5);
  assert.ok(shown >= 100 && shown <= 106, shown);
});

test("it is over when it is calm, also if nothing comes at all", () => {
  const sample = new Sample();
  second(sample, 500, 0);
  second(sample, 500, 1000);
  second(sample, 40, 2000);
  sample.tick(3000);
  assert.equal(sample.oneOf, 1);
  second(sample, 900, 3000);
  sample.tick(4000);
  assert.ok(sample.oneOf > 1);
  sample.tick(5000);
  assert.equal(sample.oneOf, 1);
});
