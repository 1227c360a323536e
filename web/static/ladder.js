// Steps between the renditions of a live stream, a fraction of a second before its edge: hls.js asks
// here which one to load next. It knows how to step anywhere, but with half a second in the buffer
// only one place does not show: between two segments. And only the playlist that plays tells which
// others can be played: it reports on them ten times a second.

import Hls from "hls.js";

import { Arrivals } from "./arrivals.js";
import { Avoided, Bandwidth, SOURCE, best, granted } from "./choosing.js";
import { Rungs, named } from "./rungs.js";

const DANGER = 0.15; // seconds buffered below which something has to be done
const UNEASY = 0.2; // and below which silence is one
const SILENT_PARTS = 2.5; // parts without news after which a rendition is thought to have stopped
const NEEDED = 0.1; // seconds to have left in the buffer after a step
const PATIENT = 2; // segments that a step is put off at most until there are
const STEP_WITHIN = 0.5; // seconds that a step may take
const LARGER_AFTER = 3; // seconds that the connection has to carry more before more is asked of it
const REFUGE = 2; // seconds that the source is played at least after another fell silent
const AGAIN = { action: 2, flags: 0 }; // to hls.js: go on with another rendition

/**
 * Decides which rendition is loaded (`abrController` of hls.js).
 *
 * `wish` is a label, `source`, or null: by bandwidth. `box()` is the picture's place in pixels of the
 * screen. `changed()` is called when what plays or what there is to choose from is different;
 * `rejoin(until)` when what plays was replaced in the middle of a segment, up to that media time;
 * `fetchAll(addresses)` before, with what hls.js will ask for one after the other. `list()` promises
 * what the multivariant playlist lists by now.
 */
