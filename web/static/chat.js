// Chat beside the player. `watch.js` fetches it when the picture is there, or when there is none.

import { ChatApi, emotes as askEmotes, said, ticket } from "./chat-api.js";
import { Card } from "./chat-card.js";
import { Composer } from "./chat-composer.js";
import { Connection } from "./chat-connection.js";
import { Lines } from "./chat-lines.js";
import { icon, iconButton } from "./chat-parts.js";
import { Replay } from "./chat-replay.js";
import { matters, modes, note, Room } from "./chat-room.js";
import { Sample } from "./chat-sample.js";
import { element, pill, write } from "./dom.js";
import { TogetherPanel } from "./together.js";

const FOLD = "M5 5v14M19 12H9m4-4.5L8.5 12l4.5 4.5";
const CLOCK = "M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16M12 8v4.3l2.8 1.7";
const SHIELD = "M12 3.5 18.5 6v5c0 4-2.6 6.8-6.5 8.5C8.1 17.8 5.5 15 5.5 11V6z";
const PATIENCE = 3000; // milliseconds; who does not say by then who is there, is asked later
const STATES = {
  connecting: "Connecting…",
  away: "Chat is not reachable. It goes on here by itself; until then nothing you write is sent.",
  here: "",
};

export class Chat {
  #sample = new Sample();

  /**
   * @param {HTMLElement} place where it goes
   * @param {string} name the channel's login
   * @param {{account: Account, serverNow: () => number, shown?: object, move?: (login: string) => void}} page
   *   what the page knows; `shown`: what its player shows (see `Replay`); `move` goes along with a raid
   */
  constructor(place, name, { account, serverNow, shown, move = null }) {
    this.place = place;
    this.account = account;
    this.room = new Room();
    this.connection = new Connection(name, ticket);
    this.composer = new Composer(this.room, () => this.connection.state);
    this.card = new Card(serverNow);
    const along = move && ((login) => this.replay?.active || move(login));
    this.together = new TogetherPanel(this.connection, { account, now: serverNow, move: along });
    this.#build(name, shown && { now: serverNow, ...shown });
    this.#listen();
    this.#fold(remembered("chat") === "closed", false);
    place.classList.toggle("timed", remembered("chat-times") === "shown");
  }

