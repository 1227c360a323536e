// The player: hls.js loads and repairs, `steering.js` keeps it close to the broadcaster.

import Hls from "./vendor/hls.min.mjs";
import { Steering } from "./steering.js";

const SAMPLE_EVERY = 50; // milliseconds
const STUCK_AFTER = 4; // seconds without progress before a reload
const START_WITHIN = 10; // seconds to the first frame before a reload
const APPROACH_WITHIN = 1.5; // seconds to buffer up to the edge before the start counts as done
const RETRY_DELAYS = [0.3, 0.5, 1, 2, 4]; // seconds

const HLS_CONFIG = {
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
 * Plays one live stream in a video element.
 *
 * Events: `change` (what the controls show may differ), `fatal` (detail: why), `stuck` (no progress
 * for some seconds although it should play: whoever knows that the stream is on loads it again).
 */
export class Player extends EventTarget {
  /** @param {HTMLVideoElement} video @param {{now?: () => number}} options */
  constructor(video, { now = () => Date.now() } = {}) {
    super();
    this.video = video;
    this.now = now;
    this.url = null;
    this.hls = null;
    this.steering = null;
    this.following = true; // keeps to the live edge; false after the viewer paused
    this.stalls = 0;
    this.failures = 0;
    this.firstFrameAfter = null;
    this.parts = [];
    this.#listen();
    this.timer = setInterval(() => this.#tick(), SAMPLE_EVERY);
  }

  /** Start playing the playlist at `url` at its live edge. */
  load(url) {
    this.unload();
    this.url = url;
    this.startedAt = performance.now();
    this.firstFrameAfter = null;
    this.progressedAt = performance.now();
    if (means(this.video) === "native") {
      this.video.src = url;
    } else {
      this.#attach(url);
    }
    this.video.requestVideoFrameCallback?.(() => {
      this.firstFrameAfter = (performance.now() - this.startedAt) / 1000;
      this.failures = 0;
      this.#changed();
    });
    void this.play();
  }

  /** Stop loading and forget the stream. */
  unload() {
    clearTimeout(this.retry);
    this.hls?.destroy();
    this.hls = null;
    this.steering = null;
    this.url = null;
    this.parts = [];
    this.started = false;
    this.placed = false;
    this.approached = false;
    this.stalledAt = null;
    this.video.playbackRate = 1;
    if (this.video.src) {
      this.video.removeAttribute("src");
      this.video.load();
    }
  }

  /** Unload, and stop for good. */
  destroy() {
    clearInterval(this.timer);
    this.unload();
  }

  /** Play; without sound where the browser allows no other start. */
  async play() {
    this.wanted = true;
    try {
      await this.video.play();
    } catch (error) {
      if (error.name !== "NotAllowedError") return; // a load in between aborts it: see `canplay`
      if (this.video.muted) return;
      this.video.muted = true;
      this.mutedByBrowser = true;
      await this.video.play().catch(() => {});
    } finally {
      this.#changed();
    }
  }

  /** Play at the live edge again. */
  goLive() {
    this.following = true;
    const ahead = this.#ahead();
    const target = this.steering?.target ?? 0.5;
    if (ahead > target + 0.3) this.#jump(ahead - target);
    void this.play();
  }

  /** Pause; from then on the viewer is behind, and stays there until `goLive`. */
  pause() {
    this.following = false;
    this.wanted = false;
    this.video.pause();
  }

  /** Whether the viewer watches what happens now. */
  get live() {
    return this.following && !this.video.paused;
  }

  /** Whether frames arrived lately. */
  get stuckFor() {
    return this.url ? (performance.now() - this.progressedAt) / 1000 : 0;
  }

  /** Seconds from the publisher's frame to this one; null while unknown. */
  get latency() {
    const shown = this.hls?.playingDate;
    return shown ? Math.max(0, (this.now() - shown.getTime()) / 1000) : null;
  }

  /** What is shown about quality. */
  get stats() {
    const quality = this.video.getVideoPlaybackQuality?.();
    const bytes = this.parts.reduce((sum, part) => sum + part.bytes, 0);
    const seconds = this.parts.reduce((sum, part) => sum + part.seconds, 0);
    return {
      latency: this.latency,
      width: this.video.videoWidth,
      height: this.video.videoHeight,
      bitrate: seconds > 0 ? (bytes * 8) / seconds : null,
      frames: quality?.totalVideoFrames ?? 0,
      dropped: quality?.droppedVideoFrames ?? 0,
      buffer: this.#ahead(),
      target: this.steering?.target ?? null,
      rate: this.video.playbackRate,
      stalls: this.stalls,
      firstFrameAfter: this.firstFrameAfter,
    };
  }

  #attach(url) {
    const hls = new Hls(HLS_CONFIG);
    this.hls = hls;
    hls.on(Hls.Events.ERROR, (_event, data) => this.#failed(hls, data));
    hls.on(Hls.Events.LEVEL_LOADED, (_event, { details }) => this.#learn(hls, details));
    hls.on(Hls.Events.FRAG_BUFFERED, (_event, { frag, part, stats }) => {
      if (!this.placed) this.#place();
      const seconds = (part ?? frag).duration;
      if (frag.type !== "main" || !(seconds > 0)) return;
      this.parts.push({ bytes: stats.loaded, seconds });
      while (this.parts.length > 60) this.parts.shift();
    });
    hls.loadSource(url);
    hls.attachMedia(this.video);
  }

  /** The playlist says how long parts are: only then can we say how close to the edge to start. */
  #learn(hls, details) {
    if (this.steering || !details.live) return;
    const part = details.partTarget || details.targetduration;
    this.steering = new Steering(part, { ceiling: Math.max(3, 3 * part) });
    hls.targetLatency = this.steering.target;
  }

  #listen() {
    const { video } = this;
    video.addEventListener("waiting", () => {
      if (this.started && !video.seeking) this.stalledAt = performance.now();
    });
    video.addEventListener("playing", () => {
      this.started = true;
      this.#recovered();
      this.#changed();
    });
    video.addEventListener("canplay", () => {
      if (this.wanted && video.paused) void this.play();
    });
    video.addEventListener("pause", () => {
      // By the viewer, through a key of the machine or a headset; a load pauses too, but empties.
      if (video.readyState > 0 && this.started) this.wanted = this.following = false;
    });
    for (const name of ["pause", "volumechange", "resize"]) {
      video.addEventListener(name, () => this.#changed());
    }
    document.addEventListener("visibilitychange", () => {
      // A hidden page is throttled and falls behind: catch up in one step when it is seen again.
      if (!document.hidden && this.following && this.url) this.goLive();
    });
  }

  #recovered() {
    if (this.stalledAt === null) return;
    this.stalledAt = null;
    this.stalls += 1;
    this.steering?.stalled(performance.now() / 1000);
  }

  #tick() {
    const { video } = this;
    const now = performance.now();
    if (video.currentTime !== this.lastTime) this.progressedAt = now;
    this.lastTime = video.currentTime;
    if (this.wanted && this.stuckFor > (this.started ? STUCK_AFTER : START_WITHIN)) {
      this.progressedAt = now;
      this.dispatchEvent(new CustomEvent("stuck"));
    }
    if (!this.hls || video.paused || video.seeking || !this.started) return;
    if (!this.approached) this.#approach();
    if (!this.approached || this.stalledAt !== null || !this.following || !this.steering) return;
    const { rate, jump } = this.steering.step(now / 1000, this.#ahead());
    if (jump) this.#jump(jump);
    if (video.playbackRate !== rate) video.playbackRate = rate;
  }

  /** The first part is there: show its key frame now, not when hls.js next looks. */
  #place() {
    const { buffered, currentTime } = this.video;
    if (buffered.length === 0) return;
    this.placed = true;
    if (currentTime < buffered.start(0)) this.video.currentTime = buffered.start(0);
  }

  /** The first frame is shown: go on to the edge, once, as soon as what leads there has come. */
  #approach() {
    if (!this.steering) return;
    const { part, target } = this.steering;
    const edge = this.hls.latestLevelDetails?.edge ?? 0;
    const missing = edge - this.video.currentTime - this.#ahead();
    const waited = (performance.now() - this.startedAt) / 1000 > APPROACH_WITHIN;
    if (missing > 1.5 * part && !waited) return;
    this.approached = true;
    const excess = this.#ahead() - target;
    if (excess > part) this.#jump(excess);
  }

  #jump(seconds) {
    this.video.currentTime += seconds;
    this.steering?.moved();
  }

  /** Seconds buffered in front of the playhead. */
  #ahead() {
    const { buffered, currentTime } = this.video;
    for (let n = buffered.length - 1; n >= 0; n -= 1) {
      if (buffered.start(n) <= currentTime + 0.1 && buffered.end(n) >= currentTime) {
        return buffered.end(n) - currentTime;
      }
    }
    return 0;
  }

  #failed(hls, data) {
    if (!data.fatal || hls !== this.hls) return;
    const recent = performance.now() - (this.mediaErrorAt ?? -Infinity) < 5000;
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR && !recent) {
      this.mediaErrorAt = performance.now();
      hls.recoverMediaError();
      void this.play();
      return;
    }
    const delay = RETRY_DELAYS[Math.min(this.failures, RETRY_DELAYS.length - 1)];
    this.failures += 1;
    this.dispatchEvent(new CustomEvent("fatal", { detail: data.details }));
    const { url } = this;
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.url === url && this.load(url), delay * 1000);
  }

  #changed() {
    this.dispatchEvent(new CustomEvent("change"));
  }
}
