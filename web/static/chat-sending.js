// What may be said, and what became of what was said. Pure.

import { codePoints } from "./chat-text.js";
import { spell } from "./chat-room.js";

export const LONGEST = 500; // code points
const COUNTED_FROM = 400;
const WAITS = ["slow-mode", "rate", "timed-out", "followers-only"]; // trying again helps, once it is time

/** How much room is left, as it is shown; empty while there is plenty. */
export function room(text) {
  const count = codePoints(text);
  return { text: count < COUNTED_FROM ? "" : `${count} of ${LONGEST}`, over: count > LONGEST };
}

/** A text as it is sent: one line. */
export function tidy(text) {
  return text.replace(/\s*\n\s*/g, " ").trim();
}

/** Why nothing can be said now, and when that ends (milliseconds); null: it can. */
export function hindrance({ state, room: { until }, next }, now) {
  if (state !== "here") return { text: "", until: null };
  if (until === Infinity) return { text: "You are banned from this chat.", until: null };
  if (until / 1000 > now) return { text: `You are timed out: ${left(until / 1000, now)} left.`, until: until / 1000 };
  if (next > now) return { text: `You may say something again in ${left(next, now)}.`, until: next };
  return null;
}

/** A verdict in words; empty if there is nothing to say. */
export function verdictInWords({ outcome, reason, detail }) {
  if (outcome === "sent") return "";
  if (outcome === "held") return "Your message waits: moderators decide whether it is shown.";
  return reason === "warned" ? "" : `Not sent: ${ended(detail || reason || "it was turned down")}`;
}

/** The moment (milliseconds) from which on something may be said, after a verdict. */
export function nextAfter(verdict, { settings, trusted }, now) {
  if (verdict.outcome !== "rejected") return trusted || !settings?.slow_seconds ? 0 : now + settings.slow_seconds * 1000;
  const wait = verdict.retry_after_seconds ?? 0;
  return wait && (!verdict.reason || WAITS.includes(verdict.reason)) ? now + wait * 1000 : 0;
}

/** What became of a held message, in words. */
export function reviewInWords(outcome) {
  const words = { approved: "was let through", denied: "was turned down", expired: "was not looked at in time" };
  return `Your message ${words[outcome] ?? outcome}.`;
}

function ended(text) {
  const whole = text.trim();
  return whole.endsWith(".") ? whole : `${whole}.`;
}

function left(until, now) {
  const seconds = Math.ceil((until - now) / 1000);
  return seconds < 3600 ? clockOf(seconds) : spell(seconds);
}

function clockOf(seconds) {
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