export class Ladder {
  constructor(hls, { wish, box, changed, rejoin, fetchAll, list }) {
    this.hls = hls;
    this.wish = wish;
    this.box = box;
    this.changed = changed;
    this.rejoin = rejoin;
    this.fetchAll = fetchAll;
    this.bandwidth = new Bandwidth();
    this.rungs = new Rungs();
    this.arrivals = new Arrivals(list, (levels) => this.#add(levels));
    this.avoided = new Avoided();
    this.loading = false;
    this.last = null; // part that was loaded last
    this.opening = null; // first part to be asked for after a step
    this.ahead = 0;
    this.refugeUntil = -Infinity;
    this.#listen();
  }

  destroy() {
    this.arrivals.close();
    this.timings.disconnect();
    for (const [event, heard] of this.listeners) this.hls.off(event, heard);
  }

  // What hls.js asks for.

  get firstAutoLevel() {
    const wished = granted(this.wish, this.#there());
    return wished ? this.rungs.level(wished) : this.hls.firstLevel;
  }

  get nextAutoLevel() {
    const current = this.hls.loadLevel;
    if (current < 0 || this.#alone) return Math.max(0, current < 0 ? this.firstAutoLevel : current);
    const target = this.rungs.level(this.target);
    if (target === current) return current;
    return this.#urgent() || (this.#between() && this.#near()) ? target : current;
  }

  set nextAutoLevel(_level) {} // an opinion of hls.js after an error

  get forcedAutoLevel() {
    return -1;
  }

  resetEstimator() {}

  // What the player asks for.

  /** Name of the rendition that is loaded; null before the first. */
  get current() {
    return this.rungs.at(this.hls.loadLevel) ?? null;
  }

  /** Look again, with so many seconds in the buffer: what is lost here is not missed yet. */
  step(ahead) {
    this.ahead = ahead;
    if (this.#alone || this.hls.loadLevel < 0) return;
    const now = seconds();
    const patience = this.heardAt === this.steppedAt ? STEP_WITHIN : SILENT_PARTS * this.#part;
    const silent = !this.loading && now - this.heardAt > patience;
    if (silent && ahead < UNEASY && this.current !== SOURCE) this.#leave(this.current);
    this.#aim(now);
    if (this.#urgent() && this.current !== this.target) this.hls.nextLoadLevel = this.rungs.level(this.target);
  }

  /** Where the playlist of a rendition is to be asked for. */
  address(context) {
    const { opening } = this;
    if (context.type !== "level" || !opening || opening.level !== context.level) return context.url;
    this.opening = null;
    const url = new URL(context.url);
    // Not what there is now, but as soon as there is where to go on.
    url.searchParams.set("_HLS_msn", opening.msn);
    url.searchParams.set("_HLS_part", 0);
    return url.href;
  }

  // What is heard from hls.js.

  #listen() {
    const { Events } = Hls;
    this.listeners = [
      [Events.MANIFEST_PARSED, (_event, data) => this.#begin(data.levels)],
      [Events.LEVELS_UPDATED, (_event, data) => this.rungs.learn(data.levels)],
      [Events.LEVEL_SWITCHING, (_event, { level }) => this.#stepping(level)],
      [Events.LEVEL_LOADED, (_event, data) => this.#hear(data)],
      [Events.FRAG_LOADING, (_event, { frag }) => (this.loading ||= frag.type === "main")],
      [Events.FRAG_LOADED, (_event, data) => this.#loaded(data)],
      [Events.FRAG_LOAD_EMERGENCY_ABORTED, () => (this.loading = false)],
      [Events.FRAG_BUFFERED, (_event, data) => this.#buffered(data)],
      [Events.ERROR, (_event, data) => this.#failed(data)],
    ];
    for (const [event, heard] of this.listeners) this.hls.on(event, heard);
    this.timings = new PerformanceObserver((list) => list.getEntries().forEach((entry) => this.#weigh(entry)));
    this.timings.observe({ type: "resource" });
  }

  /** Of a part: when its bytes came, as the browser saw it, however busy the page was. */
  #weigh({ name, initiatorType, requestStart, responseStart, responseEnd, transferSize, encodedBodySize }) {
    if (!requestStart || !transferSize || !name.endsWith(".m4s")) return;
    if (initiatorType !== "xmlhttprequest") return; // several at once, of which none tells
    const took = (responseEnd - requestStart) / 1000;
    this.bandwidth.take(seconds(), encodedBodySize, (responseStart - requestStart) / 1000, took);
  }

  #begin(levels) {
    this.rungs.learn(levels);
    this.target = granted(this.wish, this.rungs.known) ?? this.rungs.at(this.hls.firstLevel);
  }

  /** Others came: behind those that hls.js knows, whose places stay. */
  #add(levels) {
    const fresh = levels.filter(({ uri }) => !this.rungs.find(named(uri)));
    if (fresh.length === 0) return;
    this.hls.trigger(Hls.Events.LEVELS_UPDATED, { levels: [...this.hls.levels, ...fresh] });
    this.changed();
  }

  #hear({ level, details }) {
    if (level !== this.hls.loadLevel) return;
    this.heardAt = seconds();
    this.details = details;
    if (this.replacing && !this.replacing.asked) this.#replace(details);
    const others = this.rungs.hear(this.current, details);
    this.arrivals.hear(this.rungs.unknown, this.heardAt);
    if (others) this.changed();
    this.#aim(this.heardAt);
  }

  /** With its first part the rest of the segment leaves the buffer: what follows has to be at hand. */
  #replace(details) {
    this.replacing.asked = true;
    const parts = (details.partList ?? []).filter(({ fragment }) => fragment.sn === this.last.sn);
    const first = parts[0]?.fragment.initSegment;
    this.fetchAll([...(first && !first.data ? [first.url] : []), ...parts.map(({ url }) => url)]);
  }

  #stepping(level) {
    this.heardAt = seconds();
    this.steppedAt = this.heardAt;
    this.patientSince = undefined;
    this.loading = false;
    this.replacing = null;
    if (this.last) {
      const between = this.#between();
      this.opening = between ? { level, msn: this.last.sn + 1 } : null;
      if (!between) this.replacing = { level };
    }
    this.changed();
  }

  #loaded({ frag, part }) {
    if (frag.type !== "main" || frag.sn === "initSegment") return;
    this.loading = false;
    this.last = { sn: frag.sn, part: part?.index ?? Infinity, level: frag.level, started: frag.start };
    this.#aim(seconds());
  }

  #buffered({ frag, part }) {
    if (!this.replacing || frag.type !== "main" || frag.level !== this.replacing.level) return;
    const end = (part ?? frag).end;
    if (this.rejoin(end)) this.replacing = null;
  }

  #failed(data) {
    if (data.fatal || !data.details.match(/^(level|frag)(Load|Empty|Parsing)/)) return;
    const level = data.context?.level ?? data.frag?.level;
    const name = this.rungs.at(level);
    if (!name || name === SOURCE || this.#alone) return;
    this.#leave(name);
    data.errorAction = { ...AGAIN, nextAutoLevel: this.rungs.level(this.target) };
    data.levelRetry = true;
  }

  // Decisions.

  #aim(now) {
    if (!this.current) return;
    this.avoided.played(this.current, this.steppedAt, now);
    const rungs = this.#there();
    const { current } = this;
    const estimate = this.bandwidth.estimate(now);
    if (now < this.refugeUntil && this.rungs.bits(SOURCE) < estimate) {
      // What is made of the source is made by one machine: where one fell silent, others will.
      this.target = SOURCE;
      return;
    }
    const wished = granted(this.wish, rungs);
    const found = wished ?? best(rungs, { estimate, current, box: this.box() });
    if (wished || !this.rungs.isLarger(found, current)) {
      this.largerSince = null;
      this.target = found;
      return;
    }
    this.largerSince ??= now;
    const left = !rungs.find(({ name }) => name === current)?.there;
    this.target = left || now - this.largerSince > LARGER_AFTER ? found : current;
  }

  /** A rendition failed: another, until some time has passed. */
  #leave(name) {
    const now = seconds();
    this.avoided.failed(name, now);
    this.refugeUntil = now + REFUGE;
    this.#aim(now);
    this.changed();
  }

  /** The renditions, those that failed lately as not there. */
  #there() {
    const now = seconds();
    return this.rungs.known.map((rung) => (this.avoided.has(rung.name, now) ? { ...rung, there: false } : rung));
  }

  /** Whether the next part to be loaded is the first of a segment, which decodes without what came before. */
  #between() {
    const { last, details } = this;
    if (!last || !details) return true;
    return details.endSN >= last.sn && !details.partList?.some(({ fragment, index }) => fragment.sn === last.sn && index > last.part);
  }

