// Asks for what a player needs first while the player itself, a large script, is still on its way:
// both playlists, the parameters of the stream, and the part that begins with its last key frame.
//
// A page loads it with `<script async>`, and names the multivariant playlist in a
// `<link rel="preload" as="fetch">`. `window.early.take(url)` gives each answer once, as a promise.

import { beginning, firstRendition } from "./playlists.js";

const PATIENCE = 5000; // milliseconds
const answers = new Map(); // address → promise of a text or of bytes

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

async function begin(url) {
  const text = (response) => response.text();
  const rendition = firstRendition(await ask(url, text), url);
  if (!rendition) return;
  for (const found of beginning(await ask(rendition, text), rendition)) {
    void ask(found, (response) => response.arrayBuffer());
  }
}

window.early = { take };
const wanted = document.querySelector("link[rel=preload][as=fetch]")?.href;
if (wanted) begin(wanted).catch(() => {});