  /** Show it, and connect as soon as it is known who is there. */
  start() {
    this.#showState();
    this.account.addEventListener("change", () => this.#knowReader());
    if (this.account.user !== undefined) this.#knowReader();
    else setTimeout(() => this.#knowReader(), PATIENCE);
  }

  #build(name, shown) {
    this.modes = element("p", "modes");
    this.state = element("p", "state");
    this.state.setAttribute("role", "status");
    const list = element("ol", "lines");
    this.view = element("div", "view", list);
    Object.assign(this.view, { tabIndex: 0 });
    this.view.setAttribute("role", "log");
    this.view.setAttribute("aria-live", "off"); // nobody could listen to it; what is for the reader is told
    this.view.setAttribute("aria-label", `Chat of ${name}: arrow keys go from message to message, Enter opens one`);
    this.more = element("button", "button more");
    Object.assign(this.more, { type: "button", hidden: true });
    this.told = element("p", "unseen");
    this.told.setAttribute("role", "status");
    this.lines = new Lines(this.view, list);
    const asked = (query) => said(this.connection.channelId, query);
    const moment = () => (this.connection.channelId ? shown.moment() : null);
    this.replay = shown && new Replay(this.lines, this.room, asked, { ...shown, moment });
    this.foot = element("div", "foot", this.more, this.composer.element);
    this.composer.element.append(this.together.points);
    const above = [...(this.replay ? [this.replay.element] : []), this.together.element];
    this.body = element("div", "body", ...above, this.modes, this.state, this.view, this.foot, this.card.element, this.told);
    this.body.id = "chat-body";
    this.place.replaceChildren(this.#head(name), this.body);
  }

  #head(name) {
    this.toggle = iconButton("Hide chat", FOLD);
    this.toggle.setAttribute("aria-controls", "chat-body");
    this.times = iconButton("Times", CLOCK);
    this.moderation = element("a", "round");
    Object.assign(this.moderation, { hidden: true, title: "Moderation", href: `/moderation/${name}` });
    this.moderation.setAttribute("aria-label", "Moderation");
    this.moderation.append(icon(SHIELD));
    return element("header", "chat-head", this.toggle, element("h2", "", "Chat"), this.moderation, this.times);
  }

  #listen() {
    const { connection, composer, lines, card } = this;
    connection.addEventListener("state", () => this.#showState());
    connection.addEventListener("joined", ({ detail }) => this.#joined(detail));
    connection.addEventListener("you", ({ detail }) => this.#be(detail.you));
    connection.addEventListener("events", ({ detail }) => this.#happened(detail.events));
    connection.addEventListener("verdict", ({ detail }) => composer.verdict(detail));
    connection.addEventListener("failed", ({ detail }) => this.#failed(detail));
    connection.addEventListener("gap", () => lines.put([{ line: note("Something is missing here.", Date.now() * 1000) }]));
    connection.addEventListener("unwanted", () => void this.account.ask());
    composer.addEventListener("say", ({ detail }) => connection.say(detail.text, detail.nonce, detail.replyTo));
    composer.addEventListener("confirm", () => void this.#confirm());
    lines.addEventListener("change", () => this.#showMore());
    lines.addEventListener("choose", ({ detail }) => this.#choose(detail));
    this.replay?.addEventListener("change", () => this.#showReplay());
    this.#showReplay();
    card.addEventListener("reply", ({ detail }) => composer.reply(detail));
    card.addEventListener("mention", ({ detail }) => composer.insert(`@${detail.event.login}`));
    this.more.addEventListener("click", () => {
      lines.resume();
      this.view.focus();
    });
    this.toggle.addEventListener("click", () => this.#fold(!this.folded));
    this.times.addEventListener("click", () => {
      remember("chat-times", this.place.classList.toggle("timed") ? "shown" : "hidden");
      this.#showTimes();
    });
    window.addEventListener("online", () => connection.hurry());
    document.addEventListener("visibilitychange", () => document.hidden || connection.hurry());
    setInterval(() => this.#tick(), 1000);
    this.#showTimes();
    keepInSight(this.place);
  }

  #joined(message) {
    const { lines, room } = this;
    if (!message.resumed && !this.replay?.active) lines.clear();
    if (!this.api) {
      this.api = new ChatApi(this.account, message.channel_id);
      void this.#learnEmotes();
    }
    const own = this.composer;
    for (const event of message.messages) if (event.user_id === room.userId && event.text) own.seen(event.text);
    this.#put(room.join(message), !message.resumed);
    own.back();
    this.#showRoom();
  }

  #happened(events) {
    for (const event of events) {
      if (event.user_id !== this.room.userId) continue;
      if (event.kind === "HeldMessageReviewed") this.composer.reviewed(event.outcome);
      else if (event.kind === "UserBanned") this.composer.tell(""); // what became of a message is no news any more
    }
    const before = this.room.warning;
    const changes = this.room.take(events);
    this.#put(changes);
    if (changes.length < events.length || changes.some(({ line }) => !line || line.note) || before !== this.room.warning) this.#showRoom();
  }

  /** Show changes; of messages only a sample while there are too many. */
  #put(changes, all = false) {
    if (this.replay?.active) return this.replay.put(changes, all);
    const now = performance.now();
    const shown = changes.filter(({ line }) => !line || all || this.#sample.takes(matters(line), now));
    this.lines.put(shown);
    if (all) return;
    const called = changes.findLast(({ line }) => line?.mention && !line.mine);
    if (called) write(this.told, `${called.line.event.display_name || called.line.event.login} says to you: ${called.line.event.text}`);
  }

  #choose(line) {
    const { room, api, account } = this;
    this.card.show(line, {
      api: room.moderates ? api : null,
      speaks: Boolean(account.user) && !line.deleted,
      self: room.userId,
    });
  }

  #be(you) {
    this.room.roles = you?.roles ?? [];
    this.#showRoom();
  }

  #failed({ nonce, reason, detail, retry_after_seconds: retry }) {
    if (nonce) this.composer.verdict({ nonce, outcome: "rejected", reason, detail, retry_after_seconds: retry });
    else this.composer.tell(detail);
  }

  async #confirm() {
    try {
      await this.api.confirm();
      this.room.warning = null;
      this.composer.tell("");
    } catch (error) {
      this.composer.tell(`That did not work. ${error.message}`);
    }
    this.composer.show();
    this.composer.field.focus();
  }

  async #learnEmotes() {
    const found = await askEmotes().catch(() => null);
    if (!found) return;
    this.lines.emotes = found;
    this.composer.emotes = found;
  }

  #knowReader() {
    const { user } = this.account;
    const { room, connection } = this;
    const before = room.userId;
    room.userId = user?.user_id ?? "";
    room.login = this.lines.login = user?.login ?? "";
    this.composer.as(user ? null : this.account.signIn);
    if (!this.connects) void connection.start();
    else if (before !== room.userId) {
      Object.assign(room, { roles: [], until: 0, warning: null });
      this.card.close();
      connection.restart();
    }
    this.connects = true;
  }

  #tick() {
    this.#sample.tick(performance.now());
    this.#showState();
    if (this.connection.state === "here" && this.room.until) this.composer.show();
  }

  #showState() {
    const { state } = this.connection;
    this.place.dataset.state = state;
    const { oneOf } = this.#sample;
    pill(this.state, STATES[state] || (oneOf > 1 ? `So much is said that one message of ${oneOf} is shown.` : ""));
    if (state !== this.shownState) this.composer.show();
    this.shownState = state;
  }

  #showRoom() {
    pill(this.modes, this.replay?.active ? "" : modes(this.room).join(" · "));
    this.moderation.hidden = !this.room.moderates;
    this.composer.show();
  }

