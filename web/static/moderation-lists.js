// Lists of the moderation page: what waits, what was done, who is shut out, what may not be said.

import { element, pill, write } from "./dom.js";
import { clock, moment } from "./format.js";
import { inWords } from "./moderation-acts.js";

const byId = (id) => document.getElementById(id);
const CATEGORIES = {
  toxicity: "insults",
  identity_hate: "hatred of what people are",
  sexual: "sexual content",
  aggression: "threats",
  spam: "spam",
};
const MOST_WAITING = 100;
const MOST_DONE = 200;

/** A button of a row that does something once at a time; what goes wrong is said in the row. */
export function deed(text, label, look, act) {
  const button = element("button", `button ${look}`, text);
  button.type = "button";
  button.setAttribute("aria-label", label);
  button.addEventListener("click", async () => {
    const row = button.closest("li");
    if (row.ariaBusy === "true") return;
    row.ariaBusy = "true";
    try {
      await act();
    } catch (error) {
      const said = row.querySelector(".notice") ?? row.appendChild(element("p", "notice"));
      said.setAttribute("role", "alert");
      write(said, `That did not work. ${error.message}`);
    } finally {
      row.ariaBusy = "false";
    }
  });
  return button;
}

/** Take a row away; the focus does not fall into nowhere. */
function takeAway(row, title) {
  if (!row) return;
  if (row.contains(document.activeElement)) {
    const next = row.nextElementSibling ?? row.previousElementSibling;
    (next?.querySelector("button") ?? byId(title)).focus();
  }
  row.remove();
}

/** Messages that wait for a moderator. */
export class Held {
  #rows = new Map(); // message id → {row, until, left}

