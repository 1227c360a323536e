// A channel in a list: its picture, which stays fresh, and what it says of itself.

import { serverNow } from "./api.js";
import { element, pill, write } from "./dom.js";
import { clock } from "./format.js";

const PICTURE_EVERY = 10_000;
const BADGES = { interrupted: "Interrupted", starting: "Starting", live: "Live" };

export class Card {
  #askedAt = 0;

  constructor(channel) {
    const frame = element("div", "frame", element("span", "initial", channel.name[0].toUpperCase()));
    this.picture = element("img");
    this.picture.alt = "";
    this.picture.hidden = true;
    this.badge = element("span", "badge");
    this.uptime = element("span", "uptime");
    frame.append(this.picture, this.badge, this.uptime);
    this.title = element("h2");
    this.category = element("p", "quiet");
    const lines = element("div", "card-text", this.title, element("p", "name", channel.name), this.category);
    const link = element("a", "card-link", frame, lines);
    link.href = `/c/${channel.name}`;
    this.element = element("li", "card", link);
  }

  update(channel) {
    this.channel = channel;
    const state = channel.stream?.state ?? "offline";
    write(this.title, channel.title || `${channel.name} is ${channel.stream ? "live" : "offline"}`);
    write(this.category, channel.category);
    write(this.badge, BADGES[state] ?? "Offline");
    this.badge.classList.toggle("waiting", state !== "live");
    this.badge.classList.toggle("offline", state === "offline");
    this.element.classList.toggle("interrupted", state === "interrupted");
    if (channel.stream) this.#refresh();
    else this.picture.hidden = true;
    this.tick();
  }

  tick() {
    const { stream } = this.channel;
    const started = Date.parse(stream?.started_at ?? "");
    const unknown = Number.isNaN(started) || stream.state === "starting";
    pill(this.uptime, unknown ? "" : clock((serverNow() - started) / 1000));
  }

  /** Fetch a newer picture aside, and show it only when it is there. */
  #refresh() {
    if (Date.now() - this.#askedAt < PICTURE_EVERY || document.hidden) return;
    this.#askedAt = Date.now();
    const next = new Image();
    next.alt = "";
    next.addEventListener("load", () => {
      this.picture.replaceWith(next);
      this.picture = next;
      this.picture.hidden = !this.channel.stream;
    });
    next.src = `${this.channel.stream.thumbnail_url}?t=${Math.floor(this.#askedAt / 1000)}`;
  }
}
