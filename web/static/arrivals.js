// Renditions that came after the multivariant playlist was read, which hls.js does but once: it is
// read again when one is reported that nobody knows, and only then.

const AGAIN = 1; // seconds after which it is asked again for what it did not name
const AGAIN_MOST = 30; // each time twice as many, up to these: this browser may not play what came

export class Arrivals {
  /**
   * @param {() => Promise<{uri: string}[]>} list what the multivariant playlist lists now
   * @param {(levels: {uri: string}[]) => void} learn take it
   */
  constructor(list, learn) {
    this.list = list;
    this.learn = learn;
    this.pause = AGAIN;
    this.askAt = -Infinity;
    this.asking = false;
  }

  /** Forget what was asked for. */
  close() {
    this.learn = () => {};
  }

  /** The names that are there and unknown at `now`, in seconds: mostly none. */
  hear(unknown, now) {
    if (unknown.length === 0) {
      this.pause = AGAIN;
      this.askAt = -Infinity;
    } else if (!this.asking && now >= this.askAt) {
      this.askAt = now + this.pause;
      this.pause = Math.min(AGAIN_MOST, 2 * this.pause);
      void this.#ask();
    }
  }

  async #ask() {
    this.asking = true;
    const levels = await this.list().catch(() => []); // it is asked again
    this.asking = false;
    this.learn(levels);
  }
}
