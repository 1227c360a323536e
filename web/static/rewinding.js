// Going back in a live stream, and which moment is shown then.

const PAST_AFTER = 6000; // milliseconds behind now; live streams are two or three

export class Rewinding {
  #isPast = false;

  /** @param {Player} player */
  constructor(player) {
    this.player = player;
  }

  /** Go back, as far as the stream can be had. */
  back(seconds) {
    const { video } = this.player;
    if (!video.seekable.length || !this.player.source) return;
    this.player.following = false;
    video.currentTime = Math.max(video.seekable.start(0), video.currentTime - seconds);
  }

  /** The moment that is shown (milliseconds), if it is not about now; null: it is, or nothing is known. */
  get moment() {
    const { player } = this;
    const shown = player.source?.playingDate?.getTime();
    if (!shown || player.following) this.#isPast = false;
    // Who only pauses still sits in the chat of now.
    else if (!player.video.paused) this.#isPast = player.now() - shown > PAST_AFTER;
    return this.#isPast ? shown : null;
  }
}