  /** `now`: milliseconds by the server's clock; `learned`: told how many wait. */
  constructor({ now, learned }) {
    this.now = now;
    this.learned = learned;
    setInterval(() => this.#tick(), 1000);
  }

  /** All that wait, as they are in the list of the API. */
  show(api, messages) {
    this.api = api;
    const ids = new Set(messages.map(({ message_id: id }) => id));
    for (const id of [...this.#rows.keys()]) if (!ids.has(id)) this.remove(id);
    for (const message of messages) this.add({ ...message, held_until: Date.parse(message.held_until) * 1000 });
    this.#count();
  }

  /** One more, as its event tells it. */
  add(message) {
    if (this.#rows.has(message.message_id) || this.#rows.size >= MOST_WAITING) return;
    const left = element("span", "quiet");
    const row = element(
      "li",
      "",
      element("div", "", element("p", "held-text", element("b", "", message.display_name || message.login), ` ${message.text}`), element("p", "quiet small", reason(message), left)),
      element(
        "div",
        "buttons",
        deed("Show it", `Show it: message of ${message.login}`, "", () => this.#review(message.message_id, true)),
        deed("Turn down", `Turn down: message of ${message.login}`, "other", () => this.#review(message.message_id, false)),
      ),
    );
    this.#rows.set(message.message_id, { row, left, until: message.held_until / 1000 });
    byId("held").append(row);
    this.#count();
    this.#tick();
  }

  /** It was decided, here or elsewhere. */
  remove(id) {
    takeAway(this.#rows.get(id)?.row, "held-title");
    this.#rows.delete(id);
    this.#count();
  }

  async #review(id, approve) {
    await this.api.review(id, approve);
    this.remove(id);
  }

  #count() {
    pill(byId("held-count"), this.#rows.size ? String(this.#rows.size) : "");
    byId("no-held").hidden = this.#rows.size > 0;
    this.learned(this.#rows.size);
  }

  #tick() {
    for (const { left, until } of this.#rows.values()) {
      write(left, until > this.now() ? `, ${clock((until - this.now()) / 1000)} left` : "");
    }
  }
}

function reason({ rule, category, level }) {
  if (!category) return `A term of this channel (${rule})`;
  return `AutoMod: ${CATEGORIES[category] ?? category}${level ? `, from level ${level}` : ""}`;
}

/** A list that comes page by page. */
class Paged {
  cursor = null;

  constructor(name, ask) {
    this.name = name;
    this.ask = ask;
    byId(`${name}-more`).addEventListener("click", () => void this.more());
  }

  /** From its beginning. */
  async load() {
    byId(this.name).replaceChildren();
    this.cursor = null;
    await this.more();
  }

  async more() {
    const { data, cursor } = await this.ask(this.cursor);
    this.cursor = cursor;
    byId(this.name).append(...data.map((each) => this.row(each)));
    const more = byId(`${this.name}-more`);
    if (!cursor && document.activeElement === more) byId(`${this.name}-title`).focus();
    more.hidden = !cursor;
    this.count();
  }

  count() {
    byId(`no-${this.name}`).hidden = byId(this.name).children.length > 0;
  }

  takeAway(row) {
    takeAway(row, `${this.name}-title`);
    this.count();
  }
}

/** What moderators and rules did. */
export class Log extends Paged {
  constructor(api) {
    super("log", (cursor) => api.log(cursor));
  }

  row(act) {
    return logRow(act);
  }

  /** Something more was done, just now. */
  add(act) {
    const list = byId("log");
    list.prepend(logRow(act));
    while (list.children.length > MOST_DONE) list.lastChild.remove();
    this.count();
  }
}

function logRow(act) {
  const when = element("time", "quiet small", moment(Date.parse(act.at)));
  when.dateTime = act.at;
  const words = [element("b", "", act.by_login || "A rule"), ` ${inWords(act)}`];
  if (act.login) words.push(" ", element("b", "", act.login));
  const more = [act.reason, act.text && `“${act.text}”`].filter(Boolean).join(" · ");
  return element("li", "", element("div", "", element("p", "", ...words), ...(more ? [element("p", "quiet small", more)] : [])), when);
}

/** Who is shut out of the chat. */
export class Bans extends Paged {
  constructor(api) {
    super("bans", (cursor) => api.bans(cursor));
    this.api = api;
  }

  row(ban) {
    const how = ban.expires_at ? `until ${moment(Date.parse(ban.expires_at))}` : "for good";
    const why = ban.reason ? ` (${ban.reason})` : "";
    const row = element(
      "li",
      "",
      element("div", "", element("p", "", element("b", "", ban.user_name || ban.user_login), ` ${how}`), element("p", "quiet small", `by ${ban.moderator_login || "a rule"}${why}`)),
      deed("Let in again", `Let in again: ${ban.user_login}`, "other", async () => {
        await this.api.unban(ban.user_id);
        this.takeAway(row);
      }),
    );
    row.dataset.user = ban.user_id;
    return row;
  }

  /** Somebody was shut out just now: an event, as the edge tells it. */
  add(event) {
    this.remove(event.user_id);
    const expires = event.until ? new Date(event.until / 1000).toISOString() : "";
    byId("bans").prepend(
      this.row({
        user_id: event.user_id,
        user_login: event.login,
        user_name: "",
        expires_at: expires,
        reason: event.reason,
        moderator_login: event.by_login,
      }),
    );
    this.count();
  }

  remove(userId) {
    this.takeAway([...byId("bans").children].find((row) => row.dataset.user === userId));
  }
}

/** What may not be said. */
export class Terms extends Paged {
  constructor(api) {
    super("terms", (cursor) => api.terms(cursor));
    this.api = api;
  }

  row({ id, text }) {
    const row = element(
      "li",
      "",
      element("span", "term", text),
      deed("Remove", `Remove: ${text}`, "other", async () => {
        await this.api.removeTerm(id);
        this.takeAway(row);
      }),
    );
    row.dataset.term = id;
    return row;
  }

  add(term) {
    this.remove(term.id);
    byId("terms").prepend(this.row(term));
    this.count();
  }

  remove(id) {
    this.takeAway([...byId("terms").children].find((row) => row.dataset.term === id));
  }
}
