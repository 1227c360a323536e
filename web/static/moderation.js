// The moderation page: what waits, what was done, and how a chat is set; live, with the chat beside it.

import { Account } from "./account.js";
import { channelInAddress, get, serverNow } from "./api.js";
import { ChatApi } from "./chat-api.js";
import { Chat } from "./chat.js";
import { element, write } from "./dom.js";
import { BackTest } from "./moderation-backtest.js";
import { actOf } from "./moderation-acts.js";
import { Bans, Held, Log, Terms } from "./moderation-lists.js";
import { Setup } from "./moderation-setup.js";
import { Ventures } from "./moderation-together.js";

const TRY_AGAIN = 3000; // milliseconds
const LATE = 1500; // milliseconds until lists have what an edge tells

const byId = (id) => document.getElementById(id);
const name = channelInAddress();

class Moderation {
  #shown = false;
  #again = null;

  constructor() {
    this.account = new Account(byId("account"));
    this.setup = new Setup();
    this.backTest = new BackTest(serverNow);
    this.held = new Held({ now: serverNow, learned: (count) => this.#waiting(count) });
    this.account.addEventListener("change", () => void this.load());
    byId("term-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#addTerm(event.target);
    });
  }

  /** All there is to know, again and again until it is there. */
  async load() {
    clearTimeout(this.#again);
    const { user } = this.account;
    if (!user) return this.#closed("Sign in to moderate.", this.account.signIn);
    if (this.#shown === user.user_id) return;
    try {
      const channel = (await get(`/v1/channels/${encodeURIComponent(name)}`))?.data;
      if (!channel) return this.#closed(`There is no channel “${name}”.`);
      await this.#open(channel, user);
    } catch (error) {
      if (String(error.message).endsWith("403")) return this.#closed("You do not moderate this channel.");
      this.#closed("Moderation cannot be reached. Trying again…");
      this.#again = setTimeout(() => void this.load(), TRY_AGAIN);
    }
  }

  async #open(channel, user) {
    const api = (this.api = new ChatApi(this.account, channel.channel_id));
    const setup = await api.setup();
    this.log = new Log(api);
    this.bans = new Bans(api);
    this.terms = new Terms(api);
    byId("channel").href = `/c/${channel.name}`;
    write(byId("channel"), channel.name);
    document.title = `Moderation of ${channel.name} · Millrace`;
    this.setup.show(api, setup);
    this.backTest.api = api;
    byId("trouble").hidden = true;
    byId("tools").hidden = false;
    this.#shown = user.user_id;
    this.#talk(channel.name);
    this.ventures ??= new Ventures(this.chat.together, user.user_id === channel.channel_id);
    await this.#learn();
  }

  /** What the lists say: at first, and when the connection was away. */
  async #learn() {
    const asked = [
      this.api.held().then((messages) => this.held.show(this.api, messages)),
      this.log.load(),
      this.bans.load(),
      this.terms.load(),
    ];
    const failed = (await Promise.allSettled(asked)).some(({ status }) => status === "rejected");
    this.#trouble(failed ? "Some lists cannot be reached at the moment. Open the page again in a while." : "");
  }

  #talk(login) {
    if (this.chat) return;
    this.chat = new Chat(byId("chat"), login, { account: this.account, serverNow });
    const { connection } = this.chat;
    connection.addEventListener("events", ({ detail }) => detail.events.forEach((event) => this.#happened(event)));
    connection.addEventListener("joined", ({ detail }) => {
      if (!detail.resumed && this.joined) setTimeout(() => void this.#learn(), LATE);
      else for (const event of detail.resumed ? detail.messages : []) this.#happened(event);
      this.joined = true;
    });
    this.chat.start();
  }

  #happened(event) {
    switch (event.kind) {
      case "MessageSent":
        return;
      case "MessageHeld":
        this.held.add(event);
        break;
      case "HeldMessageReviewed":
        this.held.remove(event.message_id);
        break;
      case "UserBanned":
        this.bans.add(event);
        break;
      case "UserUnbanned":
        this.bans.remove(event.user_id);
        break;
      case "BlockedTermAdded":
        this.terms.add({ id: event.term_id, text: event.text });
        break;
      case "BlockedTermRemoved":
        this.terms.remove(event.term_id);
        break;
      default:
        this.setup.happened(event);
    }
    const act = actOf(event);
    if (act) this.log.add(act);
  }

  async #addTerm(form) {
    const field = form.elements.namedItem("text");
    const said = form.querySelector("[role=status]");
    write(said, "");
    try {
      const [term] = (await this.api.addTerm(field.value.trim())) ?? [];
      if (term) this.terms.add(term);
      field.value = "";
      write(said, "Blocked.");
    } catch (error) {
      write(said, `Not blocked: ${error.message}`);
    }
  }

  #waiting(count) {
    const title = document.title.replace(/^\(\d+\) /, "");
    document.title = count ? `(${count}) ${title}` : title;
    if (count > (this.count ?? 0)) write(byId("said"), `${count} ${count === 1 ? "message waits" : "messages wait"} for you.`);
    this.count = count;
  }

  #closed(text, link = null) {
    byId("tools").hidden = true;
    byId("shield").hidden = true;
    this.#shown = false;
    this.#trouble(text);
    if (!link) return;
    const way = element("a", "link", "Sign in");
    way.href = link;
    byId("trouble").append(" ", way);
  }

  #trouble(text) {
    byId("trouble").hidden = !text;
    write(byId("trouble"), text);
  }
}

new Moderation();
