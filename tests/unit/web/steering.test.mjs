// Steering against a simulated connection: parts that arrive, a playhead that drains them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Steering, TUNING } from "../../../web/static/steering.js";

const PART = 0.1;
const STEP = 0.05;

/** Plays `seconds` of a live stream. `late(n)` is by how many seconds part n comes late. */
function play({ steering = new Steering(PART), seconds = 60, ahead = 0.6, late = () => 0, from = 0 }) {
  const seen = { rates: [], jumps: [], stalls: [], buffers: [], steering };
  let playhead = 0;
  let buffered = ahead;
  let parts = 0;
  let stalled = false;
  for (let step = 1; step * STEP <= seconds; step += 1) {
    const now = from + step * STEP;
    while ((parts + 1) * PART + late(parts) <= step * STEP + 1e-9) {
      parts += 1;
      buffered += PART;
    }
    if (stalled && buffered - playhead > PART) {
      stalled = false;
      steering.stalled(now);
    }
    if (stalled) continue;
    const { rate, jump } = steering.step(now, buffered - playhead);
    if (jump) seen.jumps.push({ at: now, jump });
    playhead += jump + rate * STEP;
    if (playhead >= buffered) {
      playhead = buffered;
      stalled = true;
      seen.stalls.push(now - from);
    }
    seen.rates.push(rate);
    seen.buffers.push(buffered - playhead);
  }
  return seen;
}

const last = (values, count) => values.slice(-count);

test("a calm connection ends close to the base, at the normal rate, without a stall", () => {
  const { buffers, rates, stalls, steering } = play({ seconds: 120 });
  assert.equal(stalls.length, 0);
  assert.ok(Math.max(...last(buffers, 200)) < 3.2 * PART, `${Math.max(...last(buffers, 200))}`);
  assert.ok(Math.abs(steering.target - PART * TUNING.baseParts) < 0.01);
  const mean = last(rates, 200).reduce((sum, rate) => sum + rate, 0) / 200;
  assert.ok(Math.abs(mean - 1) < 0.004, `${mean}`);
});

test("the rate stays within its bounds and moves in small steps near the target", () => {
  const { rates } = play({ ahead: 0.6 });
  assert.ok(rates.every((rate) => rate >= TUNING.slowest && rate <= TUNING.fastest));
  assert.ok(rates.includes(TUNING.fastest), "it hurries when it is far behind");
  const changes = rates.slice(1).map((rate, n) => Math.abs(rate - rates[n]));
  assert.ok(Math.max(...changes) <= 0.06, `${Math.max(...changes)}`);
});

test("far behind, it jumps once and lands near the target", () => {
  const steering = new Steering(PART);
  play({ steering, seconds: 10 });
  const { jumps, buffers, stalls } = play({ steering, seconds: 10, ahead: 5, from: 10 });
  assert.equal(jumps.length, 1);
  assert.ok(buffers.at(-1) < 0.6, `${buffers.at(-1)}`);
  assert.equal(stalls.length, 0);
});

test("right after the start, a smaller distance is jumped over", () => {
  assert.equal(play({ ahead: 1.0, seconds: 2 }).jumps.length, 1);
  const steering = new Steering(PART);
  play({ steering, seconds: 10 });
  assert.equal(play({ steering, ahead: 1.0, seconds: 2, from: 10 }).jumps.length, 0);
});

test("each stall raises the target, up to the ceiling", () => {
  const steering = new Steering(PART);
  let before = steering.target;
  for (let n = 0; n < 40; n += 1) {
    steering.stalled(n);
    assert.ok(steering.target >= before);
    before = steering.target;
  }
  assert.equal(steering.target, TUNING.ceiling);
});

test("a near miss raises the target before it becomes a stall", () => {
  const steering = new Steering(PART);
  const before = steering.target;
  steering.step(10, TUNING.danger / 2);
  assert.ok(steering.target > before);
});

test("calm brings the target down, but not below what failed lately", () => {
  const steering = new Steering(PART);
  play({ steering, seconds: 60 });
  const failed = steering.target;
  steering.stalled(60);
  const raised = steering.target;
  play({ steering, seconds: 60, from: 60 });
  assert.ok(steering.target < raised);
  assert.ok(steering.target > failed, `${steering.target} against ${failed}`);
});

test("a jittery connection settles at a buffer that holds", () => {
  const jitter = (part) => (part % 17 === 0 ? 0.3 : 0);
  const steering = new Steering(PART);
  play({ steering, seconds: 120, late: jitter });
  const { stalls } = play({ steering, seconds: 60, from: 120, late: jitter });
  assert.ok(stalls.length <= 1, `${stalls.length} stalls a minute`);
});

test("below the target it slows down, and recovers the margin without a stall", () => {
  const { rates, buffers, stalls } = play({ ahead: 0.12, seconds: 30 });
  assert.equal(rates[0], TUNING.slowest);
  assert.ok(buffers.at(-1) > 0.12);
  assert.equal(stalls.length, 0);
});
