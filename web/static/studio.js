// The studio: how the broadcast is doing, moments that are marked, texts that are copied.

import { get } from "./api.js";
import { element, write } from "./dom.js";
import { bitrate, clock } from "./format.js";
import { showRenditions } from "./renditions.js";

const POLL_EVERY = 2000;
const POLL_HIDDEN = 10_000;
const POINTS = 60; // measurements that the chart shows: two minutes
const LEAST_POINTS = 5;
const PATIENCE = 12_000; // milliseconds on air without figures that are nothing unusual

const CODECS = { avc1: "H.264", mp4a: "AAC" };
const STATES = {
  offline: ["Offline", "badge offline", "You are offline."],
  starting: ["Starting", "badge waiting", "Your broadcast starts."],
  live: ["Live", "badge", "You are live."],
  interrupted: ["Interrupted", "badge waiting", "Your encoder is away: the broadcast is interrupted."],
};
// Which figure a warning is about.
const ABOUT = {
  "no-video": "video",
  "bitrate-fell": "video",
  "no-sound": "sound",
  "out-of-step": "sound",
  "frames-missing": "rate",
  "frame-rate-unstable": "rate",
  hole: "lost",
  "clock-jumps": "lost",
  "key-frames-rare": "keys",
  late: "arrival",
  "platform-behind": "arrival",
};

const byId = (id) => document.getElementById(id);

/** What is read aloud when it changes, and only then. */
class Announcer {
  #last = null;

  say(text) {
    if (text === this.#last) return;
    if (this.#last !== null) write(byId("said"), text);
    this.#last = text;
  }
}

class Studio {
  #announcer = new Announcer();
  #bitrates = [];
  #measuredAt = 0;
  #figuresAt = Date.now();

  async poll() {
    try {
      const told = await get("/session/studio");
      this.#show(told.data, Date.parse(told.as_of));
    } catch (error) {
      const signedOut = String(error.message).endsWith("403");
      this.#trouble(
        signedOut
          ? "You are signed out. Sign in again to see how your broadcast is doing."
          : "How your broadcast is doing cannot be reached. It may well go on. Trying again…",
      );
    }
    setTimeout(() => void this.poll(), document.hidden ? POLL_HIDDEN : POLL_EVERY);
  }

  #show(broadcast, now) {
    const { state, figures, advice } = broadcast;
    const [name, className, said] = STATES[state];
    byId("broadcast").dataset.state = state;
    write(byId("state"), name);
    byId("state").className = className;
    write(byId("uptime"), when(broadcast, now));
    byId("off-air").hidden = state !== "offline";
    byId("paused").hidden = state !== "interrupted";
    byId("on-air").hidden = state === "offline" || state === "interrupted";
    byId("mark").hidden = state !== "live" && state !== "starting";
    if (figures || state !== "live") this.#figuresAt = Date.now();
    const silent = Date.now() - this.#figuresAt > PATIENCE;
    this.#trouble(silent ? "No figures arrive from the platform at the moment. Your broadcast may well go on." : "");
    this.#figures(figures, advice);
    showRenditions(byId("renditions"), broadcast, now);
    this.#advice(advice);
    byId("well").hidden = !figures || advice.length > 0;
    const warned = advice.map(({ code }) => code).join() && `Warnings: ${advice.map(({ detail }) => detail).join(" ")}`;
    this.#announce(said, advice, warned);
  }

  /** Again only when another rule is broken: the numbers in the texts change all the time. */
  #announce(said, advice, warned) {
    const codes = said + advice.map(({ code }) => code).join();
    if (codes === this.codes) return;
    this.codes = codes;
    this.#announcer.say(`${said} ${warned}`.trim());
  }

  #trouble(text) {
    byId("trouble").hidden = !text;
    write(byId("trouble"), text);
  }

  #figures(figures, advice) {
    const shown = figures ? described(figures) : {};
    const bad = new Set(advice.map(({ code }) => ABOUT[code]));
    for (const tile of document.querySelectorAll("[data-figure]")) {
      const [value, note] = shown[tile.dataset.figure] ?? ["–", ""];
      write(tile.querySelector("dd"), value);
      write(tile.querySelector(".note"), note);
      tile.classList.toggle("bad", bad.has(tile.dataset.figure));
    }
    if (figures && figures.measured_at !== this.#measuredAt) {
      this.#measuredAt = figures.measured_at;
      this.#bitrates = [...this.#bitrates, figures.video_bitrate].slice(-POINTS);
      byId("chart").toggleAttribute("hidden", this.#bitrates.length < LEAST_POINTS);
      byId("chart").querySelector("path").setAttribute("d", line(this.#bitrates));
    }
  }

  #advice(advice) {
    const list = byId("advice").querySelector("ul");
    byId("advice").hidden = advice.length === 0;
    const known = [...list.children];
    advice.forEach(({ code, detail }, place) => {
      const item = known.find((each) => each.dataset.code === code) ?? element("li", "notice");
      item.dataset.code = code;
      write(item, detail);
      if (list.children[place] !== item) list.insertBefore(item, list.children[place] ?? null);
    });
    while (list.children.length > advice.length) list.lastChild.remove();
  }
}

