// Messages of chats in parts.

import assert from "node:assert/strict";
import { test } from "node:test";

import { codePoints, mentions, parts } from "../../../web/static/chat-text.js";

test("emotes stand at code points, not at units of UTF-16", () => {
  assert.deepEqual(parts("🐟🐟 Kappa!", [{ id: "25", start: 3, end: 7 }]), [
    { text: "🐟🐟 " },
    { emote: "25", name: "Kappa" },
    { text: "!" },
  ]);
});

test("ranges that are not of the text, or overlap, are passed over", () => {
  const emotes = [{ id: "1", start: 0, end: 1 }, { id: "2", start: 1, end: 2 }, { id: "3", start: 2, end: 90 }];
  assert.deepEqual(parts("abcd", emotes), [{ emote: "1", name: "ab" }, { text: "cd" }]);
});

test("only http and https are linked, without the end of the sentence", () => {
  assert.deepEqual(parts("see https://example.org/a(b)?c=1, or not"), [
    { text: "see " },
    { link: "https://example.org/a(b)?c=1", text: "https://example.org/a(b)?c=1" },
    { text: ", or not" },
  ]);
  assert.deepEqual(parts("(http://example.org)")[1], { link: "http://example.org/", text: "http://example.org" });
  for (const text of ["javascript:alert(1)", "data:text/html,x", "ftp://example.org", "https://", "https://user:pw@example.org", "https://localhost"]) {
    assert.ok(parts(text).every((part) => !part.link), text);
  }
});

test("who is spoken to", () => {
  assert.deepEqual(parts("hi @River, @al"), [{ text: "hi " }, { mention: "river", text: "@River" }, { text: ", @al" }]);
  assert.ok(mentions("Hello @RIVER!", "river"));
  assert.ok(!mentions("@river_two @riverside river", "river"));
  assert.ok(!mentions("@river", ""));
});

test("mentions in addresses are none", () => {
  assert.deepEqual(parts("https://example.org/@river").map((part) => Object.keys(part)[0]), ["link"]);
});

test("no text makes it slow, and nothing is lost", () => {
  for (const text of ["https://".repeat(60), "@".repeat(500), "(".repeat(250) + ")".repeat(250), `https://a.b/${")".repeat(480)}`]) {
    const before = performance.now();
    const joined = parts(text).map((part) => part.text ?? part.name).join("");
    assert.equal(joined, text);
    assert.ok(performance.now() - before < 200, text.slice(0, 9));
  }
});

test("the limit counts code points", () => {
  assert.equal(codePoints("a🐟é"), 3);
});
