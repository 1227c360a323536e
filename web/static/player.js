// The player: `source.js` brings the media, `playhead.js` keeps it close to the broadcaster.

import { AUDIO_ONLY } from "./choosing.js";
import { Playhead } from "./playhead.js";
import { means, retryDelay, Source } from "./source.js";

const SAMPLE_EVERY = 50; // milliseconds
const STUCK_AFTER = 4; // seconds without progress before a reload
const START_WITHIN = 10; // seconds to the first frame before a reload

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
    this.playhead = new Playhead(video);
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
    this.firstFrameAfter = null;
    this.progressedAt = performance.now();
    if (means(this.video) === "native") {
      this.video.src = url;
    } else {
      this.#attach(url);
    }
    this.video.requestVideoFrameCallback?.(() => {
      this.firstFrameAfter = this.#waited;
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
    this.url = null;
    this.started = false;
    this.playhead.begin();
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
    this.playhead.goLive(this.source?.edge ?? 0);
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
    this.source.ladder.wish = wish;
    // hls.js leaves what has no picture out of its choice: the sound alone is another thing to load.
    if ((wish === AUDIO_ONLY) !== this.soundAlone) this.load(this.url);
    this.#changed();
  }

  /** What the viewer chose, what plays, and what there is to choose from. */
  get quality() {
    const ladder = this.source?.ladder;
    const current = this.soundAlone ? AUDIO_ONLY : (ladder?.current ?? null);
    const choices = ladder?.rungs.choices ?? [];
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

  /** What keeps playback close to the edge; null before the first part. */
  get steering() {
    return this.playhead.steering;
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
      buffer: this.playhead.ahead,
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
    source.addEventListener("replaced", () => this.playhead.jump(0));
    source.addEventListener("details", ({ detail }) => this.#learn(detail.part));
    source.addEventListener("buffered", () => {
      this.playhead.place();
      if (this.following) this.playhead.resume();
    });
    source.addEventListener("recovering", () => void this.play());
    source.addEventListener("lost", ({ detail }) => this.#retry(detail.why));
  }

  /** The picture's place, in pixels of the screen. */
  #box() {
    const { clientWidth, clientHeight } = this.video;
    return { width: clientWidth * devicePixelRatio, height: clientHeight * devicePixelRatio };
  }

  #learn(part) {
    if (this.steering) return;
    this.playhead.learn(part);
    this.source.distance = this.steering.target;
  }

  #listen() {
    const { video } = this;
    video.addEventListener("waiting", () => {
      if (this.started && !video.seeking) this.playhead.ranDry();
    });
    video.addEventListener("playing", () => {
      this.started = true;
      if (this.soundAlone) this.firstFrameAfter ??= this.#waited;
      if (this.playhead.plays()) this.stalls += 1;
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

  /** Seconds since the stream was asked for. */
  get #waited() {
    return (performance.now() - this.playhead.beganAt) / 1000;
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
    this.source.ladder.step(this.playhead.ahead);
    if (this.following) this.playhead.keep(this.source.edge);
    else this.playhead.approach(this.source.edge);
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
