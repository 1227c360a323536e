// What happens in a chat, as its page needs it: lines to show, lines to take away, modes. Pure.

import { mentions } from "./chat-text.js";

const MODERATING = ["broadcaster", "moderator", "staff"];
const TRUSTED = [...MODERATING, "vip"]; // modes do not hold for them

const TAKEN_BACK = {
  MessageDeleted: (event) => (line) => line.id === event.message_id,
  ChatCleared: () => () => true,
  UserBanned: (event) => (line) => line.userId === event.user_id,
};

/** A line, of something that was said. */
export function lineOf(event, login = "") {
  return {
    id: event.message_id,
    userId: event.user_id,
    mine: Boolean(login) && event.login === login,
    mention: mentions(event.text, login) || (Boolean(login) && event.reply_login === login),
    deleted: false,
    event,
  };
}

/** A line that the page itself says. */
export function note(text, at) {
  return { id: "", userId: "", mine: false, mention: false, deleted: false, note: text, event: { at } };
}

/** Of what has to be shown even when not everything is. */
export function matters(line) {
  const { badges = [], style } = line.event;
  const who = badges.some((badge) => /^(broadcaster|moderator|staff)\//.test(badge));
  return Boolean(line.note) || line.mine || line.mention || who || style === "announcement";
}

/** A chat as its reader sees it. */
export class Room {
  /** Who reads; empty: nobody is signed in. */
  userId = "";
  login = "";
  roles = [];
  settings = null;
  /** What set the modes: moderator, shield or storm; empty if that is not known. */
  cause = "";
  shield = false;
  /** Shut out until then: microseconds, Infinity, or 0. */
  until = 0;
  /** What has to be confirmed before something can be said; null: nothing. */
  warning = null;

  get moderates() {
    return this.roles.some((role) => MODERATING.includes(role));
  }

  /** Whether slow mode and the like do not hold for the reader. */
  get trusted() {
    return this.roles.some((role) => TRUSTED.includes(role));
  }

  /** The chat as it is for who comes in. The lines to begin with, or to go on with. */
  join({ settings, you, messages }) {
    this.settings = settings;
    this.roles = you?.roles ?? [];
    return this.take(messages);
  }

  /** Changes in order: `{line}` is to be added, `{gone}` says of a line whether it is to go. */
  take(events) {
    return events.flatMap((event) => this.#one(event));
  }

  #one(event) {
    const found = [];
    if (event.kind in TAKEN_BACK) found.push({ gone: TAKEN_BACK[event.kind](event) });
    const said = this.#said(event);
    if (said) found.push({ line: said });
    return found;
  }

  #said(event) {
    const { at } = event;
    switch (event.kind) {
      case "MessageSent":
        return lineOf(event, this.login);
      case "ChatCleared":
        return note(this.#by("The chat was cleared", event), at);
      case "ChatSettingsChanged":
        return this.#set(event);
      case "ShieldModeChanged":
        this.shield = event.active;
        return note(event.active ? "Shield mode is on: strict settings hold." : "Shield mode is off.", at);
      case "UserBanned":
        return this.#banned(event);
      case "UserUnbanned":
        if (event.user_id === this.userId) this.until = 0;
        return this.moderates ? note(this.#by(`${event.login} was let in again`, event), at) : null;
      case "UserWarned":
        if (event.user_id === this.userId) this.warning = event.reason;
        return this.moderates ? note(this.#by(`${event.login} was warned`, event), at) : null;
      case "RaidArrived":
        return note(`${event.from_display_name || event.from_login} came along with ${counted(event.viewers)}.`, at);
      case "WarningConfirmed":
        if (event.user_id === this.userId) this.warning = null;
        return null;
      default:
        return null;
    }
  }

  #set(event) {
    const before = this.settings;
    this.settings = { ...before, ...pick(event, SETTINGS) };
    this.cause = event.cause;
    if (event.cause !== "storm") return null; // the modes say it
    const text = event.slow_seconds
      ? `So much is said that slow mode came by itself: a message every ${event.slow_seconds} s.`
      : "It is calm again: slow mode went by itself.";
    return note(text, event.at);
  }

  #banned(event) {
    const { until, login, at } = event;
    if (event.user_id === this.userId) this.until = until ?? Infinity;
    if (!this.moderates) return null;
    const how = until ? `was timed out for ${spell((until - at) / 1e6)}` : "was banned";
    return note(this.#by(`${login} ${how}`, event) + (event.reason ? ` (${event.reason})` : ""), at);
  }

  #by(text, { by_login: by }) {
    return this.moderates && by ? `${text} by ${by}.` : `${text}.`;
  }
}

function counted(viewers) {
  return `${new Intl.NumberFormat("en").format(viewers)} ${viewers === 1 ? "viewer" : "viewers"}`;
}

const SETTINGS = [
  "slow_seconds",
  "followers_only_minutes",
  "subscribers_only",
  "emote_only",
  "unique_chat",
  "links",
  "permitted_domains",
  "chat_delay_seconds",
];

function pick(from, names) {
  return Object.fromEntries(names.filter((name) => name in from).map((name) => [name, from[name]]));
}

/** The modes of a chat, each in a few words. */
export function modes({ settings, cause, shield }) {
  if (!settings) return [];
  const { slow_seconds: slow, followers_only_minutes: followers, links, chat_delay_seconds: delay } = settings;
  return [
    shield && "Shield mode",
    slow > 0 && (cause === "storm" ? `Slow mode ${spell(slow)}, by itself` : `Slow mode ${spell(slow)}`),
    followers === 0 && "Followers only",
    followers > 0 && `Followers of ${spell(followers * 60)} only`,
    settings.subscribers_only && "Subscribers only",
    settings.emote_only && "Emotes only",
    settings.unique_chat && "Nothing twice",
    links === "moderators" && "Links by moderators only",
    links === "nobody" && "No links",
    delay > 0 && `${delay} s later`,
  ].filter(Boolean);
}

/** Seconds in words that are short: 30 s, 10 min, 2 h, 7 days. */
export function spell(seconds) {
  const whole = Math.max(1, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.round(whole / 60)} min`;
  if (whole < 2 * 86_400) return `${Math.round(whole / 3600)} h`;
  return `${Math.round(whole / 86_400)} days`;
}
