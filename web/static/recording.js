// The page of a broadcast that is over: its picture, and its chat in its time.

import { Account } from "./account.js";
import { get, serverNow } from "./api.js";
import { Chat } from "./chat.js";
import { pill, write } from "./dom.js";
import { clock, moment } from "./format.js";
import { means, retryDelay, Source } from "./source.js";

const PATIENCE = 4; // times that it is tried again

const $ = (id) => document.getElementById(id);
const first = JSON.parse($("first").textContent);
const video = $("video");
let source = null;
let failures = 0;

/** Play, and go on where it was if it has broken. */
function load() {
  if (means(video) !== "hls.js") {
    video.src = first.playlist_url;
    return;
  }
  const at = video.currentTime;
  source?.close();
  const box = () => ({ width: video.clientWidth * devicePixelRatio, height: video.clientHeight * devicePixelRatio });
  source = new Source(video, new URL(first.playlist_url, location.href).href, { box });
  source.addEventListener("buffered", () => {
    if (failures && video.currentTime < at) video.currentTime = at;
    failures = 0;
    say("", "");
  });
  source.addEventListener("lost", () => void lost());
}

async function lost() {
  failures += 1;
  const found = await fetch(first.playlist_url).catch(() => null);
  if (found?.status === 404) return say("There is no recording", "This broadcast was not kept.");
  if (failures > PATIENCE) return say("The recording cannot be played", "Open the page again in a while.");
  setTimeout(load, retryDelay(failures) * 1000);
}

function say(title, text) {
  $("player").dataset.state = title ? "unreachable" : "live";
  write($("message-title"), title);
  write($("message-text"), text);
}

/** The moment that is shown, milliseconds; null while nothing is. */
function shownAt() {
  if (video.readyState < HTMLMediaElement.HAVE_METADATA) return null;
  const date = source ? source.playingDate : video.getStartDate?.();
  if (!date) return null;
  return source ? date.getTime() : date.getTime() + video.currentTime * 1000;
}

function describe() {
  const { stream, name, title } = first;
  const [from, to] = [Date.parse(stream.started_at ?? stream.ended_at), Date.parse(stream.ended_at)];
  write($("title"), title || name);
  write($("disc"), name[0].toUpperCase());
  write($("name"), name);
  $("name").href = `/c/${name}`;
  write($("when"), moment(from));
  $("when").dateTime = stream.started_at ?? stream.ended_at;
  pill($("lasted"), to > from ? clock((to - from) / 1000) : "");
}

describe();
load();
const account = new Account($("account"));
const shown = { always: true, moment: shownAt };
new Chat($("chat"), first.name, { account, serverNow, shown }).start();
void get(`/v1/streams/${encodeURIComponent(first.stream.stream_id)}`); // for the server's clock

/** For measurements and tests. */
window.millrace = { video };
