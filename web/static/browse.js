// The browse page: who is live, by category and in an order; channels by name. The address says what
// is shown: `/?category=…&sort=…`, or `/?q=…`.

import { Account } from "./account.js";
import { get } from "./api.js";
import { Card } from "./card.js";
import { element, pill, plainClick, write } from "./dom.js";
import { Search } from "./search.js";

const PAGE = 24;
const LIVE_EVERY = 2000; // milliseconds
const SLOWLY = 10_000; // what is found by name, and the counts of categories
const SHOWN_CATEGORIES = 8;

const $ = (id) => document.getElementById(id);
const cards = new Map();
const chips = new Map();
let view = viewInAddress();
let categories = [];
let all = false; // whether all categories are shown
let polls = 0;
let timer;

/** What the address asks for. */
function viewInAddress() {
  const query = new URLSearchParams(location.search);
  const sort = ["oldest", "name"].find((each) => each === query.get("sort")) ?? "newest";
  return { q: (query.get("q") ?? "").trim().slice(0, 100), category: query.get("category"), sort, pages: 1 };
}

function addressOf({ category, sort, q }) {
  const query = new URLSearchParams();
  if (category) query.set("category", category);
  if (sort !== "newest") query.set("sort", sort);
  if (q) query.set("q", q);
  return query.size ? `/?${query}` : "/";
}

/** Show something else, under an address of its own. */
function go(address) {
  const next = new URL(address, location.href);
  if (next.pathname !== "/") return location.assign(next);
  if (next.href !== location.href) history.pushState(null, "", next);
  turn();
}

function turn() {
  view = viewInAddress();
  showView();
  void poll();
}

/** Its channels on the pages that are shown, and whether there are more. */
async function load({ q, category, sort, pages }) {
  const channels = [];
  let cursor = null;
  for (let page = 0; page < pages; page += 1) {
    const query = new URLSearchParams({ limit: PAGE });
    if (q) query.set("q", q);
    else query.set("sort", sort);
    if (!q && category) query.set("category", category);
    if (cursor) query.set("cursor", cursor);
    const body = await get(`${q ? "/v1/search/channels" : "/v1/channels"}?${query}`);
    channels.push(...body.data);
    cursor = body.cursor;
    if (!cursor) break;
  }
  return { channels, more: Boolean(cursor) };
}

/** Ask now, and again and again; whatever was asked before does not count any more. */
async function poll() {
  clearTimeout(timer);
  const number = (polls += 1);
  const found = await load(view).catch(() => null);
  if (number !== polls) return;
  $("trouble").hidden = found !== null;
  if (found) showChannels(found);
  timer = setTimeout(poll, view.q ? SLOWLY : LIVE_EVERY);
}

async function pollCategories() {
  const body = await get("/v1/categories?limit=100").catch(() => null);
  if (body) {
    categories = body.data;
    showCategories();
  }
  setTimeout(pollCategories, SLOWLY);
}

/** What the address alone tells. */
function showView() {
  const { q, category, sort } = view;
  const title = q ? `Channels named “${q}…”` : category || "Live now";
  write($("heading"), title);
  document.title = `${title} · Millrace`;
  write($("count"), "");
  $("sort").value = sort;
  $("sorting").hidden = Boolean(q);
  $("categories").hidden = Boolean(q);
  $("back").hidden = !q && !category;
  for (const id of ["empty", "none"]) $(id).hidden = true;
  search.text = q;
  showCategories();
}

function showChannels({ channels, more }) {
  keyed($("channels"), cards, channels, (channel) => channel.name, (channel) => new Card(channel));
  const count = channels.length;
  const { q, category } = view;
  write($("count"), count === 0 ? "" : `${count}${more ? "+" : ""} ${count === 1 ? "channel" : "channels"}`);
  $("more").hidden = !more;
  $("empty").hidden = count > 0 || Boolean(q || category);
  pill($("none"), count > 0 || !(q || category) ? "" : q ? "No channel's name begins like that." : `Nobody is live in ${category}.`);
}

/** The categories with somebody on air, or all; always the one that is shown. */
function showCategories() {
  const wanted = view.category?.toLowerCase();
  const known = categories.some(({ name }) => name.toLowerCase() === wanted);
  const listed = known || !view.category ? categories : [{ name: view.category, live: 0 }, ...categories];
  const shown = listed.filter(
    ({ name, live }, place) => all || (live > 0 && place < SHOWN_CATEGORIES) || name.toLowerCase() === wanted,
  );
  const entries = [{ name: null }, ...shown];
  keyed($("category-list"), chips, entries, ({ name }) => name, (entry) => new Chip(entry));
  for (const [name, chip] of chips) chip.select((name?.toLowerCase() ?? null) === (wanted ?? null));
  $("all-categories").hidden = categories.length === 0;
  $("all-categories").setAttribute("aria-expanded", String(all));
  write($("all-categories"), all ? "Fewer" : "All categories");
}

class Chip {
  constructor({ name }) {
    this.name = name;
    this.count = element("span", "quiet");
    this.link = element("a", "chip", name ?? "All", this.count);
    this.link.addEventListener("click", (event) => {
      if (!plainClick(event)) return;
      event.preventDefault();
      go(this.link.href);
    });
    this.element = element("li", "", this.link);
  }

  update({ live }) {
    write(this.count, live ? ` ${live}` : "");
    this.link.href = addressOf({ ...view, category: this.name, q: "" });
  }

  select(selected) {
    if (selected) this.link.setAttribute("aria-current", "page");
    else this.link.removeAttribute("aria-current");
  }
}

/** Let a list show entries in order, each by the same element as before. */
function keyed(list, known, entries, keyOf, make) {
  const keys = new Set(entries.map(keyOf));
  for (const [key, shown] of known) {
    if (keys.has(key)) continue;
    shown.element.remove();
    known.delete(key);
  }
  entries.forEach((entry, place) => {
    const key = keyOf(entry);
    if (!known.has(key)) known.set(key, make(entry));
    const shown = known.get(key);
    shown.update(entry);
    if (list.children[place] !== shown.element) list.insertBefore(shown.element, list.children[place]);
  });
}

const search = new Search($("search"), {
  categories: () => categories.map(({ name }) => name),
  go,
  send: (q) => go(addressOf({ ...view, q })),
});
addEventListener("popstate", turn);
$("sort").addEventListener("change", ({ target }) => go(addressOf({ ...view, sort: target.value })));
$("back").addEventListener("click", (event) => {
  if (!plainClick(event)) return;
  event.preventDefault();
  go("/");
  $("heading").focus();
});
$("all-categories").addEventListener("click", () => {
  all = !all;
  showCategories();
});
$("more").addEventListener("click", () => {
  view.pages += 1;
  void poll();
});
document.querySelector("[data-copy]").addEventListener("click", async ({ target }) => {
  await navigator.clipboard.writeText($(target.dataset.copy).textContent);
  target.textContent = "Copied";
  setTimeout(() => (target.textContent = "Copy"), 1500);
});
setInterval(() => cards.forEach((card) => card.tick()), 1000);
get("/v1/config").then((config) => write($("rtmp"), config.rtmp_url), () => {});
showView();
void poll();
void pollCategories();
new Account($("account"));
