// The watch page: what the channel does now, said clearly, and its picture.

import { channelInAddress, get, serverNow } from "./api.js";
import { label } from "./choosing.js";
import { Controls } from "./controls.js";
import { pill, write } from "./dom.js";
import { ago, bitrate, clock, delay } from "./format.js";
import { Player } from "./player.js";
import { QualityMenu, remembered } from "./quality.js";
import { Rewinding } from "./rewinding.js";
import { means } from "./source.js";

// The page brings the first answer along.
const name = channelInAddress();
const brought = document.getElementById("first");
const first = brought ? Promise.resolve({ body: JSON.parse(brought.textContent) }) : ask();

const POLL_EVERY = 2000;
const PATIENCE = 0.8; // seconds before the page shows that it waits
const SILENT_AFTER = 1.5; // seconds without a new picture before the page says so
const ALONE = 3000; // milliseconds that a picture may take before the rest of the page comes anyway

const $ = (id) => document.getElementById(id);
const player = new Player($("video"), { now: serverNow });
player.wish = remembered();
const rewinding = new Rewinding(player);
const controls = new Controls($("player"), player, rewinding, showFigures);
new QualityMenu($("player"), player, () => channel?.stream?.stream_id);

let channel; // undefined: not asked yet; null: there is none
let about; // the rest of the page, once it is there
let fetching = false;
let reachable = true;
let lastState = null;
let lastFrames = { at: performance.now(), count: 0, rate: null };

/** What the page is about now: the stream's state, or why there is none. */
function state() {
  if (channel === undefined) return reachable ? "loading" : "unreachable";
  if (channel === null) return "unknown";
  return channel.stream?.state ?? (lastState === null ? "offline" : "ended");
}

const MESSAGES = {
  loading: () => ["", ""],
  unreachable: () => ["The platform cannot be reached", "Trying again every two seconds."],
  unknown: () => ["No such channel", `Nobody has taken the name “${name}” yet.`],
  offline: () => ["Offline", lastLive()],
  starting: () => ["Starting", "The first picture is on its way."],
  live: () => ["", ""],
  interrupted: () => ["The broadcaster lost connection", graceLeft()],
  ended: () => ["The stream has ended", "Thank you for watching. It starts again here by itself."],
  unsupported: () => ["This browser cannot play the stream", "It knows neither Media Source Extensions nor HLS."],
};

function graceLeft() {
  const until = Date.parse(channel?.stream?.resume_until ?? "");
  const left = (until - serverNow()) / 1000;
  if (!(left > 0)) return "Waiting for the broadcaster to come back.";
  return `The stream goes on if they are back within ${clock(left)}.`;
}

function lastLive() {
  if (about?.lastEnded === undefined) return "";
  return about.lastEnded === null ? "This channel has not been live yet." : `Last live ${ago(about.lastEnded, serverNow())}.`;
}

/** Load, reload or leave the stream, as the channel's state has it. */
function follow(now) {
  const stream = channel?.stream;
  if (!stream || now === "ended") {
    // Let the last seconds play out.
    if (player.url && player.stuckFor > SILENT_AFTER) player.unload();
  } else if (player.url !== stream.playlist_url) {
    if (now === "live") player.load(stream.playlist_url);
  } else if (now === "live" && lastState === "interrupted" && player.stuckFor > SILENT_AFTER) {
    player.load(stream.playlist_url);
  }
  if (stream || lastState !== null) lastState = now;
}

function render() {
  let now = state();
  if (now === "live" && means(player.video) === "none") now = "unsupported";
  // While old picture still plays, an interruption is not news to the viewer.
  const flowing = player.url && player.stuckFor < SILENT_AFTER && player.firstFrameAfter !== null;
  const root = $("player");
  root.dataset.state = flowing && ["interrupted", "ended"].includes(now) ? "live" : now;
  root.classList.toggle("waiting", waiting(now, flowing));
  root.classList.toggle("sound-alone", player.soundAlone);
  const [title, text] = MESSAGES[root.dataset.state]();
  write($("message-title"), title);
  write($("message-text"), text);
  $("chat").hidden = now === "unknown";
  $("message-link").hidden = !["offline", "ended", "unknown"].includes(root.dataset.state);
  describe(now);
  about?.show(channel);
}

/** Bring the rest of the page, once: nothing of it comes before the picture. */
async function complete() {
  const now = state();
  const waits = ["loading", "live"].includes(now) && player.firstFrameAfter === null && performance.now() < ALONE;
  if (fetching || waits || now === "unreachable") return;
  fetching = true;
  try {
    const { About } = await import("/static/channel.js");
    about ??= new About(name, { get, serverNow, learned: render });
    render();
    if (channel) await talk();
    else fetching = false; // there is nothing to talk about yet
  } catch {
    fetching = false; // to be tried again
  }
}

