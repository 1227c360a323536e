// What a page shows of a chat that is too fast to be read: a sample, and how large it is. Pure.

const MOST = 100; // messages a second that are shown of more
const STORM = 150; // from so many on
const CALM = 60; // below this, all of them are shown again
const SPAN = 1000; // milliseconds

export class Sample {
  /** One of so many messages is shown; 1: all are. */
  oneOf = 1;
  #since = null;
  #seen = 0;
  #turn = 0;

  /**
   * Whether to show a message that comes at `now` (milliseconds). What matters to the reader is always shown.
   */
  takes(matters, now) {
    this.tick(now);
    this.#seen += 1;
    if (matters || this.oneOf === 1) return true;
    this.#turn = (this.#turn + 1) % this.oneOf;
    return this.#turn === 0;
  }

  /** Time goes by, also when nothing comes. */
  tick(now) {
    this.#since ??= now;
    const passed = now - this.#since;
    if (passed < SPAN) return;
    const rate = (this.#seen * 1000) / passed;
    if (rate > STORM * this.oneOf) this.oneOf = Math.ceil(rate / MOST);
    else if (rate < CALM * this.oneOf) this.oneOf = rate > STORM ? Math.ceil(rate / MOST) : 1;
    this.#since = now;
    this.#seen = 0;
  }
}