  /** What is said now has no place beside what was said then. */
  #showReplay() {
    const { active = false } = this.replay ?? {};
    this.composer.element.hidden = active;
    this.place.classList.toggle("replays", active);
    this.#showRoom();
  }

  #showMore() {
    const { paused, missed } = this.lines;
    this.more.hidden = !paused;
    const count = missed > 999 ? "999+" : missed;
    write(this.more, missed === 0 ? "Paused: go on" : `${count} new ${missed === 1 ? "message" : "messages"}`);
  }

  #showTimes() {
    this.times.setAttribute("aria-pressed", String(this.place.classList.contains("timed")));
  }

  #fold(folded, byHand = true) {
    this.folded = folded;
    const root = document.documentElement;
    if (folded) root.dataset.chat = "closed";
    else delete root.dataset.chat;
    this.body.hidden = folded;
    this.toggle.setAttribute("aria-expanded", String(!folded));
    const label = folded ? "Show chat" : "Hide chat";
    this.toggle.setAttribute("aria-label", label);
    this.toggle.title = label;
    if (byHand) remember("chat", folded ? "closed" : "open");
    if (!folded) this.lines.resume();
  }
}

/** Where a keyboard on the screen takes room away, chat takes what is left. */
function keepInSight(place) {
  const seen = window.visualViewport;
  if (!seen) return;
  const measure = () => place.style.setProperty("--seen", `${Math.round(seen.height)}px`);
  seen.addEventListener("resize", measure);
  measure();
}

function remembered(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // storage may be forbidden: then the choice lasts as long as the page
  }
}

function remember(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // See above.
  }
}
