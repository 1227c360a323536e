// What may be said, and what became of it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { hindrance, nextAfter, room, tidy, verdictInWords } from "../../../web/static/chat-sending.js";

const HERE = { state: "here", room: { until: 0 }, next: 0 };
const SLOW = { settings: { slow_seconds: 10 }, trusted: false };

test("the limit is 500 code points, and shows when it comes near", () => {
  assert.deepEqual(room("a".repeat(399)), { text: "", over: false });
  assert.deepEqual(room("🐟".repeat(500)), { text: "500 of 500", over: false });
  assert.deepEqual(room("🐟".repeat(501)), { text: "501 of 500", over: true });
});

test("a message is one line", () => {
  assert.equal(tidy("  one\n\n two\n"), "one two");
});

test("why nothing can be said", () => {
  assert.equal(hindrance(HERE, 1000), null);
  assert.match(hindrance({ ...HERE, room: { until: Infinity } }, 0).text, /banned/);
  assert.equal(hindrance({ ...HERE, room: { until: 95e6 } }, 5000).text, "You are timed out: 1:30 left.");
  assert.equal(hindrance({ ...HERE, next: 4200 }, 1000).text, "You may say something again in 4 s.");
  assert.equal(hindrance({ ...HERE, state: "away" }, 0).text, "");
});

test("slow mode counts down after a message, but not for who is trusted", () => {
  assert.equal(nextAfter({ outcome: "sent" }, SLOW, 1000), 11_000);
  assert.equal(nextAfter({ outcome: "sent" }, { ...SLOW, trusted: true }, 1000), 0);
  assert.equal(nextAfter({ outcome: "sent" }, { settings: { slow_seconds: 0 } }, 1000), 0);
});

test("what was turned down may be said again when the verdict says so", () => {
  assert.equal(nextAfter({ outcome: "rejected", reason: "slow-mode", retry_after_seconds: 3 }, SLOW, 1000), 4000);
  assert.equal(nextAfter({ outcome: "rejected", reason: "links" }, SLOW, 1000), 0);
  assert.equal(nextAfter({ outcome: "rejected", reason: "repeated", retry_after_seconds: 30 }, SLOW, 1000), 0, "something else may be said");
});

test("verdicts in words", () => {
  assert.equal(verdictInWords({ outcome: "sent" }), "");
  assert.match(verdictInWords({ outcome: "held" }), /moderators decide/);
  assert.equal(verdictInWords({ outcome: "rejected", detail: "you have just said that" }), "Not sent: you have just said that.");
  assert.equal(verdictInWords({ outcome: "rejected", reason: "warned", detail: "x" }), "", "the warning itself is shown");
});
