// Asks for what a player needs first while the player itself, a large script, is still on its way:
// both playlists, the parameters of the stream, and the part that begins with its last key frame.
//
// A page loads it in its head, where colours have to be chosen too, and names the multivariant playlist
// and that of the first rendition in a `<link rel="preload" as="fetch">` each. `window.early.take(url)`
// gives each answer once, as a promise, and `window.early.media()` the video with its media source.

import "./theme.js";
import { beginning } from "./playlists.js";

const PATIENCE = 5000; // milliseconds
const answers = new Map(); // address → promise of a text or of bytes
let opened = null;

function take(url) {
  const answer = answers.get(url);
  answers.delete(url);
  return answer;
}

function ask(url, read) {
  const asked = fetch(url, { signal: AbortSignal.timeout(PATIENCE) }).then((response) => {
    if (!response.ok) throw new Error(`${url}: ${response.status}`);
    return read(response);
  });
  asked.catch(() => {}); // whoever takes it asks again; if nobody does, nothing is lost
  answers.set(url, asked);
  return asked;
}

async function begin(multivariant, rendition) {
  const text = (response) => response.text();
  void ask(multivariant, text);
  if (wishes()) return; // which rendition to begin with stands in the playlist
  for (const found of beginning(await ask(rendition, text), rendition)) {
    void ask(found, (response) => response.arrayBuffer());
  }
}

/** Whether the viewer chose something else than to begin with the source; see `quality.js`. */
function wishes() {
  try {
    return ![null, "source"].includes(localStorage.getItem("quality"));
  } catch {
    return false;
  }
}

/** Give the video its media source as soon as it is there: to open one takes turns of its own. */
function open() {
  const video = document.querySelector("video");
  if (!video || !window.MediaSource || window.ManagedMediaSource) return; // hls.js takes the latter
  const mediaSource = new MediaSource();
  video.src = URL.createObjectURL(mediaSource);
  opened = { media: video, mediaSource };
}

/** What `open` opened, once. */
function media() {
  const given = opened;
  opened = null;
  return given;
}

/** Leave no room for a chat that the viewer has closed; see `chat.js`. */
function fold() {
  try {
    if (localStorage.getItem("chat") === "closed") document.documentElement.dataset.chat = "closed";
  } catch {
    // storage may be forbidden
  }
}

fold();
window.early = { take, media };
const named = [...document.querySelectorAll("link[rel=preload][as=fetch]")].map((link) => link.href);
if (named.length === 2) {
  begin(...named).catch(() => {});
  // The page is parsed then, and its modules have not run.
  document.addEventListener("readystatechange", open, { once: true });
}
