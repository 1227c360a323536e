// What a message consists of: words, emotes, links, mentions. Pure.

const LINK = /\bhttps?:\/\/[^\s<>"]+/giu;
const MENTION = /@([a-z0-9_]{3,25})\b/giu;
const TRAILING = /[.,;:!?'*_~…]+$/u;
const LONGEST_ADDRESS = 2000;

/** How many code points a text has: that is what the limit of 500 counts. */
export function codePoints(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/**
 * A text in parts: `{text}`, `{emote, name}`, `{link, text}` or `{mention, text}`.
 *
 * `emotes` are ranges in code points, both ends included, in order (`EmoteRange`).
 */
export function parts(text, emotes = []) {
  const found = [];
  const letters = emotes.length ? [...text] : null;
  let at = 0;
  for (const { id, start, end } of emotes) {
    if (start < at || end < start || end >= letters.length) continue; // overlaps, or is not of this text
    words(letters.slice(at, start).join(""), found);
    found.push({ emote: id, name: letters.slice(start, end + 1).join("") });
    at = end + 1;
  }
  words(letters ? letters.slice(at).join("") : text, found);
  return found;
}

/** Whether a text speaks to somebody: `@login` anywhere in it. */
export function mentions(text, login) {
  if (!login) return false;
  for (const [, name] of text.matchAll(MENTION)) {
    if (name.toLowerCase() === login.toLowerCase()) return true;
  }
  return false;
}

function words(text, found) {
  let at = 0;
  for (const match of text.matchAll(LINK)) {
    const shown = trimmed(match[0]);
    const address = addressOf(shown);
    if (!address) continue;
    mentioned(text.slice(at, match.index), found);
    found.push({ link: address, text: shown });
    at = match.index + shown.length;
  }
  mentioned(text.slice(at), found);
}

function mentioned(text, found) {
  let at = 0;
  for (const match of text.matchAll(MENTION)) {
    plain(text.slice(at, match.index), found);
    found.push({ mention: match[1].toLowerCase(), text: match[0] });
    at = match.index + match[0].length;
  }
  plain(text.slice(at), found);
}

function plain(text, found) {
  if (text) found.push({ text });
}

/** Without the punctuation that ends a sentence, and a bracket that was opened before the address. */
function trimmed(address) {
  let shown = address.replace(TRAILING, "");
  while (shown.endsWith(")") && shown.split("(").length < shown.split(")").length) {
    shown = shown.slice(0, -1).replace(TRAILING, "");
  }
  return shown;
}

/** The address that may be linked to, or null: only http and https, and nobody's password in it. */
function addressOf(text) {
  if (text.length > LONGEST_ADDRESS || !URL.canParse(text)) return null;
  const url = new URL(text);
  const open = ["http:", "https:"].includes(url.protocol) && url.hostname.includes(".");
  return open && !url.username && !url.password ? url.href : null;
}