  /** Whether what is to be stepped to comes along closely enough that the buffer lasts. */
  #near() {
    const { details } = this;
    const report = this.rungs.reports.get(this.target);
    if (!report || !details?.partTarget || this.last?.sn >= this.patientSince + PATIENT) return true;
    const segment = Math.round((details.fragments.at(-1)?.duration ?? 0) / details.partTarget);
    const behind = (details.lastPartSn - report.msn) * segment + details.lastPartIndex - report.part;
    if (this.ahead - behind * details.partTarget > NEEDED) return true;
    this.patientSince ??= this.last?.sn;
    return false;
  }

  /** Whether waiting for the end of the segment costs more than to load its beginning again. */
  #urgent() {
    const { current, target } = this;
    const now = seconds();
    if (!current || current === target) return false;
    if (this.avoided.has(current, now)) return true;
    const estimate = this.bandwidth.estimate(now);
    if (estimate === null || this.ahead > DANGER || this.rungs.isLarger(target, current)) return false;
    const { elapsed, left } = this.#segment();
    const waiting = (left * this.rungs.bits(current)) / estimate - left;
    const again = (elapsed * this.rungs.bits(target)) / estimate;
    return waiting > this.ahead && again < waiting;
  }

  /** Seconds of the open segment that are loaded, and that are to come. */
  #segment() {
    const { last, details } = this;
    const whole = details?.fragments.at(-1)?.duration ?? 2;
    const elapsed = last && details?.partTarget ? Math.min(whole, (last.part + 1) * details.partTarget) : whole;
    return { elapsed, left: whole - elapsed };
  }

  get #alone() {
    return this.rungs.known.length < 2;
  }

  get #part() {
    return this.details?.partTarget || 0.1;
  }
}

const seconds = () => performance.now() / 1000;
