// What chat asks the gateway: the resources of `/helix` and `/v1`, by the page's session.

import { get } from "./api.js";

const BACKTEST_WITHIN = 70_000; // milliseconds
const SAID_AT_ONCE = 100; // messages of a page
const LATELY = 20; // entries of a user's history on their card

/** Where to go, and what to say who it is. */
export async function ticket() {
  return (await get("/session/chat/ticket")).data;
}

/** Emotes by their id, `{name, url}`. Without them texts stay texts. */
export async function emotes() {
  const found = await get("/session/chat/emotes");
  return new Map((found?.data ?? []).map(({ id, name, images }) => [id, { name, url: images.url_2x }]));
}

/** A page of what was said from one moment (milliseconds) to another, newest first, `{data, cursor}`. */
export async function said(channelId, { from, to, cursor }) {
  const query = { from: new Date(from).toISOString(), to: new Date(to).toISOString(), limit: SAID_AT_ONCE, cursor };
  const found = await get(`/v1/channels/${encodeURIComponent(channelId)}/chat?${parameters(query)}`);
  return { data: found?.data ?? [], cursor: found?.cursor ?? null };
}

/** A channel's chat as who is signed in may change it. Each function rejects with what is wrong. */
export class ChatApi {
  constructor(account, channelId) {
    this.account = account;
    this.channelId = channelId;
  }

  timeOut(userId, seconds, reason = "") {
    return this.#ask("POST", "moderation/bans", {}, { data: { user_id: userId, duration: seconds, reason } });
  }

  ban(userId, reason = "") {
    return this.#ask("POST", "moderation/bans", {}, { data: { user_id: userId, reason } });
  }

  unban(userId) {
    return this.#ask("DELETE", "moderation/bans", { user_id: userId });
  }

  warn(userId, reason) {
    return this.#ask("POST", "moderation/warnings", {}, { data: { user_id: userId, reason } });
  }

  remove(messageId) {
    return this.#ask("DELETE", "moderation/chat", { message_id: messageId });
  }

  clear() {
    return this.#ask("DELETE", "moderation/chat", {});
  }

  review(messageId, approve) {
    const body = { user_id: this.account.user.user_id, msg_id: messageId, action: approve ? "ALLOW" : "DENY" };
    return this.#ask("POST", "moderation/automod/message", null, body);
  }

  /** How the chat is set: `{modes, levels, cause, shield}`. Rejects with 403 for who does not moderate it. */
  async setup() {
    return (await get(this.#own("settings")))?.data ?? null;
  }

  change(modes) {
    return this.account.send("PATCH", this.#own("settings"), modes);
  }

  setLevels(levels) {
    return this.account.send("PATCH", this.#own("automod"), levels);
  }

  setShield(active) {
    return this.#ask("PUT", "moderation/shield_mode", {}, { is_active: active });
  }

  /** A page of terms, `{data, cursor}`. */
  terms(after) {
    return this.#list("moderation/blocked_terms", { first: 100, after });
  }

  addTerm(text) {
    return this.#ask("POST", "moderation/blocked_terms", {}, { text });
  }

  removeTerm(id) {
    return this.#ask("DELETE", "moderation/blocked_terms", { id });
  }

  bans(after) {
    return this.#list("moderation/banned", { first: 50, after });
  }

  /** Says that a warning was read. */
  confirm() {
    return this.account.send("POST", this.#own("warnings/confirm"), {});
  }

  /** What other rules would have made of what was said: `api/v1/chat_backtests.py` says what comes back. */
  backTest(from, to, rules) {
    return this.account.send("POST", this.#own("backtests"), { from, to, rules }, BACKTEST_WITHIN);
  }

  async card(userId) {
    return (await get(this.#own(`users/${encodeURIComponent(userId)}`)))?.data ?? null;
  }

  async history(userId) {
    const found = await get(`${this.#own(`users/${encodeURIComponent(userId)}/history`)}?limit=${LATELY}`);
    return found?.data ?? [];
  }

  async held() {
    return (await get(`${this.#own("held")}?limit=100`))?.data ?? [];
  }

  async log(cursor) {
    const found = await get(`${this.#own("log")}?${parameters({ limit: 50, cursor })}`);
    return { data: found?.data ?? [], cursor: found?.cursor ?? null };
  }

  #own(path) {
    return `/session/channels/${encodeURIComponent(this.channelId)}/chat/${path}`;
  }

  #helix(path, query) {
    if (query === null) return `/session/helix/${path}`;
    const both = { broadcaster_id: this.channelId, moderator_id: this.account.user?.user_id };
    return `/session/helix/${path}?${parameters({ ...both, ...query })}`;
  }

  #ask(method, path, query, body) {
    return this.account.send(method, this.#helix(path, query), body);
  }

  async #list(path, query) {
    const found = await get(this.#helix(path, query));
    return { data: found?.data ?? [], cursor: found?.pagination?.cursor ?? null };
  }
}

function parameters(query) {
  return new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined && value !== null));
}
