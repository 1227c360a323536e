// Where hls.js goes on after a step from one rendition to another.

import Hls from "hls.js";

/** hls.js asks where to go on after a step: not a second time with what is in the buffer. */
export class SteppingController extends Hls.DefaultConfig.streamController {
  getNextFragment(position, details) {
    return super.getNextFragment(this.#beyond(position, details), details);
  }

  /** Sound and picture end a few milliseconds apart: the buffer ends before the segment does. */
  #beyond(position, details) {
    const before = this.fragPrevious;
    const stepped = before && before.level !== details.fragments.at(-1)?.level;
    if (!stepped || Math.abs(before.end - position) > 0.1) return position;
    const same = details.fragments.find(({ sn }) => sn === before.sn);
    return same ? Math.max(position, same.end + 0.001) : position;
  }
}
