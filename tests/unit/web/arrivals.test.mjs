// Renditions that come while a stream plays: when the multivariant playlist is read again.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Arrivals } from "../../../web/static/arrivals.js";

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Says every tenth of a second what is unknown; `list` answers what is asked. */
function listening(list) {
  const seen = { asked: 0, learned: [] };
  const ask = () => {
    seen.asked += 1;
    return list();
  };
  const arrivals = new Arrivals(ask, (levels) => seen.learned.push(...levels));
  const hear = async (unknown, from, until) => {
    for (let now = from; now < until; now += 0.1) {
      arrivals.hear(unknown, now);
      await settled();
    }
  };
  return { seen, hear, arrivals };
}

test("nothing is asked while nothing is unknown", async () => {
  const { seen, hear } = listening(async () => []);
  await hear([], 0, 60);
  assert.equal(seen.asked, 0);
});

test("what came is asked for at once, and once", async () => {
  const { seen, hear } = listening(async () => ["360p30"]);
  await hear(["360p30"], 5, 5.05);
  assert.deepEqual(seen, { asked: 1, learned: ["360p30"] });
  await hear([], 5.1, 6);
  await hear(["160p30"], 6, 6.05);
  assert.equal(seen.asked, 2, "the next is not made to wait for the one before");
});

test("an answer that lacks it, or none, is asked for again, ever less often", async () => {
  let failing = false;
  const list = async () => {
    failing = !failing;
    if (failing) throw new Error("no answer");
    return [];
  };
  const { seen, hear } = listening(list);
  await hear(["360p30"], 0, 2);
  assert.equal(seen.asked, 2);
  await hear(["360p30"], 2, 300);
  assert.ok(seen.asked <= 15, `asked ${seen.asked} times`);
});

test("one question at a time, and no answer after the end", async () => {
  let answer;
  const { seen, hear, arrivals } = listening(() => new Promise((resolve) => (answer = resolve)));
  await hear(["360p30"], 0, 20);
  assert.equal(seen.asked, 1);
  arrivals.close();
  answer(["360p30"]);
  await settled();
  assert.deepEqual(seen.learned, []);
});
