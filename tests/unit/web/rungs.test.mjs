// What there is to choose from, by the multivariant playlist and by what the one that plays reports.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Rungs } from "../../../web/static/rungs.js";

const level = (name, height, bits, attrs = {}) => ({
  uri: `http://origin/live/s/${name}.m3u8`,
  width: (height * 16) / 9,
  height,
  frameRate: 30,
  averageBitrate: bits,
  attrs,
});
const SOURCE = level("source", 720, 3_000_000);
const playlist = (...names) => ({
  live: true,
  renditionReports: names.map((name) => ({ URI: `${name}.m3u8`, "LAST-MSN": "7", "LAST-PART": "2" })),
});
const there = (rungs) => rungs.choices.filter((each) => each.there).map(({ name }) => name);

function opened(...levels) {
  const rungs = new Rungs();
  rungs.learn([SOURCE, ...levels]);
  return rungs;
}

test("what comes later has its place in hls.js behind the others, and in order among them", () => {
  const rungs = opened();
  rungs.learn([SOURCE, level("480p30", 480, 1_500_000), level("160p30", 160, 300_000), level("360p30", 360, 800_000)]);
  assert.deepEqual(rungs.known.map(({ name }) => name), ["160p30", "360p30", "480p30", "source"]);
  assert.deepEqual(rungs.known.map((rung) => rung.level), [2, 3, 1, 0]);
  assert.equal(rungs.at(3), "360p30");
  assert.equal(rungs.level("360p30"), 3);
  assert.ok(rungs.isLarger("480p30", "360p30") && !rungs.isLarger("360p30", "source"));
});

test("each playlist says which others are there", () => {
  const rungs = opened(level("360p30", 360, 800_000, { "X-PLAYABLE": "NO" }));
  assert.deepEqual(there(rungs), ["source"]);
  assert.ok(rungs.hear("source", playlist("360p30")), "one came");
  assert.deepEqual(there(rungs), ["360p30", "source"]);
  assert.ok(!rungs.hear("source", playlist("360p30")));
  assert.ok(rungs.hear("source", playlist()), "and left");
  assert.deepEqual(there(rungs), ["source"]);
});

test("what is there stays so when more is learned", () => {
  const late = level("360p30", 360, 800_000, { "X-PLAYABLE": "NO" });
  const rungs = opened(late);
  rungs.hear("source", playlist("360p30", "160p30"));
  rungs.learn([SOURCE, late, level("160p30", 160, 300_000)]);
  assert.deepEqual(there(rungs), ["160p30", "360p30", "source"]);
});

test("what is reported and not known is unknown, but for the sound, which hls.js never knows", () => {
  const rungs = opened();
  rungs.hear("source", playlist("360p30", "audio_only"));
  assert.deepEqual(rungs.unknown, ["360p30"]);
  rungs.learn([SOURCE, level("360p30", 360, 800_000)]);
  assert.deepEqual(rungs.unknown, []);
  assert.deepEqual(there(rungs), ["360p30", "source", "audio_only"]);
});

test("while the sound alone is loaded, others can be chosen and none is missed", () => {
  const rungs = new Rungs();
  rungs.learn([{ ...level("audio_only", 0, 0), width: 0 }]);
  rungs.hear("audio_only", playlist("source", "360p30"));
  assert.deepEqual(rungs.unknown, []);
  assert.deepEqual(there(rungs), ["audio_only", "source", "360p30"]);
});
