// Where in its buffer a live stream plays: from its first frame on, then close to the edge, and on
// again after the buffer ran dry. `steering.js` says how close.

import { Steering } from "./steering.js";

const APPROACH_WITHIN = 1.5; // seconds to buffer up to the edge before the start counts as done
const FAR = 2; // seconds from what is buffered to the edge that are no mere delay
const RESUME_WITH = 0.25; // seconds buffered that Chromium needs to play on after a seek
const RESUME_AGAIN = 1000; // milliseconds for a seek to take effect before another

/** Moves a video element's playhead. `edge` is the media time of the live edge, as far as it is known. */
export class Playhead {
  /** @param {HTMLVideoElement} video */
  constructor(video) {
    this.video = video;
    this.begin();
  }

  /** Another stream is loaded, or the same once more. */
  begin() {
    this.steering = null;
    this.beganAt = performance.now();
    this.placed = false;
    this.approached = false;
    this.dry = false;
    this.resumedAt = -Infinity;
    this.video.playbackRate = 1;
  }

  /** Only with the length of parts, in seconds, can we say how close to the edge to be. */
  learn(part) {
    this.steering = new Steering(part, { ceiling: Math.max(3, 3 * part) });
  }

  /** Seconds buffered in front of it. */
  get ahead() {
    const { buffered, currentTime } = this.video;
    for (let n = buffered.length - 1; n >= 0; n -= 1) {
      if (buffered.start(n) <= currentTime + 0.1 && buffered.end(n) >= currentTime) {
        return buffered.end(n) - currentTime;
      }
    }
    return 0;
  }

  /** The first part is there: show its key frame now, not when hls.js next looks. */
  place() {
    const { buffered, currentTime } = this.video;
    if (this.placed || buffered.length === 0) return;
    this.placed = true;
    if (currentTime < buffered.start(0)) this.video.currentTime = buffered.start(0);
  }

  /** Keep it where it should be: to be called often while the video plays and its viewer is live. */
  keep(edge) {
    this.approach(edge);
    if (this.dry) return this.resume();
    if (!this.approached || !this.steering) return;
    const { rate, jump } = this.steering.step(performance.now() / 1000, this.ahead);
    if (jump) this.jump(jump);
    if (this.video.playbackRate !== rate) this.video.playbackRate = rate;
  }

  /** The first frame is shown: go on to the edge, once, as soon as what leads there has come. */
  approach(edge) {
    if (this.approached || !this.steering) return;
    const { part, target } = this.steering;
    const missing = edge - this.video.currentTime - this.ahead;
    const waited = (performance.now() - this.beganAt) / 1000 > APPROACH_WITHIN;
    if (missing > 1.5 * part && !waited) return;
    this.approached = true;
    const excess = this.ahead - target;
    if (excess > part) this.jump(excess);
  }

  /** Go to the edge from wherever it is. */
  goLive(edge) {
    const target = this.steering?.target ?? 0.5;
    const [buffered, left] = [this.ahead, edge - this.video.currentTime];
    const ahead = left > buffered + FAR ? left : buffered; // who went back has a hole before them
    if (ahead > target + 0.3) this.jump(ahead - target);
  }

  /** The buffer ran dry. */
  ranDry() {
    this.dry = true;
    this.resumedAt = -Infinity;
  }

  /**
   * After that: play on as soon as that is possible. Left alone, Chromium waits for twice as much
   * sound as the last time (0.2 s, 0.4 s … 3 s); a seek, even to where it is, begins anew.
   */
  resume() {
    const { video, steering } = this;
    if (!this.dry || !steering || video.seeking) return;
    const now = performance.now();
    const excess = this.ahead - Math.max(steering.target, RESUME_WITH);
    if (this.ahead < RESUME_WITH || now - this.resumedAt < RESUME_AGAIN) return;
    this.resumedAt = now;
    this.jump(Math.max(0, excess));
  }

  /** It plays on; returns whether it had run dry. */
  plays() {
    const { dry } = this;
    this.dry = false;
    if (dry) this.steering?.stalled(performance.now() / 1000);
    return dry;
  }

  jump(seconds) {
    this.video.currentTime += seconds;
    this.steering?.moved();
  }
}
