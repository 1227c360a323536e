// Chat as it was: while the player shows a moment of the past, lines are those of that moment.

import { Past } from "./chat-past.js";
import { lineOf } from "./chat-room.js";
import { element, pill, write } from "./dom.js";
import { moment as inWords } from "./format.js";

const EVERY = 250; // milliseconds
const MOST = 200; // lines of what is said meanwhile that are kept for when one is back
const TODAY = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

/** Events: `change` (it began or ended). */
export class Replay extends EventTarget {
  active = false;
  #past;
  #meanwhile = [];

  /**
   * @param {Lines} lines  @param {Room} room
   * @param {(query: {from: number, to: number, cursor: string | null}) => Promise} ask see `Past`
   * @param {object} shown what the player shows: `moment()` (milliseconds, or null: it is live, or not known),
   *   `always` (there is nothing live to it), `goLive()`, `now()` (the server's clock)
   */
  constructor(lines, room, ask, shown) {
    super();
    Object.assign(this, { lines, room, shown });
    this.#past = new Past(ask);
    this.text = element("span");
    this.trouble = element("span", "quiet");
    this.back = element("button", "button other", "Back to live");
    this.back.type = "button";
    this.back.hidden = Boolean(shown.always);
    this.back.addEventListener("click", () => {
      shown.goLive();
      this.#end();
    });
    this.element = element("p", "as-it-was", element("span", "", this.text, " ", this.trouble), this.back);
    this.element.hidden = true;
    if (shown.always) this.#begin();
    setInterval(() => this.#tick(), EVERY);
  }

  /** Something happens live meanwhile: `fresh` if all that was said before is told anew. */
  put(changes, fresh = false) {
    if (fresh) {
      this.#meanwhile = [];
      this.#past.forget(); // what was taken back while nobody heard of it is gone from there, too
    }
    for (const { line, gone } of changes) {
      if (gone) {
        this.#past.take(gone);
        this.#meanwhile = this.#meanwhile.filter((each) => each.note || !gone(each));
        if (!fresh) this.lines.put([{ gone }]);
      }
      if (line) this.#meanwhile.push(line);
    }
    if (this.#meanwhile.length > MOST) this.#meanwhile.splice(0, this.#meanwhile.length - MOST);
  }

  #tick() {
    const moment = this.shown.moment();
    if (moment === null) {
      if (this.active && !this.shown.always) this.#end();
      return;
    }
    if (!this.active) this.#begin();
    const told = this.#past.at(moment, this.shown.now());
    this.#say(moment);
    if (!told) return;
    if (told.again) this.lines.clear();
    if (told.events.length) this.lines.put(told.events.map((event) => ({ line: lineOf(event, this.room.login) })));
  }

  #say(moment) {
    const today = new Date(moment).toDateString() === new Date(this.shown.now()).toDateString();
    write(this.text, `Chat as it was at ${today ? TODAY.format(moment) : inWords(moment)}`);
    pill(this.trouble, this.#past.away ? "What was said then cannot be reached. Trying again…" : "");
  }

  #begin() {
    this.active = true;
    this.#meanwhile = this.lines.current();
    this.lines.clear();
    if (this.shown.always) write(this.text, "Chat as it was");
    this.element.hidden = false;
    this.dispatchEvent(new Event("change"));
  }

  #end() {
    if (!this.active) return;
    this.active = false;
    this.#past.forget();
    this.lines.clear();
    this.lines.put(this.#meanwhile.splice(0).map((line) => ({ line })));
    this.element.hidden = true;
    this.dispatchEvent(new Event("change"));
  }
}
