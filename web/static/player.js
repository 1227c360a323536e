// The player: `source.js` brings the media, `steering.js` keeps it close to the broadcaster.

import { AUDIO_ONLY } from "./choosing.js";
import { means, retryDelay, Source } from "./source.js";
import { Steering } from "./steering.js";

const SAMPLE_EVERY = 50; // milliseconds
const STUCK_AFTER = 4; // seconds without progress before a reload
const START_WITHIN = 10; // seconds to the first frame before a reload
const APPROACH_WITHIN = 1.5; // seconds to buffer up to the edge before the start counts as done
const FAR = 2; // seconds from what is buffered to the edge that are no mere delay
const RESUME_WITH = 0.25; // seconds buffered that Chromium needs to play on after a seek
const RESUME_AGAIN = 1000; // milliseconds for a seek to take effect before another

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
    this.source = null;
    this.steering = null;
    this.wish = null; // the rendition that the viewer wants: a label or `source`; null: by bandwidth
    this.following = true; // keeps to the live edge; false after the viewer paused
    this.stalls = 0;
    this.failures = 0;
    this.soundAlone = false; // whether `audio_only` is what is loaded
    this.soundFailed = false; // it was not there
    this.firstFrameAfter = null;
    this.#listen();
    this.timer = setInterval(() => this.#tick(), SAMPLE_EVERY);
  }

  /** Start playing the playlist at `url` at its live edge. */
  load(url) {
    this.unload();
    this.url = url;
    this.soundAlone = this.wish === AUDIO_ONLY && !this.soundFailed;
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
    const loaded = this.url !== null;
    clearTimeout(this.retry);
    this.source?.close();
    this.source = null;
    this.steering = null;
    this.url = null;
    this.started = false;
    this.placed = false;
    this.approached = false;
    this.stalledAt = null;
    this.video.playbackRate = 1;
    if (loaded && this.video.src) {
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
    const target = this.steering?.target ?? 0.5;
    const [buffered, edge] = [this.#ahead(), (this.source?.edge ?? 0) - this.video.currentTime];
    const ahead = edge > buffered + FAR ? edge : buffered; // who went back has a hole before them
    if (ahead > target + 0.3) this.#jump(ahead - target);
    void this.play();
  }

  /** Pause; from then on the viewer is behind, and stays there until `goLive`. */
  pause() {
    this.following = false;
    this.wanted = false;
    this.video.pause();
  }

  /** Play the rendition of that label, `source`, `audio_only`, or with null what the connection carries. */
  wishFor(wish) {
    this.wish = wish;
    this.soundFailed = false;
    if (!this.source) return;
    // hls.js leaves what has no picture out of its choice: the sound alone is another thing to load.
    const other = (wish === AUDIO_ONLY) !== this.soundAlone || this.source.ladder.misses(wish);
    this.source.ladder.wish = wish;
    if (other) this.load(this.url);
    this.#changed();
  }

  /** What the viewer chose, what plays, and what there is to choose from. */
  get quality() {
    const ladder = this.source?.ladder;
    const current = this.soundAlone ? AUDIO_ONLY : (ladder?.current ?? null);
    const choices = ladder?.choices ?? [];
    if (this.soundAlone && !choices.some(({ name }) => name === AUDIO_ONLY)) {
      choices.push({ name: AUDIO_ONLY, label: AUDIO_ONLY, there: true });
    }
    return { wish: this.wish, current, choices };
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
    const shown = this.source?.playingDate;
    return shown ? Math.max(0, (this.now() - shown.getTime()) / 1000) : null;
  }

  /** What is shown about quality. */
  get stats() {
    const quality = this.video.getVideoPlaybackQuality?.();
    return {
      latency: this.latency,
      width: this.video.videoWidth,
      height: this.video.videoHeight,
      bitrate: this.source?.bitrate ?? null,
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
    const address = this.soundAlone ? new URL(`${AUDIO_ONLY}.m3u8`, url).href : `${url}?rungs=all`;
    const source = new Source(this.video, address, { wish: this.wish, box: () => this.#box() });
    this.source = source;
    source.addEventListener("choice", () => this.#changed());
    source.addEventListener("replaced", () => this.#jump(0));
    source.addEventListener("details", ({ detail }) => this.#learn(detail.part));
    source.addEventListener("buffered", () => {
      this.#place();
      this.#resume();
    });
    source.addEventListener("recovering", () => void this.play());
    source.addEventListener("lost", ({ detail }) => this.#retry(detail.why));
  }

  /** The picture's place, in pixels of the screen. */
  #box() {
    const { clientWidth, clientHeight } = this.video;
    return { width: clientWidth * devicePixelRatio, height: clientHeight * devicePixelRatio };
  }

  /** Only with the length of parts can we say how close to the edge to start. */
  #learn(part) {
    if (this.steering) return;
    this.steering = new Steering(part, { ceiling: Math.max(3, 3 * part) });
    this.source.distance = this.steering.target;
  }

  #listen() {
    const { video } = this;
    video.addEventListener("waiting", () => {
      if (!this.started || video.seeking) return;
      this.stalledAt = performance.now();
      this.resumedAt = -Infinity;
    });
    video.addEventListener("playing", () => {
      this.started = true;
      if (this.soundAlone) this.firstFrameAfter ??= (performance.now() - this.startedAt) / 1000;
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
    // It broke anyway: with what has come since, there may be a smaller picture that does not.
    if (this.source?.ladder.unknown.length) return this.load(this.url);
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
    if (!this.source || video.paused || video.seeking || !this.started) return;
    this.source.ladder.step(this.#ahead());
    if (!this.approached) this.#approach();
    if (this.stalledAt !== null) return this.#resume();
    if (!this.approached || !this.following || !this.steering) return;
    const { rate, jump } = this.steering.step(now / 1000, this.#ahead());
    if (jump) this.#jump(jump);
    if (video.playbackRate !== rate) video.playbackRate = rate;
  }

  /** The first part is there: show its key frame now, not when hls.js next looks. */
  #place() {
    const { buffered, currentTime } = this.video;
    if (this.placed || buffered.length === 0) return;
    this.placed = true;
    if (currentTime < buffered.start(0)) this.video.currentTime = buffered.start(0);
  }

  /** The first frame is shown: go on to the edge, once, as soon as what leads there has come. */
  #approach() {
    if (!this.steering) return;
    const { part, target } = this.steering;
    const missing = this.source.edge - this.video.currentTime - this.#ahead();
    const waited = (performance.now() - this.startedAt) / 1000 > APPROACH_WITHIN;
    if (missing > 1.5 * part && !waited) return;
    this.approached = true;
    const excess = this.#ahead() - target;
    if (excess > part) this.#jump(excess);
  }

  /**
   * The buffer ran dry: play on as soon as that is possible. Left alone, Chromium waits for twice as
   * much sound as the last time (0.2 s, 0.4 s … 3 s); a seek, even to where it is, begins anew.
   */
  #resume() {
    const { video, steering } = this;
    if (this.stalledAt === null || !steering || !this.following || video.seeking) return;
    const now = performance.now();
    const excess = this.#ahead() - Math.max(steering.target, RESUME_WITH);
    if (this.#ahead() < RESUME_WITH || now - this.resumedAt < RESUME_AGAIN) return;
    this.resumedAt = now;
    this.#jump(Math.max(0, excess));
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

  #retry(why) {
    if (this.soundAlone) this.soundFailed = true; // the picture has sound, too
    const delay = retryDelay(this.failures);
    this.failures += 1;
    this.dispatchEvent(new CustomEvent("fatal", { detail: why }));
    const { url } = this;
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.url === url && this.load(url), delay * 1000);
  }

  #changed() {
    this.dispatchEvent(new CustomEvent("change"));
  }
}
