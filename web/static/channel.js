// What a watch page says beside the picture: who follows, what was on before, who is signed in.
// `watch.js` fetches it when the picture is there, or when there is none.

import { Account } from "./account.js";
import { element, pill, write } from "./dom.js";
import { ago, clock, moment } from "./format.js";

const FOLLOWERS_EVERY = 10_000; // milliseconds
const PAGE = 10;
const REASONS = {
  publisher_left: "Ended by the broadcaster",
  connection_lost: "Lost connection",
  silence: "Nothing more was sent",
  idle: "Nothing more was sent",
  protocol_error: "Broken input",
  unsupported_media: "Unsupported input",
  key_frame_interval: "Key frames too far apart",
  ended_by_platform: "Ended by the platform",
  ingest_stopping: "Maintenance",
};

const $ = (id) => document.getElementById(id);

export class About {
  /** Milliseconds; null: never. Undefined while it is not known. */
  lastEnded;
  #past = [];
  #cursor = null;
  #streamId;

  /** `get` and `serverNow` are the page's, `learned` is called when there is something new here. */
  constructor(name, { get, serverNow, learned }) {
    this.name = name;
    this.get = get;
    this.now = serverNow;
    this.learned = learned;
    this.account = new Account($("account"));
    this.account.addEventListener("change", () => void this.#learnFollowing());
    $("past-more").addEventListener("click", () => void this.#learnPast(this.#cursor));
    setInterval(() => void this.#learnFollowers(), FOLLOWERS_EVERY);
  }

  /** Say what there is to say of a channel; called with every news of it. */
  show(channel) {
    const before = this.channel;
    this.channel = channel;
    if (!channel) return;
    pill($("language"), channel.language && languageName(channel.language));
    const tags = channel.tags.map((tag) => element("span", "pill", tag));
    if (channel.tags.join() !== before?.tags.join()) $("tags").replaceChildren(...tags);
    if (!before) {
      void this.#learnFollowers();
      void this.#learnFollowing();
    }
    const streamId = channel.stream?.stream_id ?? null;
    if (streamId !== this.#streamId) void this.#learnPast(null);
    this.#streamId = streamId;
  }

  async #learnFollowers() {
    if (!this.channel || document.hidden) return;
    const found = await this.get(`/v1/channels/${this.channel.channel_id}/followers`).catch(() => null);
    if (found) this.#showFollowers(found.data.followers);
  }

  #showFollowers(count) {
    const number = new Intl.NumberFormat("en").format(count);
    write($("followers"), `${number} ${count === 1 ? "follower" : "followers"}`);
  }

  get #address() {
    return `/session/follows/${this.channel.channel_id}`;
  }

  async #learnFollowing() {
    const { user } = this.account;
    if (!this.channel || user === undefined) return;
    if (user === null) return this.#showButton(link(this.account.signIn, "Follow"));
    if (user.user_id === this.channel.channel_id) return this.#showButton(link("/studio", "Open the studio"));
    const found = await this.get(this.#address).catch(() => null);
    if (found) this.#showFollowing(found.data.follows);
  }

  #showFollowing(follows) {
    let button = $("follow").querySelector("button");
    if (!button) {
      button = element("button", "button");
      button.type = "button";
      button.addEventListener("click", () => void this.#toggle(button));
      this.#showButton(button);
    }
    this.follows = follows;
    button.classList.toggle("other", follows);
    write(button, follows ? "Unfollow" : "Follow");
  }

  #showButton(shown) {
    $("follow").replaceChildren(shown);
  }

  async #toggle(button) {
    if (button.ariaBusy === "true") return;
    button.ariaBusy = "true";
    pill($("follow-trouble"), "");
    try {
      const done = await this.account.send(this.follows ? "DELETE" : "PUT", this.#address);
      if (!done) return; // signed out meanwhile: the button is another by now
      this.#showFollowing(done.follows);
      this.#showFollowers(done.followers);
      write($("follow-said"), done.follows ? `You follow ${this.channel.name}.` : `You no longer follow ${this.channel.name}.`);
    } catch (error) {
      pill($("follow-trouble"), `That did not work. ${error.message}`);
    } finally {
      button.ariaBusy = "false";
    }
  }

  /** The page of streams after a cursor; the first anew. */
  async #learnPast(cursor) {
    const query = new URLSearchParams({ limit: PAGE, ...(cursor && { cursor }) });
    const found = await this.get(`/v1/channels/${encodeURIComponent(this.name)}/streams?${query}`).catch(() => null);
    if (!found) return;
    const ended = found.data.filter((stream) => stream.state === "ended" && stream.ended_at);
    this.#past = cursor ? [...this.#past, ...ended] : ended;
    this.#cursor = found.cursor;
    this.lastEnded = this.#past.length ? Date.parse(this.#past[0].ended_at) : null;
    $("past").hidden = this.#past.length === 0;
    $("past-list").replaceChildren(...this.#past.map((stream) => this.#line(stream)));
    const more = $("past-more");
    if (!found.cursor && document.activeElement === more) $("past-title").focus();
    more.hidden = !found.cursor;
    this.learned();
  }

  #line(stream) {
    const [from, to] = [Date.parse(stream.started_at ?? ""), Date.parse(stream.ended_at)];
    const time = element("time", "", moment(from || to));
    time.dateTime = stream.started_at ?? stream.ended_at;
    const watch = element("a", "link", time);
    watch.href = `/recordings/${encodeURIComponent(stream.stream_id)}`;
    return element(
      "li",
      "",
      element("span", "", watch, element("span", "quiet", ago(to, this.now()))),
      element("span", "lasted", from ? clock((to - from) / 1000) : ""),
      element("span", "quiet", REASONS[stream.reason] ?? ""),
    );
  }
}

function link(href, text) {
  const made = element("a", "button", text);
  made.href = href;
  return made;
}

function languageName(code) {
  try {
    return new Intl.DisplayNames("en", { type: "language" }).of(code);
  } catch {
    return code;
  }
}
