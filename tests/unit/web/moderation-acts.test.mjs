// What moderators did, in words, from events and from the log.

import assert from "node:assert/strict";
import { test } from "node:test";

import { actOf, inWords } from "../../../web/static/moderation-acts.js";

test("an event and its entry in the log say the same", () => {
  const event = actOf({ kind: "UserBanned", at: 1e15, until: 1e15 + 600e6, login: "otter", by_login: "wanda", reason: "loud" });
  const entry = { at: event.at, action: "timeout", details: { until: 1e15 + 600e6 } };
  assert.deepEqual([inWords(event), inWords(entry)], ["timed out for 10 min", "timed out for 10 min"]);
  assert.deepEqual([event.login, event.by_login, event.reason], ["otter", "wanda", "loud"]);
});

test("messages are no acts, and unknown acts are named as they are", () => {
  assert.equal(actOf({ kind: "MessageSent", at: 0 }), null);
  assert.equal(inWords({ at: "", action: "raise_flag" }), "raise flag");
});

test("a storm is a reason", () => {
  const act = actOf({ kind: "ChatSettingsChanged", at: 0, cause: "storm" });
  assert.equal(inWords(act), "changed the modes because so much was said");
});
