// The browse page: who is live, with pictures that stay fresh.

import { get, serverNow } from "./api.js";
import { clock } from "./format.js";

const POLL_EVERY = 2000;
const PICTURE_EVERY = 10_000;

const list = document.getElementById("channels");
const more = document.getElementById("more");
const cards = new Map();
let pages = 1;

/** All channels of the pages that are shown, and whether there are more. */
async function load() {
  const channels = [];
  let cursor = null;
  for (let page = 0; page < pages; page += 1) {
    const query = cursor ? `?limit=24&cursor=${encodeURIComponent(cursor)}` : "?limit=24";
    const body = await get(`/v1/channels${query}`);
    channels.push(...body.data.filter((channel) => channel.stream));
    cursor = body.cursor;
    if (!cursor) break;
  }
  return { channels, more: Boolean(cursor) };
}

function show({ channels, more: hasMore }) {
  const names = new Set(channels.map((channel) => channel.name));
  for (const [name, card] of cards) {
    if (names.has(name)) continue;
    card.element.remove();
    cards.delete(name);
  }
  channels.forEach((channel, place) => {
    if (!cards.has(channel.name)) cards.set(channel.name, new Card(channel));
    const card = cards.get(channel.name);
    card.update(channel);
    if (list.children[place] !== card.element) list.insertBefore(card.element, list.children[place]);
  });
  const count = channels.length;
  document.getElementById("empty").hidden = count > 0;
  text("count", count === 0 ? "" : `${count}${hasMore ? "+" : ""} ${count === 1 ? "channel" : "channels"}`);
  more.hidden = !hasMore;
}

class Card {
  constructor(channel) {
    this.element = element("li", "card");
    this.link = element("a", "card-link");
    this.link.href = `/c/${channel.name}`;
    const frame = element("div", "frame");
    frame.append(element("span", "initial", channel.name[0].toUpperCase()));
    this.picture = element("img");
    this.picture.alt = "";
    this.picture.hidden = true;
    this.badge = element("span", "badge", "Live");
    this.uptime = element("span", "uptime");
    frame.append(this.picture, this.badge, this.uptime);
    this.title = element("h2");
    this.name = element("p", "name", channel.name);
    this.category = element("p", "quiet");
    const lines = element("div", "card-text");
    lines.append(this.title, this.name, this.category);
    this.link.append(frame, lines);
    this.element.append(this.link);
  }

  update(channel) {
    this.channel = channel;
    const interrupted = channel.stream.state === "interrupted";
    setText(this.title, channel.title || `${channel.name} is live`);
    setText(this.category, channel.category);
    setText(this.badge, { interrupted: "Interrupted", starting: "Starting" }[channel.stream.state] ?? "Live");
    this.badge.classList.toggle("waiting", channel.stream.state !== "live");
    this.element.classList.toggle("interrupted", interrupted);
    this.#refresh();
    this.tick();
  }

  tick() {
    const started = Date.parse(this.channel.stream.started_at ?? "");
    const unknown = Number.isNaN(started) || this.channel.stream.state === "starting";
    setText(this.uptime, unknown ? "" : clock((serverNow() - started) / 1000));
  }

  /** Fetch a newer picture aside, and show it only when it is there. */
  #refresh() {
    if (Date.now() - (this.askedAt ?? 0) < PICTURE_EVERY || document.hidden) return;
    this.askedAt = Date.now();
    const next = new Image();
    next.alt = "";
    next.addEventListener("load", () => {
      this.picture.replaceWith(next);
      this.picture = next;
    });
    next.src = `${this.channel.stream.thumbnail_url}?t=${Math.floor(this.askedAt / 1000)}`;
  }
}

function element(tag, className = "", content = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.textContent = content;
  return made;
}

function text(id, content) {
  setText(document.getElementById(id), content);
}

/** Write only what differs: readers of the screen are not told the same twice. */
function setText(node, content) {
  if (node.textContent !== content) node.textContent = content;
}

async function poll() {
  try {
    show(await load());
    document.getElementById("trouble").hidden = true;
  } catch {
    document.getElementById("trouble").hidden = false;
  }
  setTimeout(poll, POLL_EVERY);
}

more.addEventListener("click", async () => {
  pages += 1;
  show(await load());
});
document.querySelector("[data-copy]").addEventListener("click", async ({ target }) => {
  await navigator.clipboard.writeText(document.getElementById(target.dataset.copy).textContent);
  target.textContent = "Copied";
  setTimeout(() => (target.textContent = "Copy"), 1500);
});
setInterval(() => cards.forEach((card) => card.tick()), 1000);
get("/v1/config").then((config) => text("rtmp", config.rtmp_url), () => {});
void poll();
