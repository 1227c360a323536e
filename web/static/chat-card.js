// A user's card: who somebody is, and for moderators what can be done about them.

import { badge, CLOSE, colour, iconButton } from "./chat-parts.js";
import { spell } from "./chat-room.js";
import { element, pill, write } from "./dom.js";
import { ago, moment } from "./format.js";

const TIMEOUTS = [10, 600]; // seconds
const DEEDS = {
  message: "",
  ban: "Banned",
  timeout: "Timed out",
  unban: "Let in again",
  warning: "Warned",
};

/** Events: `reply`, `mention` (`detail`: the line), `close`. */
export class Card extends EventTarget {
  #line = null;
  #before = null;

  /** `now`: milliseconds by the server's clock. */
  constructor(now) {
    super();
    this.now = now;
    this.element = element("section", "user-card");
    this.element.hidden = true;
    this.element.setAttribute("role", "dialog");
    this.element.tabIndex = -1;
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.close();
    });
  }

  get open() {
    return !this.element.hidden;
  }

  /**
   * Show who said a line.
   *
   * @param {ChatApi | null} api what a moderator asks with; null: the reader moderates nothing here
   * @param {boolean} speaks whether the reader can answer
   */
  show(line, { api, speaks, self }) {
    if (!this.open) this.#before = document.activeElement;
    this.#line = line;
    this.api = api;
    const { event } = line;
    const name = event.display_name || event.login;
    this.element.setAttribute("aria-label", `About ${name}`);
    this.trouble = element("p", "notice");
    this.trouble.hidden = true;
    this.trouble.setAttribute("role", "alert");
    this.done = element("p", "status");
    this.done.setAttribute("role", "status");
    const others = line.userId !== self;
    this.element.replaceChildren(
      this.#head(event, name),
      this.#links(event, speaks && Boolean(line.id)),
      ...(api && others ? [this.#tools(line)] : []),
      ...(api && !others && line.id ? [element("div", "deeds", this.#deed("Delete message", () => api.remove(line.id), "Deleted."))] : []),
      this.trouble,
      this.done,
      ...(api ? [this.#past()] : []),
    );
    this.element.hidden = false;
    this.element.focus();
    if (api) void this.#learn(line);
  }

  close() {
    if (!this.open) return;
    const had = this.element.contains(document.activeElement);
    this.element.hidden = true;
    this.#line = null;
    if (had && this.#before?.isConnected) this.#before.focus();
    this.dispatchEvent(new Event("close"));
  }

  #head(event, name) {
    const title = element("h3", "who", name);
    colour(title, event.colour, event.login);
    const close = iconButton("Close", CLOSE);
    close.addEventListener("click", () => this.close());
    this.facts = element("p", "quiet");
    const disc = element("span", "disc small", name[0].toUpperCase());
    disc.setAttribute("aria-hidden", "true");
    const marks = element("span", "marks", ...(event.badges ?? []).map(badge));
    return element("header", "", disc, element("div", "", title, marks, this.facts), close);
  }

  #links(event, speaks) {
    const channel = element("a", "link", "Channel");
    channel.href = `/c/${event.login}`;
    const made = element("p", "deeds", channel);
    if (!speaks) return made;
    const line = this.#line;
    for (const [text, name] of [["Mention", "mention"], ["Answer", "reply"]]) {
      const button = element("button", "button other", text);
      button.type = "button";
      button.addEventListener("click", () => {
        this.close();
        this.dispatchEvent(new CustomEvent(name, { detail: line }));
      });
      made.prepend(button);
    }
    return made;
  }

  #tools(line) {
    const { api } = this;
    const reason = element("input");
    Object.assign(reason, { maxLength: 500, autocomplete: "off", placeholder: "Reason" });
    reason.setAttribute("aria-label", "Reason");
    const why = () => reason.value.trim();
    const deeds = [
      ...(line.id ? [this.#deed("Delete message", () => api.remove(line.id), "Deleted.")] : []),
      ...TIMEOUTS.map((seconds) =>
        this.#deed(`Timeout ${spell(seconds)}`, () => api.timeOut(line.userId, seconds, why()), `Timed out for ${spell(seconds)}.`),
      ),
      this.#deed("Warn", () => this.#warn(line, reason), "Warned."),
      this.#deed("Ban", () => api.ban(line.userId, why()), "Banned.", "danger"),
      (this.unban = this.#deed("Let in again", () => api.unban(line.userId), "Let in again.")),
    ];
    this.unban.hidden = true;
    return element("div", "", reason, element("div", "deeds even", ...deeds));
  }

  async #warn(line, reason) {
    if (!reason.value.trim()) {
      reason.focus();
      throw new Error("Say of what you warn them.");
    }
    await this.api.warn(line.userId, reason.value.trim());
  }

  #deed(text, act, done, look = "other") {
    const button = element("button", `button ${look}`, text);
    button.type = "button";
    button.addEventListener("click", async () => {
      if (button.ariaBusy === "true") return;
      button.ariaBusy = "true";
      pill(this.trouble, "");
      const line = this.#line;
      try {
        await act();
        if (line !== this.#line) return;
        write(this.done, done);
        void this.#learn(line);
      } catch (error) {
        if (line === this.#line) pill(this.trouble, `That did not work. ${error.message}`);
      } finally {
        button.ariaBusy = "false";
      }
    });
    return button;
  }

  #past() {
    this.history = element("ol", "rows");
    const said = element("details", "", element("summary", "", "What they said and what was done"), this.history);
    said.addEventListener("toggle", () => said.open && this.#line && void this.#learnHistory(this.#line));
    return said;
  }

  async #learn(line) {
    const card = await this.api.card(line.userId).catch(() => null);
    if (!card || line !== this.#line) return;
    const now = this.now();
    const facts = [
      card.followed_at ? `Follows since ${moment(Date.parse(card.followed_at))}` : "Does not follow",
      `joined ${ago(Date.parse(card.registered_at), now)}`,
      card.ban && (card.ban.until ? `timed out until ${moment(Date.parse(card.ban.until))}` : "banned"),
      card.warning !== null && "has a warning to confirm",
    ];
    write(this.facts, `${facts.filter(Boolean).join(", ")}.`);
    if (this.unban) this.unban.hidden = !card.ban;
    if (this.element.querySelector("details")?.open) await this.#learnHistory(line);
  }

  async #learnHistory(line) {
    const entries = await this.api.history(line.userId).catch(() => null);
    if (line !== this.#line) return;
    if (entries === null) return pill(this.trouble, "What they said cannot be reached at the moment.");
    this.history.replaceChildren(...entries.map(entry));
    if (!entries.length) this.history.append(element("li", "quiet", "Nothing yet."));
  }
}

function entry({ at, kind, text, by_login: by, deleted_at: deleted }) {
  const when = element("time", "quiet", moment(Date.parse(at)));
  when.dateTime = at;
  const deed = DEEDS[kind] ?? kind;
  const words = deed ? `${deed}${by ? ` by ${by}` : ""}${text ? `: ${text}` : ""}` : text;
  return element("li", deleted ? "deleted" : "", when, element("span", "", words), ...(deleted ? [element("span", "pill", "deleted")] : []));
}
