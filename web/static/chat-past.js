// What was said around a moment of the past: asked for in windows before it is needed, told in its time.

const BEFORE = 120_000; // milliseconds before the moment that one begins with
const AHEAD = 20_000; // what is asked for before it is needed
const WINDOW = { shortest: 5000, longest: 60_000 }; // milliseconds
const WANTED = 300; // messages of a window
const SETTLED = 4000; // milliseconds until all that was said can be read
const PAGES = 10; // of a window at most; what was said before those is left out
const KEPT = 200; // messages that are told when one begins, as many as a page has lines
const BACKWARDS = 500; // milliseconds; less is no step back
const AGAIN_AFTER = 2000; // milliseconds after an answer that did not come

/** A message of the API as the edge tells it: an event. */
export function eventOf({ sent_at: at, kind, reply, ...message }) {
  return {
    ...message,
    kind: "MessageSent",
    at: Date.parse(at) * 1000,
    style: kind,
    reply_to: reply?.message_id ?? "",
    reply_login: reply?.login ?? "",
    reply_display_name: reply?.display_name ?? "",
    reply_text: reply?.text ?? "",
  };
}

export class Past {
  /** Whether what was said then cannot be reached. */
  away = false;
  #events = []; // from `#from` to `#to`, oldest first
  #from = null;
  #to = null;
  #told = null;
  #window = WINDOW.shortest;
  #asking = null;
  #notBefore = 0;

  /** `ask({from, to, cursor})` answers `{data, cursor}`, newest first; moments are milliseconds. */
  constructor(ask) {
    this.ask = ask;
  }

  /** Begin anew. */
  forget() {
    Object.assign(this, { away: false });
    this.#events = [];
    this.#from = this.#to = this.#told = this.#asking = null;
    this.#window = WINDOW.shortest;
    this.#notBefore = 0;
  }

  /**
   * What is to be told at a moment, `{again, events}`; `again`: instead of all that was told before.
   * Null while nothing is known about it. `now` is a clock, of the same milliseconds.
   */
  at(moment, now) {
    if (this.#from !== null && (moment < this.#from || moment > this.#to + AHEAD)) this.forget();
    this.#readAhead(moment, now);
    if (this.#to === null) return null;
    const again = this.#told === null || moment < this.#told - BACKWARDS;
    const after = again ? -Infinity : this.#told;
    const until = Math.min(moment, this.#to);
    if (!again && until <= after) return { again, events: [] };
    const events = this.#events.filter(({ at }) => at > after * 1000 && at <= until * 1000);
    this.#told = until;
    return { again, events: events.slice(-KEPT) };
  }

  /** Forget what was taken back meanwhile: `gone` says it of a line (`Room.take`). */
  take(gone) {
    this.#events = this.#events.filter(({ message_id: id, user_id: userId }) => !gone({ id, userId }));
  }

  #readAhead(moment, now) {
    if (this.#asking || now < this.#notBefore) return;
    const from = this.#to ?? moment - BEFORE;
    const to = Math.min((this.#to ?? moment) + this.#window, now - SETTLED);
    if ((this.#to !== null && this.#to - moment > AHEAD) || to <= from) return;
    void this.#read(from, to, now);
  }

  async #read(from, to, now) {
    const asking = (this.#asking = {});
    try {
      const found = await this.#all(from, to);
      if (this.#asking !== asking) return;
      this.#add(found, from, to);
      this.away = false;
    } catch {
      if (this.#asking !== asking) return;
      this.away = true;
      this.#notBefore = now + AGAIN_AFTER;
    }
    this.#asking = null;
  }

  async #all(from, to) {
    const found = [];
    for (let page = 0, cursor = null; page < PAGES; page += 1) {
      const answer = await this.ask({ from, to, cursor });
      found.push(...answer.data);
      cursor = answer.cursor;
      if (!cursor) break;
    }
    return found.map(eventOf).reverse();
  }

  #add(found, from, to) {
    const known = new Set(this.#events.slice(-KEPT).map(({ message_id: id }) => id));
    this.#from ??= from;
    // Enough to go back some steps without asking again.
    if (to - this.#from > 2 * BEFORE) this.#from = to - 2 * BEFORE;
    this.#events = [...this.#events, ...found.filter(({ message_id: id }) => !known.has(id))].filter(({ at }) => at >= this.#from * 1000);
    this.#to = to;
    const fits = ((to - from) * WANTED) / Math.max(1, found.length);
    this.#window = Math.min(WINDOW.longest, Math.max(WINDOW.shortest, fits));
  }
}
