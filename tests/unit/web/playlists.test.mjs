// What is asked for before the player is there.

import assert from "node:assert/strict";
import { test } from "node:test";

import { LEAD, beginning } from "../../../web/static/playlists.js";
import { TUNING } from "../../../web/static/steering.js";

const BASE = "http://origin.test/live/s/source.m3u8";

/** A playlist of segments, each a list of its parts' seconds; each begins with a key frame. */
function playlist(...segments) {
  const lines = ["#EXTM3U", '#EXT-X-MAP:URI="one/init.mp4"'];
  segments.forEach((parts, segment) => {
    parts.forEach((seconds, part) => {
      const independent = part === 0 ? ",INDEPENDENT=YES" : "";
      lines.push(`#EXT-X-PART:DURATION=${seconds},URI="one/${segment}.${part}.m4s"${independent}`);
    });
  });
  return lines.join("\n");
}

const objects = (text) => beginning(text, BASE).map((url) => url.replace("http://origin.test/live/s/", ""));

test("playback begins at the last key frame that is far enough from the edge", () => {
  const long = [0.1, 0.1, 0.1, 0.1, 0.1];
  assert.deepEqual(objects(playlist(long, long)), ["one/init.mp4", "one/1.0.m4s"]);
  assert.deepEqual(objects(playlist(long, [0.1, 0.1])), ["one/init.mp4", "one/0.0.m4s"]);
});

test("the latest parameters are taken, whichever sessions there were before", () => {
  const text = `${playlist([0.1])}\n#EXT-X-DISCONTINUITY\n${playlist([0.1, 0.1, 0.1]).replaceAll("one/", "two/")}`;
  assert.deepEqual(objects(text), ["two/init.mp4", "two/0.0.m4s"]);
});

test("where nothing is far enough, or there are no parts, nothing is asked for", () => {
  assert.deepEqual(objects(playlist([0.1, 0.1])), []);
  assert.deepEqual(objects("#EXTM3U\n#EXTINF:2,\n1.m4s"), []);
});

test("the player and what is asked for early agree on where to begin", () => {
  assert.equal(LEAD, TUNING.startParts);
});
