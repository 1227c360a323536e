// What there is to choose from in a live stream: the renditions that the multivariant playlist named,
// and which others the playlist that plays reports to be there now (EXT-X-RENDITION-REPORT). Pure.

import { AUDIO_ONLY, SOURCE, label } from "./choosing.js";

export class Rungs {
  constructor() {
    this.known = []; // smallest first, each with its place in hls.js (`level`)
    this.reports = new Map(); // name → {msn, part}, of the others
  }

  /** The renditions that hls.js knows now, in its order. */
  learn(levels) {
    const before = new Map(this.known.map((rung) => [rung.name, rung.there]));
    this.known = levels.map(({ url, uri, attrs, width, height, frameRate, averageBitrate }, level) => {
      const name = named(uri ?? url[0]);
      const there = before.get(name) ?? attrs["X-PLAYABLE"] !== "NO";
      return { name, level, width, height, rate: frameRate, bits: averageBitrate, there };
    });
    this.known.sort((a, b) => a.height - b.height || a.rate - b.rate || a.bits - b.bits);
  }

  /** The playlist of `current` came, with its reports; returns whether others are there than before. */
  hear(current, { live, renditionReports }) {
    const before = [...this.reports.keys()].join();
    this.reports = new Map((renditionReports ?? []).map((report) => [named(report.URI), place(report)]));
    for (const rung of this.known) {
      rung.there = !live || rung.name === SOURCE || rung.name === current || this.reports.has(rung.name);
    }
    return before !== [...this.reports.keys()].join();
  }

  /** Names that are reported and that hls.js does not know: they came after it had read its playlist. */
  get unknown() {
    if (!this.find(SOURCE)) return []; // the sound alone is loaded without what it is an alternative to
    return [...this.reports.keys()].filter((name) => !this.find(name) && name !== AUDIO_ONLY);
  }

  /** Every rendition that can be chosen or may come: its name, label, and whether it is there. */
  get choices() {
    const known = this.known.map((rung) => ({ ...rung, label: label(rung) }));
    const reported = [...this.reports.keys()].filter((name) => !this.find(name));
    return [...known, ...reported.map((name) => ({ name, label: name, there: true }))];
  }

  find(name) {
    return this.known.find((rung) => rung.name === name);
  }

  /** Name of what hls.js has at a place; undefined if nothing is there. */
  at(level) {
    return this.known.find((rung) => rung.level === level)?.name;
  }

  /** Place of a rendition in hls.js. */
  level(name) {
    return this.find(name)?.level ?? 0;
  }

  /** Bits a second. */
  bits(name) {
    return this.find(name)?.bits ?? Infinity;
  }

  isLarger(name, than) {
    const place = (wanted) => this.known.findIndex((rung) => rung.name === wanted);
    return place(name) > place(than);
  }
}

function place(report) {
  return { msn: Number(report["LAST-MSN"]), part: Number(report["LAST-PART"]) };
}

/** Name of the rendition whose playlist is at an address. */
export function named(url) {
  return url.split("?")[0].split("/").at(-1).replace(/\.m3u8$/, "");
}