async function talk() {
  const [{ Chat }] = await Promise.all([import("/static/chat.js"), styled("/static/chat.css")]);
  const shown = { moment: () => rewinding.moment, goLive: () => player.goLive() };
  const move = (login) => location.assign(`/c/${login}`);
  new Chat($("chat"), name, { account: about.account, serverNow, shown, move }).start();
}

function styled(href) {
  const sheet = Object.assign(document.createElement("link"), { rel: "stylesheet", href });
  return new Promise((resolve, reject) => {
    sheet.addEventListener("load", resolve);
    sheet.addEventListener("error", () => {
      sheet.remove();
      reject(new Error(href));
    });
    document.head.append(sheet);
  });
}

/** Whether to show that something is awaited: not at once, what moves would delay the picture. */
function waiting(now, flowing) {
  if (now === "loading") return performance.now() > PATIENCE * 1000;
  return now === "live" && !flowing && !player.video.paused && player.stuckFor > PATIENCE;
}

function describe(now) {
  const stream = channel?.stream;
  const shown = channel?.title || channel?.name || name;
  write($("title"), shown);
  pill($("name"), channel?.name);
  $("name").href = `/c/${name}`;
  write($("disc"), (channel?.name ?? name)[0]?.toUpperCase() ?? "");
  pill($("category"), channel?.category);
  $("category").href = `/?category=${encodeURIComponent(channel?.category ?? "")}`;
  document.title = stream && now === "live" ? `${shown} · live · Millrace` : `${shown} · Millrace`;
  const badge = { live: "Live", starting: "Starting", interrupted: "Interrupted" }[now];
  pill($("badge"), badge);
  $("badge").classList.toggle("waiting", now !== "live");
  $("line").hidden = !badge && now !== "loading";
  const started = Date.parse(stream?.started_at ?? "");
  figure($("uptime"), badge && now !== "starting" && started ? clock((serverNow() - started) / 1000) : null);
  const { latency, width, height } = player.stats;
  figure($("latency"), now === "live" && player.firstFrameAfter !== null && latency !== null ? delay(latency) : null);
  const { current, choices } = player.quality;
  const rate = choices.find(({ name }) => name === current)?.rate || stream?.picture?.frame_rate || lastFrames.rate;
  pill($("quality"), now === "live" && height ? label({ width, height, rate }) : null);
}

function showFigures(wanted) {
  if (!wanted) return;
  const stats = player.stats;
  const figures = {
    latency: stats.latency === null ? "–" : delay(stats.latency),
    resolution: stats.width ? `${stats.width} × ${stats.height}` : "–",
    frames: lastFrames.rate === null ? "–" : `${lastFrames.rate.toFixed(1)} per second`,
    bitrate: stats.bitrate === null ? "–" : bitrate(stats.bitrate),
    dropped: `${stats.dropped} of ${stats.frames}`,
    buffer: stats.target === null ? "–" : `${stats.buffer.toFixed(2)} s, low point held at ${stats.target.toFixed(2)} s`,
    rate: `${stats.rate.toFixed(3)}×`,
    stalls: String(stats.stalls),
  };
  for (const [stat, value] of Object.entries(figures)) {
    write(document.querySelector(`[data-stat="${stat}"]`), value);
  }
}

function measureFrames() {
  const { frames } = player.stats;
  const at = performance.now();
  const seconds = (at - lastFrames.at) / 1000;
  const rate = frames > lastFrames.count ? (frames - lastFrames.count) / seconds : null;
  lastFrames = { at, count: frames, rate };
}

function figure(node, text) {
  node.hidden = text === null;
  write(node.querySelector("b"), text ?? "");
}

function ask() {
  return get(`/v1/channels/${encodeURIComponent(name)}`).then(
    (body) => ({ body }),
    (error) => ({ error }),
  );
}

async function poll(asked = ask()) {
  try {
    const { body, error } = await asked;
    if (error) throw error;
    channel = body?.data ?? null;
    reachable = true;
    follow(state());
  } catch {
    reachable = false; // what plays goes on; the next poll tries again
  }
  render();
  void complete();
  setTimeout(() => void poll(), POLL_EVERY);
}

player.addEventListener("change", render);
player.addEventListener("stuck", () => {
  if (state() === "live") player.load(player.url);
});
setInterval(() => {
  measureFrames();
  render();
  void complete();
  showFigures(!$("stats").hidden);
}, 1000);
render();
controls.show();
void poll(first);

/** For measurements and tests: `window.millrace.player.stats`. */
window.millrace = { player };
