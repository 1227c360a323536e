// Which rendition to play: what the viewer asked for, what the connection carries, what the picture
// has room for. Pure.

/** Name of what the publisher sent. */
export const SOURCE = "source";
/** Name of the sound alone. */
export const AUDIO_ONLY = "audio_only";

/** Shares, factors and seconds; see where they are used. */
export const CHOOSING = Object.freeze({
  up: 0.7, // of what the connection carries: what a larger rendition may take
  stay: 0.9, // and the one that plays, or a smaller
  larger: 1.7, // how many times its place a picture may be as wide
  recent: 1.5,
  window: 6,
  round: 30,
  fewest: 4, // samples without which nothing is known
  avoid: 4, // for what failed once
  avoidMost: 60,
  forgivenAfter: 30,
});

/**
 * A rendition: `bits` a second on average; `there`: whether it can be played now.
 * @typedef {{name: string, width: number, height: number, rate: number, bits: number, there: boolean}} Rendition
 */

/**
 * What the connection carries, as parts tell it. A part is asked for when it is there already, so
 * what it takes is a trip and its transfer: the shortest trip of late is taken off. That leaves much
 * of the noise in small parts, so that the estimate errs on the low side.
 */
export class Bandwidth {
  constructor(tuning = CHOOSING) {
    this.tuning = tuning;
    this.samples = [];
    this.trips = [];
  }

  /** A part came: `waited` for its first byte, `took` until its last, in seconds. */
  take(now, bytes, waited, took) {
    this.samples.push({ now, bits: bytes * 8, took });
    this.trips.push({ now, waited });
    this.samples = this.samples.filter((sample) => sample.now > now - this.tuning.window);
    this.trips = this.trips.filter((trip) => trip.now > now - this.tuning.round);
  }

  /** Bits per second, or null while too little is known. */
  estimate(now) {
    const { fewest, recent, window } = this.tuning;
    if (this.samples.length < fewest) return null;
    return Math.min(this.#over(now - recent) ?? Infinity, this.#over(now - window) ?? Infinity);
  }

  #over(since) {
    const samples = this.samples.filter((sample) => sample.now > since);
    if (samples.length === 0) return null;
    const trip = Math.min(...this.trips.map(({ waited }) => waited));
    const bits = samples.reduce((sum, sample) => sum + sample.bits, 0);
    const took = samples.reduce((sum, sample) => sum + Math.max(0.001, sample.took - trip), 0);
    return bits / took;
  }
}

/** Renditions that failed: left alone for a while, each time for twice as long. */
export class Avoided {
  constructor(tuning = CHOOSING) {
    this.tuning = tuning;
    this.known = new Map(); // name → {until, times}
  }

  failed(name, now) {
    const { avoid, avoidMost } = this.tuning;
    const times = this.known.get(name)?.times ?? 0;
    this.known.set(name, { until: now + Math.min(avoidMost, avoid * 2 ** times), times: times + 1 });
  }

  has(name, now) {
    return (this.known.get(name)?.until ?? 0) > now;
  }

  /** It has played since `since`: after a while it counts as if it had never failed. */
  played(name, since, now) {
    if (!this.has(name, now) && now - since > this.tuning.forgivenAfter) this.known.delete(name);
  }
}

/**
 * The best of `rungs`, smallest first, for a connection and a box, `{width, height}` in pixels of the
 * screen. What plays now (`current`, a name) is let go of a little later than it would be chosen.
 */
export function best(rungs, { estimate, current, box }, tuning = CHOOSING) {
  const there = rungs.filter((rung) => rung.there);
  if (there.length === 0) return current;
  const fitting = within(there, box, tuning.larger);
  const now = rungs.findIndex(({ name }) => name === current);
  if (estimate === null) {
    if (there.some(({ name }) => name === current)) return current;
    const lower = there.filter((rung) => rungs.indexOf(rung) < now);
    return (lower.at(-1) ?? there.at(-1)).name;
  }
  const carried = fitting.filter((rung) => {
    const share = rungs.indexOf(rung) > now ? tuning.up : tuning.stay;
    return rung.bits <= estimate * share;
  });
  return (carried.at(-1) ?? there[0]).name;
}

/** Without those much larger than the box, while something that fills it is left. */
function within(rungs, box, larger) {
  const fills = (rung, factor) => rung.width >= box.width * factor || rung.height >= box.height * factor;
  const enough = rungs.findIndex((rung) => fills(rung, 1));
  return rungs.filter((rung, index) => index <= enough || enough < 0 || !fills(rung, larger));
}

/** Short side and rate of a label or name such as `720p60`; null for any other. */
export function parsed(label) {
  const found = /^(\d+)p(\d+)$/.exec(label ?? "");
  return found && { side: Number(found[1]), rate: Number(found[2]) };
}

/** What a rendition is called: its short side and rate, as in `720p60`. */
export function label({ width, height, rate }) {
  return `${Math.min(width, height)}p${Math.round(rate || 0) || ""}`;
}

/**
 * The rendition that stands for a wish, a label or `source`: itself, or the next smaller that is there;
 * null where there is no wish, or none so small.
 */
export function granted(wish, rungs) {
  const there = rungs.filter((rung) => rung.there);
  if (wish === SOURCE) return there.some(({ name }) => name === SOURCE) ? SOURCE : null;
  const wanted = parsed(wish);
  if (!wanted) return null;
  const small = there.filter((rung) => {
    const is = parsed(label(rung)) ?? { side: 0, rate: 0 };
    return is.side < wanted.side || (is.side === wanted.side && is.rate <= wanted.rate);
  });
  return small.at(-1)?.name ?? null;
}
