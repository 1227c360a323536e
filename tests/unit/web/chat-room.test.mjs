// What happens in a chat, as its page shows it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { matters, modes, Room, spell } from "../../../web/static/chat-room.js";

const SETTINGS = { slow_seconds: 0, followers_only_minutes: -1, subscribers_only: false, emote_only: false, unique_chat: false, links: "everybody", permitted_domains: [], chat_delay_seconds: 0 };

function joined(roles = [], login = "river") {
  const room = new Room();
  Object.assign(room, { login, userId: `id-${login}` });
  room.join({ settings: { ...SETTINGS }, you: { roles }, messages: [] });
  return room;
}

const said = (id, login, text = "hi", more = {}) => ({ offset: 1, at: 1e6, kind: "MessageSent", style: "text", message_id: id, user_id: `id-${login}`, login, badges: [], text, reply_login: "", ...more });
const event = (kind, fields) => ({ offset: 2, at: 1e6, kind, ...fields });

test("messages become lines; those to the reader are marked", () => {
  const [{ line }] = joined().take([said("1", "otter", "hello @River")]);
  assert.deepEqual([line.id, line.mention, line.mine], ["1", true, false]);
  const [answer] = joined().take([said("2", "otter", "yes", { reply_login: "river" })]);
  assert.ok(answer.line.mention);
  assert.ok(!joined([], "").take([said("3", "otter", "hello @river")])[0].line.mention, "nobody is signed in");
});

test("what is taken back says which lines go", () => {
  const lines = [said("1", "otter"), said("2", "otter"), said("3", "pike")].map((each) => joined().take([each])[0].line);
  const left = (kind, fields) => {
    const { gone } = joined().take([event(kind, fields)])[0];
    return lines.filter((line) => !gone(line)).map(({ id }) => id).join("");
  };
  assert.equal(left("MessageDeleted", { message_id: "2" }), "13");
  assert.equal(left("UserBanned", { user_id: "id-otter", login: "otter", until: null }), "3");
  assert.equal(left("ChatCleared", {}), "");
});

test("viewers are not told who was banned, moderators are, with by whom and why", () => {
  const ban = event("UserBanned", { user_id: "id-otter", login: "otter", until: 601e6, reason: "loud", by_login: "wanda" });
  assert.deepEqual(joined().take([ban]).map(({ line }) => line?.note), [undefined]);
  assert.equal(joined(["moderator"]).take([ban])[1].line.note, "otter was timed out for 10 min by wanda. (loud)");
});

test("who is shut out knows until when, and when it is over", () => {
  const room = joined();
  room.take([event("UserBanned", { user_id: "id-river", login: "river", until: 5e6 })]);
  assert.equal(room.until, 5e6);
  room.take([event("UserBanned", { user_id: "id-river", login: "river", until: null })]);
  assert.equal(room.until, Infinity);
  room.take([event("UserUnbanned", { user_id: "id-river", login: "river" })]);
  assert.equal(room.until, 0);
});

test("a warning stands until it is confirmed", () => {
  const room = joined();
  room.take([event("UserWarned", { user_id: "id-river", login: "river", reason: "be kind" })]);
  assert.equal(room.warning, "be kind");
  room.take([event("WarningConfirmed", { user_id: "id-river" })]);
  assert.equal(room.warning, null);
});

test("modes in words, and a storm says that it came by itself", () => {
  const room = joined();
  assert.deepEqual(modes(room), []);
  const changes = room.take([event("ChatSettingsChanged", { ...SETTINGS, slow_seconds: 30, cause: "storm" })]);
  assert.match(changes[0].line.note, /by itself/);
  assert.deepEqual(modes(room), ["Slow mode 30 s, by itself"]);
  room.take([event("ShieldModeChanged", { active: true })]);
  const strict = { ...SETTINGS, followers_only_minutes: 0, links: "nobody", emote_only: true, cause: "shield" };
  assert.deepEqual(room.take([event("ChatSettingsChanged", strict)]), []);
  assert.deepEqual(modes(room), ["Shield mode", "Followers only", "Emotes only", "No links"]);
});

test("what nobody knows yet is passed over", () => {
  assert.deepEqual(joined().take([event("SomethingNew", { text: "x" })]), []);
});

test("what matters is shown in storms, too", () => {
  const line = (more) => joined().take([said("1", "otter", "hi", more)])[0].line;
  assert.ok(!matters(line({ badges: ["subscriber/3"] })));
  assert.ok(matters(line({ badges: ["moderator/1"] })));
  assert.ok(matters(line({ style: "announcement" })));
  assert.ok(matters(line({ text: "@river" })));
});

test("times in few words", () => {
  assert.deepEqual([0.2, 45, 600, 7200, 604_800].map(spell), ["1 s", "45 s", "10 min", "2 h", "7 days"]);
});

test("a raid that arrives is a line", () => {
  const room = new Room();
  const event = { offset: 1, at: 1, kind: "RaidArrived", raid_id: "r", from_id: "o", from_login: "otter", from_display_name: "", viewers: 1204 };
  const [{ line }] = room.take([event]);
  assert.equal(line.note, "otter came along with 1,204 viewers.");
});
