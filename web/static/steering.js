// Latency steering: which playback rate, and when to seek, so that the picture stays as close to
// the broadcaster as this connection allows. Pure: a function of state, sample and time.
//
// Media arrives part by part, so the buffer rises by a part and drains in between. What keeps
// playback from stalling is its lowest point; what the viewer waits for is everything above. So we
// hold the lowest point of the last second at a small target. The target rises when it proves too
// small, and falls again when the connection is calm.

/** @typedef {{slowest: number, fastest: number, gain: number, deadBand: number, window: number,
 *   baseParts: number, startParts: number, ceiling: number, danger: number, seekBeyond: number,
 *   settleBeyond: number, settling: number, calm: number, decay: number, forget: number}} Tuning */

/** Seconds and factors; see `Steering.step` for what they do. @type {Readonly<Tuning>} */
export const TUNING = Object.freeze({
  slowest: 0.97,
  fastest: 1.08,
  gain: 0.4,
  deadBand: 0.02,
  window: 1.0,
  baseParts: 2.5,
  startParts: 3,
  ceiling: 3,
  danger: 0.12,
  seekBeyond: 1.0,
  settleBeyond: 0.45,
  settling: 3,
  calm: 5,
  decay: 15,
  forget: 300,
});

/** Decides rate and seek from samples of the buffer. All times in seconds. */
export class Steering {
  /** @param {number} part duration of a part @param {Partial<Tuning>} tuning */
  constructor(part, tuning = {}) {
    this.tuning = { ...TUNING, ...tuning };
    this.part = part;
    /** The lowest buffer that has not failed yet: the target falls no deeper. */
    this.floor = this.base;
    /** Where the buffer's lowest point is steered to. */
    this.target = part * this.tuning.startParts;
    this.samples = [];
    this.troubledAt = -Infinity;
    this.since = null;
    this.steppedAt = null;
    this.rate = 1;
  }

  /** The floor of a connection without any trouble. */
  get base() {
    return this.part * this.tuning.baseParts;
  }

  /** The buffer ran dry at `now`: what we aimed at was too little. */
  stalled(now) {
    const { ceiling } = this.tuning;
    this.floor = Math.min(ceiling, Math.max(this.floor, this.target) + this.part / 2);
    this.target = Math.min(ceiling, this.floor + this.part);
    this.troubledAt = now;
    this.samples = [];
  }

  /** Playback jumped, so what was sampled before says nothing any more. */
  moved() {
    this.samples = [];
  }

  /**
   * One sample of the buffer: `ahead` seconds are buffered in front of the playhead at `now`.
   * Returns the rate to play at, and by how much to jump forward (0: not at all).
   */
  step(now, ahead) {
    this.#remember(now, ahead);
    this.#adapt(now, ahead);
    const lowest = Math.min(...this.samples.map((sample) => sample.ahead));
    const excess = lowest - this.target;
    const jump = this.#settled(now) && excess > this.#patience(now) ? excess : 0;
    this.rate = jump ? 1 : this.#rateFor(excess);
    if (jump) this.moved();
    return { rate: this.rate, jump };
  }

  #remember(now, ahead) {
    this.samples.push({ now, ahead });
    while (this.samples[0].now < now - this.tuning.window) this.samples.shift();
  }

  /** Whether the samples cover enough time to see a lowest point. */
  #settled(now) {
    return now - this.samples[0].now >= Math.min(this.tuning.window, 4 * this.part) * 0.8;
  }

  /** How far off we may be before a jump: a small one hurts nobody right after the start. */
  #patience(now) {
    const { settling, settleBeyond, seekBeyond } = this.tuning;
    this.since ??= now;
    return now - this.since < settling ? settleBeyond : seekBeyond;
  }

  #adapt(now, ahead) {
    const { danger, calm, decay, forget } = this.tuning;
    const passed = this.steppedAt === null ? 0 : Math.max(0, now - this.steppedAt);
    this.steppedAt = now;
    if (ahead < danger && now - this.troubledAt > this.tuning.window) {
      this.target = Math.min(this.tuning.ceiling, this.target + this.part / 4);
      this.troubledAt = now;
    } else if (now - this.troubledAt > calm) {
      this.target = towards(this.target, this.floor, passed / decay);
      this.floor = towards(this.floor, this.base, passed / forget);
    }
  }

  #rateFor(excess) {
    const { deadBand, gain, slowest, fastest } = this.tuning;
    if (Math.abs(excess) <= deadBand) return 1;
    const beyond = excess - Math.sign(excess) * deadBand;
    const rate = Math.min(fastest, Math.max(slowest, 1 + gain * beyond));
    return Math.round(rate * 200) / 200;
  }
}

/** `value` moved towards `goal` by a share of the way that shrinks the rest exponentially. */
function towards(value, goal, share) {
  return goal + (value - goal) * Math.exp(-share);
}