function when({ state, started_at: since, resume_until: until }, now) {
  if (state === "interrupted" && until) {
    return `ends in ${clock((Date.parse(until) - now) / 1000)} unless it comes back`;
  }
  return since && state !== "offline" ? `for ${clock((now - Date.parse(since)) / 1000)}` : "";
}

/** Value and note of each figure. */
function described(figures) {
  const { width, height, expected_frame_rate: expected, key_frame_interval: keys } = figures;
  const missing = figures.frames_missing;
  return {
    video: [
      bitrate(figures.video_bitrate),
      width ? `${width}×${height}, ${codec(figures.video_codec)}` : codec(figures.video_codec),
    ],
    rate: [
      `${figures.frame_rate.toFixed(1)} /s`,
      expected ? `of ${Number(expected.toFixed(1))} that were announced` : "",
    ],
    keys: [keys === null ? "–" : `every ${keys.toFixed(1)} s`, "2 s is best"],
    sound: [
      bitrate(figures.audio_bitrate),
      figures.audio_codec ? `${codec(figures.audio_codec)}${step(figures.audio_offset)}` : "none",
    ],
    arrival: [
      figures.late < 0.25 ? "on time" : `${figures.late.toFixed(1)} s late`,
      "at worst, in the last 10 s",
    ],
    lost: [missing === 1 ? "1 frame" : `${missing} frames`, lost(figures)],
  };
}

function lost({ hole, frames_discarded: useless }) {
  if (hole >= 0.5) return `a hole of ${hole.toFixed(1)} s`;
  return useless ? `in the last 10 s; ${useless} came that were of no use` : "in the last 10 s";
}

function step(offset) {
  if (Math.abs(offset) < 0.3) return "";
  return `, ${Math.abs(offset).toFixed(1)} s ${offset > 0 ? "ahead" : "behind"}`;
}

function codec(name) {
  return CODECS[name.split(".")[0]] ?? name;
}

/** A line through measurements, the newest at the right end. */
function line(values) {
  const top = Math.max(...values, 1) * 1.15;
  const points = values.map((value, place) => {
    const x = POINTS - values.length + place + 1;
    return `${x} ${(20 - (20 * value) / top).toFixed(2)}`;
  });
  return `M${points.join("L")}`;
}

async function mark(form) {
  const field = form.elements.namedItem("description");
  const { user } = await get("/session");
  const response = await fetch("/session/markers", {
    method: "POST",
    headers: { "Content-Type": "application/json", "Form-Token": user?.form ?? "" },
    body: JSON.stringify({ description: field.value }),
    signal: AbortSignal.timeout(10_000),
  });
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail || body.title);
  const marker = body.data;
  const item = element("li", "", element("b", "", clock(marker.position_seconds)), element("span", "", marker.description));
  item.id = `marker-${marker.marker_id}`;
  byId("marker-list").prepend(item);
  byId("no-markers").hidden = true;
  field.value = "";
  return `Marked at ${clock(marker.position_seconds)}.`;
}

function ready(form) {
  const button = form.querySelector("button");
  const said = byId("marked");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.ariaDisabled === "true") return;
    button.ariaDisabled = "true"; // `disabled` would take the focus away
    said.hidden = false;
    write(said, "");
    try {
      write(said, await mark(form));
      said.classList.add("good");
    } catch (error) {
      write(said, `Not marked: ${error.message}`);
      said.classList.remove("good");
    }
    button.ariaDisabled = null;
  });
}

async function copy(button) {
  const source = byId(button.dataset.copy);
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(source.textContent);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  } else {
    getSelection().selectAllChildren(source); // browsers let pages copy over https only
  }
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", () => void copy(button));
}
if (byId("broadcast")) {
  ready(byId("mark"));
  void new Studio().poll();
}
