// What a page knows of polls, predictions and raids: from the gateway at first, then from events.

import assert from "node:assert/strict";
import { test } from "node:test";

import { odds, outcomeOfPoll, outcomeOfPrediction, shares, SHOWN_FOR, Together } from "../../../web/static/together-state.js";

const NOW = Date.parse("2026-11-21T20:00:00Z");
const choices = (red, blue) => [{ id: "r", title: "Red", votes: red }, { id: "b", title: "Blue", votes: blue }];
const poll = (kind, red, blue, more = {}) => ({ kind, poll_id: "p", title: "Which?", choices: choices(red, blue), started_at: NOW * 1000, ends_at: (NOW + 60_000) * 1000, ...more });
const outcomes = (yes, no) => [{ id: "y", title: "Yes", users: 1, points: yes }, { id: "n", title: "No", users: 2, points: no }];
const prediction = (kind, yes, no, more = {}) => ({ kind, prediction_id: "q", title: "Will it?", outcomes: outcomes(yes, no), started_at: NOW * 1000, locks_at: (NOW + 60_000) * 1000, ...more });

test("what the gateway tells and what events tell is one thing", () => {
  const [told, heard] = [new Together(), new Together()];
  told.load({
    poll: { poll_id: "p", title: "Which?", status: "active", choices: choices(3, 1), votes: 4, winners: [], started_at: "2026-11-21T20:00:00Z", ends_at: "2026-11-21T20:01:00Z", ended_at: null },
    prediction: null,
    raid: { raid_id: "x", to_login: "harbour", to_display_name: "Harbour", viewers: 3, goes_at: "2026-11-21T20:00:30Z" },
  });
  assert.ok(heard.take(poll("PollProgressed", 3, 1)));
  heard.take({ kind: "RaidStarted", raid_id: "x", to_login: "harbour", to_display_name: "Harbour", viewers: 3, goes_at: (NOW + 30_000) * 1000 });
  for (const name of ["poll_id", "title", "status", "votes", "ends_at", "ended_at"]) assert.equal(heard.poll[name], told.poll[name], name);
  assert.equal(heard.raid.goes_at, told.raid.goes_at);
  assert.ok(!heard.take({ kind: "MessageSent" }));
});

test("a result stays for a while, an archived poll does not", () => {
  const together = new Together();
  together.take(poll("PollEnded", 1, 0, { result: "completed", winners: ["r"], ended_at: NOW * 1000 }));
  assert.ok(!together.tick(NOW + SHOWN_FOR));
  assert.ok(together.tick(NOW + SHOWN_FOR + 1));
  assert.equal(together.poll, null);
  together.take(poll("PollEnded", 1, 0, { result: "archived", winners: ["r"], ended_at: NOW * 1000 }));
  assert.ok(together.tick(NOW));
  assert.equal(together.poll, null);
});

test("a raid that is called off or gone is none", () => {
  for (const kind of ["RaidCancelled", "RaidWent"]) {
    const together = new Together();
    together.take({ kind: "RaidStarted", raid_id: "x", goes_at: NOW * 1000 });
    together.take({ kind, raid_id: "x" });
    assert.equal(together.raid, null);
  }
});

test("one's own part belongs to the poll or prediction that runs", () => {
  const together = new Together();
  together.take(poll("PollStarted", 0, 0));
  together.take(prediction("PredictionStarted", 0, 0));
  assert.deepEqual([together.choice, together.stake, together.paid], ["", null, null]);
  together.me = { points: 5, poll_id: "p", choice_id: "b", prediction_id: "q", outcome_id: "y", staked: 40, paid: null };
  assert.deepEqual([together.choice, together.stake], ["b", { outcome_id: "y", staked: 40 }]);
  together.take({ ...poll("PollStarted", 0, 0), poll_id: "another" });
  together.take({ ...prediction("PredictionStarted", 0, 0), prediction_id: "another" });
  assert.deepEqual([together.choice, together.stake], ["", null]);
});

test("it is locked, and ends", () => {
  const together = new Together();
  together.take(prediction("PredictionLocked", 30, 10, { locked_at: NOW * 1000 }));
  assert.deepEqual([together.prediction.status, together.prediction.pool], ["locked", 40]);
  together.take(prediction("PredictionEnded", 30, 10, { result: "resolved", winning_outcome_id: "n", refunded: false, ended_at: NOW * 1000, pool: 40 }));
  assert.equal(together.prediction.status, "resolved");
  together.me = { prediction_id: "q", outcome_id: "n", staked: 10, paid: null };
  assert.equal(outcomeOfPrediction(together), "“No” came true. Your points are on their way.");
  together.me.paid = { prediction_id: "q", points: 4000, staked: 10, cause: "payout" };
  assert.equal(outcomeOfPrediction(together), "“No” came true. You got 4,000 points.");
  together.me = { prediction_id: "q", outcome_id: "y", staked: 30, paid: null };
  assert.equal(outcomeOfPrediction(together), "“No” came true. Your 30 points are gone.");
});

test("shares and odds", () => {
  assert.deepEqual(shares([3, 1]), [75, 25]);
  assert.deepEqual(shares([0, 0]), [0, 0]);
  assert.equal(odds(400, 100), 4);
  assert.equal(odds(400, 0), null);
});

test("how a poll ended", () => {
  assert.equal(outcomeOfPoll({ choices: choices(0, 0), winners: [] }), "Nobody voted.");
  assert.equal(outcomeOfPoll({ choices: choices(2, 1), winners: ["r"] }), "Red won.");
  assert.equal(outcomeOfPoll({ choices: choices(2, 2), winners: ["r", "b"] }), "A tie of Red and Blue.");
});
