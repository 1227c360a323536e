// Where the player's media comes from: hls.js, as this platform sets it up, and what mends it.

import Hls from "hls.js";

import { Ladder } from "./ladder.js";
import { SteppingController } from "./stepping.js";

const REJOIN_WITH = 0.2; // seconds that Chromium has to have to play on after a seek
const RETRY_DELAYS = [0.3, 0.5, 1, 2, 4]; // seconds
const MEDIA_ERROR_AGAIN = 5000; // milliseconds within which a second one means to begin anew

/** Loads as hls.js does, except for what was asked for already. */
class EarlyLoader extends Hls.DefaultConfig.loader {
  /** @param {Promise<string | ArrayBuffer> | undefined} answer to what is to be loaded, if there is one */
  load(context, config, callbacks, answer) {
    if (!answer) return super.load(context, config, callbacks);
    const begun = performance.now();
    const given = (data) => {
      if (!this.stats) return; // destroyed in the meantime
      const { stats } = this;
      const end = performance.now();
      stats.loading = { start: begun, first: end, end };
      stats.loaded = stats.total = data.byteLength ?? data.length;
      this.context = context;
      callbacks.onSuccess({ url: context.url, data, code: 200 }, stats, context, null);
    };
    answer.then(given, () => this.stats && super.load(context, config, callbacks));
  }
}

const CONFIG = {
  streamController: SteppingController,
  lowLatencyMode: true,
  // fMP4 is only passed through: a worker would add a hop to every part, and to the start.
  enableWorker: false,
  startFragPrefetch: true,
  testBandwidth: false,
  // The first frame is that of the last key frame; we go on to the edge once it is buffered.
  startOnSegmentBoundary: true,
  backBufferLength: 30,
  // Steering is ours: no rate changes, no target raised behind our back.
  maxLiveSyncPlaybackRate: 1,
  liveSyncOnStallIncrease: 0,
  liveDurationInfinity: true,
};

/** Whether this browser can play at all, and by which means. */
export function means(video) {
  // Chromium says "maybe" to HLS but plays it badly: Media Source comes first.
  if (Hls.isSupported()) return "hls.js";
  return video.canPlayType("application/vnd.apple.mpegurl") ? "native" : "none";
}

/**
 * One live stream, from its playlist into a video element, through Media Source Extensions.
 *
 * Events: `details` (detail: {part}, seconds a part lasts), `buffered` (there is more to play),
 * `choice` (other renditions are there, or another plays), `replaced` (what plays was replaced where it
 * plays), `recovering` (the decoder failed, and is set up anew), `lost` (detail: {why}, beyond mending here:
 * load again).
 */
export class Source extends EventTarget {
  /**
   * @param {HTMLVideoElement} video
   * @param {string} url of the multivariant playlist
   * @param {{wish?: string | null, box: () => {width: number, height: number}}} choosing as `Ladder` has it
   */
  constructor(video, url, { wish = null, box }) {
    super();
    this.sizes = []; // bytes and seconds of the latest parts
    const heard = {
      changed: () => this.#tell("choice"),
      rejoin: (end) => this.#rejoin(video, end),
      list: () => listed(url),
    };
    const ladder = (hls) => (this.ladder = new Ladder(hls, { wish, box, ...heard }));
    const address = (context) => this.ladder.address(context);
    const answers = new Map();
    const take = (url) => {
      const answer = answers.get(url) ?? window.early?.take(url);
      answers.delete(url);
      return answer;
    };
    heard.fetchAll = (urls) => {
      answers.clear();
      for (const url of urls) {
        const answer = bytes(url);
        answer.catch(() => {}); // whoever takes it asks again
        answers.set(url, answer);
      }
    };
    this.hls = new Hls({
      ...CONFIG,
      loader: class extends EarlyLoader {
        load(context, config, callbacks) {
          context.url = address(context);
          super.load(context, config, callbacks, take(context.url));
        }
      },
      // Called with `new`, as a class would be.
      abrController: function (hls) {
        return ladder(hls);
      },
    });
    this.hls.on(Hls.Events.ERROR, (_event, data) => this.#failed(data));
    this.hls.on(Hls.Events.LEVEL_LOADED, (_event, { details }) => this.#learn(details));
    this.hls.on(Hls.Events.BUFFER_APPENDED, () => this.#tell("buffered"));
    this.hls.on(Hls.Events.FRAG_BUFFERED, (_event, buffered) => this.#weigh(buffered));
    this.hls.loadSource(url);
    this.hls.attachMedia(window.early?.media() ?? video);
  }

  /** Stop loading and let go of the video element. */
  close() {
    this.hls.destroy();
  }

  /** How far from the live edge, in seconds, hls.js is to begin. */
  set distance(seconds) {
    this.hls.targetLatency = seconds;
  }

  /** Media time of the live edge, as far as playlists have told. */
  get edge() {
    return this.hls.latestLevelDetails?.edge ?? 0;
  }

  /** When the frame that is shown was made; null while unknown. */
  get playingDate() {
    return this.hls.playingDate;
  }

  /** Bits per second of the latest parts; null while unknown. */
  get bitrate() {
    const bytes = this.sizes.reduce((sum, part) => sum + part.bytes, 0);
    const seconds = this.sizes.reduce((sum, part) => sum + part.seconds, 0);
    return seconds > 0 ? (bytes * 8) / seconds : null;
  }

  /** What plays was replaced from the start of its segment: decode it anew from there. */
  #rejoin(video, end) {
    if (end < video.currentTime + REJOIN_WITH) return false;
    this.#tell("replaced");
    return true;
  }

  #learn(details) {
    if (details.live) this.#tell("details", { part: details.partTarget || details.targetduration });
  }

  #weigh({ frag, part, stats }) {
    const seconds = (part ?? frag).duration;
    if (frag.type !== "main" || !(seconds > 0)) return;
    this.sizes.push({ bytes: stats.loaded, seconds });
    while (this.sizes.length > 60) this.sizes.shift();
  }

  #failed(data) {
    if (!data.fatal) return;
    const recent = performance.now() - (this.mediaErrorAt ?? -Infinity) < MEDIA_ERROR_AGAIN;
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR && !recent) {
      this.mediaErrorAt = performance.now();
      this.hls.recoverMediaError();
      this.#tell("recovering");
    } else {
      this.#tell("lost", { why: data.details });
    }
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** What a multivariant playlist lists, as hls.js reads it, without what this browser cannot play. */
function listed(url) {
  const hls = new Hls({ autoStartLoad: false, enableWorker: false });
  const found = new Promise((resolve, reject) => {
    hls.on(Hls.Events.MANIFEST_PARSED, (_event, { levels }) => resolve(levels));
    hls.on(Hls.Events.ERROR, (_event, { fatal, error }) => fatal && reject(error));
  });
  hls.loadSource(url);
  return found.finally(() => hls.destroy());
}

async function bytes(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.arrayBuffer();
}

/** Seconds to wait before load number `failures` (from 0) in a row. */
export function retryDelay(failures) {
  return RETRY_DELAYS[Math.min(failures, RETRY_DELAYS.length - 1)];
}
