// The lines of a chat on the page: at most some hundred, written once a frame, still while one reads.
//
// The list stands on its end (`flex-direction: column-reverse`), so that browsers keep it there without
// being asked where it is: nothing is measured while lines come.

import { badge, colour, fill, icon } from "./chat-parts.js";
import { element } from "./dom.js";

const ERASED = "deleted user"; // the history has no name of theirs
const MOST = 200;
const DRAWN_EVERY = 50; // milliseconds at least: nobody reads faster, and each time costs a frame's layout
const AT_END = 48; // pixels from the end that still are the end
const REPLY = "M9 7 4 12l5 5M4 12h9a6 6 0 0 1 6 6";

/** Events: `change` (paused or not, how many wait); `choose` (`detail`: a line whose author was clicked). */
export class Lines extends EventTarget {
  paused = false;
  /** Messages that came since it was paused. */
  missed = 0;
  login = "";
  #emotes = new Map();
  #list;
  #view;
  #shown = [];
  #waiting = [];
  #gone = [];
  #drawing = false;
  #drawnAt = 0;
  #byRow = new WeakMap();

  /** @param {HTMLElement} view what scrolls; `list` is in it */
  constructor(view, list) {
    super();
    this.#view = view;
    this.#list = list;
    view.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    list.addEventListener("click", (event) => this.#clicked(event));
    list.addEventListener("keydown", (event) => this.#key(event));
    list.addEventListener("focusout", ({ relatedTarget }) => list.contains(relatedTarget) || this.#scrolled());
    view.addEventListener("keydown", (event) => this.#enter(event));
  }

  /** Changes of `Room.take`, in order. */
  put(changes) {
    for (const { line, gone } of changes) {
      if (gone) this.#take(gone);
      if (line) this.#waiting.push(line);
      if (line && this.paused) this.missed += 1;
    }
    if (this.#waiting.length > MOST) this.#waiting.splice(0, this.#waiting.length - MOST);
    this.#soon();
  }

  /** Begin anew. */
  clear() {
    this.#shown = [];
    this.#waiting = [];
    this.#gone = [];
    this.#list.replaceChildren();
    this.resume();
  }

  /** Go on to the end, and stay there. */
  resume() {
    this.paused = false;
    this.missed = 0;
    this.#view.scrollTop = 0;
    this.#soon();
    this.#changed();
  }

  /** Hold still: somebody reads. */
  pause() {
    if (this.paused) return;
    this.#draw(); // what came before is there to be read
    this.paused = true;
    this.#changed();
  }

  /** Emotes as `emotes` of `chat-api.js` has them; what is here already gets its images. */
  set emotes(emotes) {
    this.#emotes = emotes;
    for (const { row, event, deleted } of this.#shown) {
      if (event.emotes?.length && !deleted) row.querySelector(".said").replaceWith(this.#said(event));
    }
  }

  /** The line of a message, if it is here. */
  find(id) {
    return [...this.#shown, ...this.#waiting].find((line) => line.id === id && !line.deleted);
  }

  /** What somebody said that is here, oldest first. */
  of(userId) {
    return [...this.#shown, ...this.#waiting].filter((line) => line.userId === userId && !line.deleted);
  }

  /** The line that a node is in. */
  at(node) {
    return this.#byRow.get(node?.closest?.("li"));
  }

  get size() {
    return this.#shown.length;
  }

  /** Lines that are here, without those that were taken away. */
  current() {
    return [...this.#shown, ...this.#waiting].filter((line) => !line.deleted);
  }

  #take(gone) {
    this.#waiting = this.#waiting.filter((line) => line.note || !gone(line));
    for (const line of this.#shown) {
      if (line.note || line.deleted || !gone(line)) continue;
      line.deleted = true;
      this.#gone.push(line);
    }
  }

  /** In the next frame, or once it is time again. */
  #soon() {
    if (this.#drawing) return;
    this.#drawing = true;
    const early = this.#gone.length ? 0 : this.#drawnAt + DRAWN_EVERY - performance.now();
    if (early > 0) setTimeout(() => requestAnimationFrame(() => this.#draw()), early);
    else requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#drawing = false;
    this.#drawnAt = performance.now();
    for (const line of this.#gone.splice(0)) this.#vanish(line);
    if (this.paused) return this.#changed();
    const lines = this.#waiting.splice(0);
    if (!lines.length) return;
    const added = document.createDocumentFragment();
    for (const line of lines) added.append(this.#row(line));
    const over = this.#shown.length + lines.length - MOST;
    for (const { row } of over > 0 ? this.#shown.splice(0, over) : []) row.remove();
    this.#shown.push(...lines);
    this.#list.append(added);
  }

  #vanish({ row }) {
    row.className = "chat-line";
    row.replaceChildren(element("span", "quiet", "message deleted"));
  }

  #row(line) {
    const { event } = line;
    const row = (line.row = element("li", "chat-line"));
    this.#byRow.set(row, line);
    row.tabIndex = -1;
    if (line.note) {
      row.className = "chat-line note";
      row.append(line.note);
      return row;
    }
    if (line.mention) row.classList.add("mention");
    if (event.style === "action") row.classList.add("action");
    if (event.style === "announcement") row.classList.add("announcement", event.announcement_colour || "primary");
    if (event.reply_to) row.append(answered(event));
    row.append(time(event.at), ...(event.badges ?? []).map(badge), author(event));
    row.append(event.style === "action" ? " " : ": ", this.#said(event));
    return row;
  }

  #said(event) {
    return fill(element("span", "said"), event, this.#emotes, this.login);
  }

  #scrolled() {
    const away = -this.#view.scrollTop > AT_END;
    if (away) this.pause();
    else if (this.paused && !this.#list.matches(":focus-within")) this.resume();
  }

  #clicked({ target }) {
    const line = this.at(target);
    if (!line || line.note || line.deleted || target.closest("a")) return;
    if (target.closest(".who")) this.dispatchEvent(new CustomEvent("choose", { detail: line }));
  }

  /** From the list to its last line, and from line to line. */
  #enter(event) {
    if (event.target !== this.#view || !["ArrowUp", "End", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    this.pause();
    this.#list.lastElementChild?.focus();
  }

  #key(event) {
    const row = event.target.closest("li");
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = { ArrowUp: row.previousElementSibling, ArrowDown: row.nextElementSibling }[event.key];
    if (next) next.focus();
    else if (event.key === "Escape" || event.key === "ArrowDown") {
      this.#view.focus();
      this.resume();
    } else if (event.key === "Enter" && event.target === row) this.#choose(this.at(row));
    else return;
    event.preventDefault();
  }

  #choose(line) {
    if (line && !line.note && !line.deleted) this.dispatchEvent(new CustomEvent("choose", { detail: line }));
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

function author({ display_name: name, login, colour: chosen }) {
  const made = element("button", "who", name || login || ERASED);
  made.type = "button";
  made.tabIndex = -1; // the line has the focus, and Enter
  if (name && name.toLowerCase() !== login) made.append(element("span", "quiet", ` (${login})`));
  colour(made, chosen, login);
  return made;
}

function answered({ reply_display_name: name, reply_login: login, reply_text: text }) {
  return element("div", "answered", icon(REPLY), element("b", "", name || login || ERASED), ` ${text}`);
}

function time(at) {
  const when = new Date(at / 1000);
  const made = element("time", "", CLOCK.format(when));
  made.dateTime = when.toISOString();
  return made;
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
