// What was said then is told in its time, whatever way somebody steps through the past.

import assert from "node:assert/strict";
import { test } from "node:test";

import { eventOf, Past } from "../../../web/static/chat-past.js";

const BEGIN = Date.parse("2026-11-21T20:00:00Z");
const NOW = BEGIN + 3_600_000;

/** A chat with a message a second, as the API tells it, and what was asked for. */
function chat(seconds = 3600, { page = 100 } = {}) {
  const asked = [];
  const ask = async ({ from, to, cursor }) => {
    asked.push({ from, to, cursor });
    if (chat.broken) throw new Error("503");
    const within = [];
    for (let n = 0; n < seconds; n += 1) {
      const at = BEGIN + n * 1000;
      if (at >= from && at <= to) within.push({ message_id: `m${n}`, user_id: `u${n % 3}`, sent_at: new Date(at).toISOString(), kind: "text", reply: null });
    }
    within.reverse();
    const start = Number(cursor ?? 0);
    return { data: within.slice(start, start + page), cursor: start + page < within.length ? String(start + page) : null };
  };
  return { past: new Past(ask), asked };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const ids = (told) => told?.events.map(({ message_id: id }) => id);

/** Play from a moment on, so many seconds; all that was told. */
async function play(past, from, seconds, step = 250) {
  const told = [];
  for (let at = from; at <= from + seconds * 1000; at += step) {
    const found = past.at(at, NOW);
    if (found?.again) told.length = 0;
    for (const { message_id: id, at: said } of found?.events ?? []) {
      assert.ok(said <= at * 1000, `${id} was told too early`);
      told.push(id);
    }
    await settled();
    await settled();
  }
  return told;
}

test("a message is told when its moment comes, once, in order, and windows leave no gap", async () => {
  const { past, asked } = chat();
  assert.equal(past.at(BEGIN + 600_000, NOW), null);
  await settled();
  const told = await play(past, BEGIN + 600_000, 300);
  assert.deepEqual(told, Array.from({ length: 421 }, (_, n) => `m${480 + n}`));
  assert.ok(asked.length < 15, `asked ${asked.length} times`);
});

test("of what is many pages long, each is asked for", async () => {
  const { past } = chat(3600, { page: 20 });
  past.at(BEGIN + 600_000, NOW);
  await settled();
  await settled();
  for (let turn = 0; turn < 20; turn += 1) await settled();
  assert.equal(ids(past.at(BEGIN + 600_000, NOW)).length, 121);
});

test("a step back tells anew, without asking again", async () => {
  const { past, asked } = chat();
  past.at(BEGIN + 600_000, NOW);
  await settled();
  await play(past, BEGIN + 600_000, 20);
  const before = asked.length;
  const told = past.at(BEGIN + 590_000, NOW);
  assert.ok(told.again);
  assert.equal(ids(told).at(-1), "m590");
  assert.equal(asked.length, before);
  assert.deepEqual(ids(past.at(BEGIN + 592_000, NOW)), ["m591", "m592"]);
});

test("far away it begins anew", async () => {
  const { past } = chat();
  past.at(BEGIN + 600_000, NOW);
  await settled();
  assert.equal(ids(past.at(BEGIN + 600_000, NOW)).at(-1), "m600");
  assert.equal(past.at(BEGIN + 3_000_000, NOW), null);
  await settled();
  const told = past.at(BEGIN + 3_000_000, NOW);
  assert.ok(told.again);
  assert.deepEqual([ids(told)[0], ids(told).at(-1)], ["m2880", "m3000"]);
});

test("what was taken back meanwhile is not told", async () => {
  const { past } = chat();
  past.at(BEGIN + 600_000, NOW);
  await settled();
  past.take((line) => line.id === "m601");
  past.take((line) => line.userId === "u2"); // m602 and every third
  const told = await play(past, BEGIN + 600_000, 3);
  assert.deepEqual(told.slice(-2), ["m600", "m603"]);
});

test("the last seconds are not asked for before history has them", async () => {
  const { past, asked } = chat();
  past.at(NOW - 10_000, NOW);
  await settled();
  assert.equal(asked[0].to, NOW - 5000);
  past.at(NOW - 9000, NOW + 1000);
  assert.ok(asked.at(-1).to <= NOW + 1000 - 4000);
});

test("what cannot be reached is said, and asked for again", async () => {
  const { past, asked } = chat();
  chat.broken = true;
  past.at(BEGIN + 600_000, NOW);
  await settled();
  assert.ok(past.away);
  past.at(BEGIN + 600_000, NOW + 1000);
  assert.equal(asked.length, 1);
  chat.broken = false;
  past.at(BEGIN + 600_000, NOW + 3000);
  await settled();
  assert.ok(!past.away);
  assert.equal(ids(past.at(BEGIN + 600_000, NOW + 3000)).at(-1), "m600");
});

test("a message is an event", () => {
  const event = eventOf({ message_id: "m", user_id: "u", sent_at: "2026-11-21T20:00:00.250Z", kind: "action", text: "waves", reply: { message_id: "a", login: "pike", display_name: "Pike", text: "hi" } });
  assert.deepEqual([event.at, event.style, event.kind, event.reply_to, event.reply_login], [(BEGIN + 250) * 1000, "action", "MessageSent", "a", "pike"]);
});
