// The quality menu: by bandwidth, a rendition, or the sound alone. What was chosen is remembered as
// a label, since the next stream has other renditions.

import { get } from "./api.js";
import { AUDIO_ONLY, SOURCE, parsed } from "./choosing.js";
import { element, write } from "./dom.js";

const KEPT = "quality";

/** What the viewer chose last: a label, `source`, `audio_only`, or null for by bandwidth. */
export function remembered() {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null; // a browser that keeps nothing
  }
}

function remember(wish) {
  try {
    if (wish === null) localStorage.removeItem(KEPT);
    else localStorage.setItem(KEPT, wish);
  } catch {
    // as above
  }
}

/** Wires the button and the menu inside `root` to a player. `streamId()` is the stream that plays. */
export class QualityMenu {
  constructor(root, player, streamId) {
    this.player = player;
    this.streamId = streamId;
    this.root = root;
    this.button = root.querySelector("#quality-toggle");
    this.list = root.querySelector("#quality-menu");
    this.told = new Map(); // name → what the ladder says of a rung
    this.button.addEventListener("click", () => (this.open ? this.close() : this.show()));
    this.button.addEventListener("keydown", (event) => event.key === "ArrowDown" && this.#take(event, () => this.show()));
    this.list.addEventListener("keydown", (event) => this.#key(event));
    this.list.addEventListener("click", (event) => this.#choose(event.target.closest("button")));
    document.addEventListener("pointerdown", ({ target }) => {
      if (this.open && !this.list.contains(target) && !this.button.contains(target)) this.close(false);
    });
    this.list.addEventListener("focusout", ({ relatedTarget }) => {
      if (relatedTarget && !this.list.contains(relatedTarget) && relatedTarget !== this.button) this.close(false);
    });
    player.addEventListener("change", () => this.#fill());
    this.#fill();
  }

  get open() {
    return !this.list.hidden;
  }

  /** Open it, with the focus on what is chosen. */
  show() {
    this.list.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
    this.root.classList.add("choosing");
    this.#fill();
    (this.list.querySelector("[aria-checked=true]") ?? this.#items()[0])?.focus();
    void this.#ask();
  }

  /** Close it, with the focus back on its button where it was in the menu. */
  close(focus = true) {
    this.list.hidden = true;
    this.button.setAttribute("aria-expanded", "false");
    this.root.classList.remove("choosing");
    if (focus) this.button.focus();
  }

  /** Learn why rungs are not there, or for how long they are. */
  async #ask() {
    const stream = this.streamId();
    const body = stream && (await get(`/v1/streams/${encodeURIComponent(stream)}/ladder`).catch(() => null));
    this.told = new Map((body?.data.rungs ?? []).map((rung) => [rung.name, rung]));
    this.#fill();
  }

  #fill() {
    const { wish, current, choices } = this.player.quality;
    const plays = choices.find(({ name }) => name === current);
    const automatic = plays && wish === null ? `Auto (${plays.label})` : "Auto";
    const label = wish === null ? automatic : (plays?.label ?? wish);
    this.button.setAttribute("aria-label", `Quality: ${current === AUDIO_ONLY ? "Audio only" : label}`);
    if (!this.open) return;
    const items = [{ wish: null, text: automatic, checked: wish === null }];
    for (const rung of this.#rungs(choices)) {
      items.push({ ...rung, checked: wish !== null && wish === rung.wish });
    }
    const chosen = items.some(({ checked }) => checked);
    for (const item of items) item.checked ||= !chosen && item.name === current;
    this.#write(items);
  }

  /** Those of the playlist and those of the ladder, the largest first, then the sound alone. */
  #rungs(choices) {
    const known = new Set(choices.map(({ name }) => name));
    const others = [...this.told.values()].filter(({ name }) => !known.has(name));
    const all = [...choices, ...others.map(({ name }) => ({ name, label: name, there: false }))];
    all.sort((a, b) => size(b) - size(a));
    return all.map(({ name, label, there }) => {
      const told = this.told.get(name);
      const asked = !there && told?.reason === "not_asked";
      const note = name === SOURCE ? "as broadcast" : there ? leaving(told) : missing(told);
      const text = name === AUDIO_ONLY ? "Audio only" : label;
      return { name, wish: wishOf(name, label), text, note: asked ? "Not made yet: ask for it" : note, asked, there };
    });
  }

  /** Only what differs: the item that has the focus keeps it. */
  #write(items) {
    const old = [...this.list.children];
    items.forEach((item, index) => {
      const entry = old[index] ?? this.list.appendChild(entryOf());
      const button = entry.firstElementChild;
      const can = item.there !== false || item.asked;
      button.setAttribute("aria-checked", String(item.checked));
      button.setAttribute("aria-disabled", String(!can));
      button.item = item;
      write(button.children[0], item.text);
      write(button.children[1], item.note ?? "");
      button.children[1].hidden = !item.note;
    });
    old.slice(items.length).forEach((entry) => entry.remove());
  }

  #choose(button) {
    const item = button?.item;
    if (!item || button.getAttribute("aria-disabled") === "true") return;
    if (item.asked) {
      const path = `/v1/streams/${encodeURIComponent(this.streamId())}/ladder/requests`;
      void fetch(path, { method: "POST" }).catch(() => {});
    }
    remember(item.wish);
    this.player.wishFor(item.wish);
    this.close();
  }

  #key(event) {
    const items = this.#items();
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (to !== undefined) this.#take(event, () => items.at(to % items.length).focus());
    else if (event.key === "Escape") this.#take(event, () => this.close());
    else if (event.key === "Tab") this.close();
    else if (event.key === "Enter" || event.key === " ") this.#take(event, () => this.#choose(document.activeElement));
  }

  #take(event, act) {
    event.preventDefault();
    event.stopPropagation(); // the player's keys are others
    act();
  }

  #items() {
    return [...this.list.querySelectorAll("button")];
  }
}

function entryOf() {
  const button = element("button", "", element("span"), element("small"));
  button.type = "button";
  button.tabIndex = -1;
  button.setAttribute("role", "menuitemradio");
  const entry = element("li", "", button);
  entry.setAttribute("role", "none");
  return entry;
}

/** A rendition as it is remembered: the source is that of any stream. */
function wishOf(name, label) {
  return name === SOURCE || name === AUDIO_ONLY ? name : label;
}

/** Why it is not there, unless it should be. */
function missing(told) {
  return ["waiting", "refused"].includes(told?.state) ? told.detail : "Not there now";
}

function leaving(told) {
  if (told?.state !== "going") return "";
  const left = Math.max(1, Math.round((Date.parse(told.until ?? "") - Date.now()) / 1000));
  return left ? `Goes in ${left} s` : "Goes soon";
}

function size({ name, label }) {
  const { side, rate } = parsed(label) ?? { side: 0, rate: 0 };
  return name === SOURCE ? Infinity : name === AUDIO_ONLY ? -1 : side * 1000 + rate;
}
