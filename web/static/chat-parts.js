// Small parts of a chat: badges, icons, a message's text.

import { colourOf, readable } from "./chat-colour.js";
import { parts } from "./chat-text.js";
import { element } from "./dom.js";

/** A cross, for what closes something. */
export const CLOSE = "M6 6l12 12M18 6 6 18";
const SVG = "http://www.w3.org/2000/svg";
// What a line may stand on: `--surface` and `--sunken`, and what marks a mention, is between them.
const LIGHT = ["#ffffff", "#e6ecea"];
const DARK = ["#141e20", "#1b282a"];

// Name, what is drawn, and the shape that is behind it. Drawn in a square of 16.
const BADGES = {
  broadcaster: ["Broadcaster", "M3 5.5h6.5v5H3zM9.5 8 13 5.7v4.6z"],
  moderator: ["Moderator", "M8 2.8 12.5 4.4v3.4c0 2.6-1.8 4.4-4.5 5.4-2.7-1-4.5-2.8-4.5-5.4V4.4z"],
  vip: ["VIP", "M4.8 3.5h6.4L13.5 6.5 8 13 2.5 6.5z"],
  subscriber: ["Subscriber", "m8 2.6 1.7 3.5 3.8.5-2.8 2.7.7 3.8L8 11.3l-3.4 1.8.7-3.8-2.8-2.7 3.8-.5z"],
  partner: ["Partner", "m4 8.2 2.8 2.9L12.2 5"],
  affiliate: ["Affiliate", "M4 9.5C6.5 6 9.5 12 12 7"],
  staff: ["Staff", "M10.8 3.2a3.4 3.4 0 0 0-4 4.4L3 11.3 4.8 13l3.7-3.7a3.4 3.4 0 0 0 4.4-4l-2 2-1.7-.5-.5-1.7z"],
  bot: ["Bot", "M4 6h8v6H4zM8 6V3.5M6.3 8.7v.6M9.7 8.7v.6"],
};

const known = new Map();

/** A drawing from the data of its path. */
export function icon(path, size = 24) {
  const made = document.createElementNS(SVG, "svg");
  made.setAttribute("viewBox", `0 0 ${size} ${size}`);
  made.setAttribute("aria-hidden", "true");
  const drawn = document.createElementNS(SVG, "path");
  drawn.setAttribute("d", path);
  made.append(drawn);
  return made;
}

/** A round button that shows a drawing. */
export function iconButton(label, path) {
  const made = element("button", "round", icon(path));
  made.type = "button";
  made.title = label;
  made.setAttribute("aria-label", label);
  return made;
}

/** A badge, `name/version`, as a drawing that says what it is. */
export function badge(code) {
  if (!known.has(code)) known.set(code, drawBadge(code));
  return known.get(code).cloneNode(true);
}

function drawBadge(code) {
  const [name, version] = code.split("/");
  const [title, path] = BADGES[name] ?? [name, null];
  const months = name === "subscriber" && Number(version) > 1 ? `, ${version} months` : "";
  const made = element("span", `mark ${name in BADGES ? name : "other"}`);
  made.title = `${title}${months}`;
  made.setAttribute("role", "img");
  made.setAttribute("aria-label", made.title);
  made.append(path ? icon(path, 16) : name.slice(0, 1).toUpperCase());
  return made;
}

const shades = new Map();

/** Give a name its colour, as it can be read in light and in dark. */
export function colour(node, chosen, login) {
  const wanted = chosen || colourOf(login);
  let pair = shades.get(wanted);
  if (!pair) {
    pair = [readable(wanted, LIGHT), readable(wanted, DARK)];
    if (shades.size > 5000) shades.clear();
    shades.set(wanted, pair);
  }
  if (!pair[0]) return;
  node.style.setProperty("--on-light", pair[0]);
  node.style.setProperty("--on-dark", pair[1]);
}

/** Write a message into an element: words, emotes as images if they are known, links, mentions. */
export function fill(node, { text, emotes: ranges }, emotes, login) {
  for (const part of parts(text, ranges ?? [])) {
    if (part.emote !== undefined) node.append(emote(part, emotes));
    else if (part.link) node.append(link(part));
    else if (part.mention) node.append(element("span", part.mention === login ? "at me" : "at", part.text));
    else node.append(part.text);
  }
  return node;
}

function emote({ emote: id, name }, emotes) {
  const url = emotes?.get(id)?.url;
  if (!url) return name;
  const made = element("img", "emote");
  made.src = url;
  made.alt = name;
  made.title = name;
  made.loading = "lazy";
  made.decoding = "async";
  made.addEventListener("error", () => made.replaceWith(name), { once: true });
  return made;
}

function link({ link: address, text }) {
  const made = element("a", "", text);
  made.href = address;
  made.target = "_blank";
  made.rel = "noopener nofollow ugc";
  return made;
}
