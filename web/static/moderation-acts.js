// What moderators and rules did, in words. Pure.

import { spell } from "./chat-room.js";

/** An event of the chat as an entry of the log (`/v1/channels/{id}/chat/log`); null for what is none. */
export function actOf(event) {
  const code = CODES[event.kind];
  if (!code) return null;
  return {
    at: new Date(event.at / 1000).toISOString(),
    action: typeof code === "function" ? code(event) : code,
    by_login: event.by_login ?? "",
    login: event.login ?? "",
    reason: event.reason ?? "",
    text: event.text ?? "",
    details: event,
  };
}

/** What was done, as what follows the name of who did it and goes before that of whom it is about. */
export function inWords({ at, action, details }) {
  const words = WORDS[action] ?? action.replaceAll("_", " ");
  if (action === "timeout" && details?.until) return `${words} for ${spell(details.until / 1e6 - Date.parse(at) / 1000)}`;
  if (action === "change_settings" && details?.cause === "storm") return `${words} because so much was said`;
  if (action === "change_settings" && details?.cause === "shield") return `${words} with the shield`;
  return words;
}

const CODES = {
  MessageDeleted: "delete",
  MessageHeld: "hold",
  ChatCleared: "clear",
  UserBanned: ({ until }) => (until ? "timeout" : "ban"),
  UserUnbanned: "unban",
  UserWarned: "warn",
  WarningConfirmed: "confirm_warning",
  HeldMessageReviewed: ({ outcome }) => ({ approved: "approve", denied: "deny", expired: "expire" })[outcome],
  BlockedTermAdded: "add_blocked_term",
  BlockedTermRemoved: "remove_blocked_term",
  ShieldModeChanged: ({ active }) => (active ? "shield_on" : "shield_off"),
  ChatSettingsChanged: "change_settings",
  AutomodChanged: "change_automod",
};

const WORDS = {
  delete: "deleted a message of",
  hold: "held a message of",
  clear: "cleared the chat",
  timeout: "timed out",
  ban: "banned",
  unban: "let in again",
  warn: "warned",
  confirm_warning: "had a warning confirmed",
  approve: "let through a message of",
  deny: "turned down a message of",
  expire: "did not decide in time about a message of",
  add_blocked_term: "blocked the term",
  remove_blocked_term: "unblocked the term",
  shield_on: "switched the shield on",
  shield_off: "switched the shield off",
  change_settings: "changed the modes",
  change_automod: "changed AutoMod",
  add_moderator: "made a moderator of",
  remove_moderator: "made no moderator any more of",
  add_vip: "made a VIP of",
  remove_vip: "made no VIP any more of",
};
