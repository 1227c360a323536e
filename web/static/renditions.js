// The studio's table of renditions: which a broadcast has, why it has no others, what they cost.

import { element, write } from "./dom.js";
import { bitrate, clock, cost } from "./format.js";

const STATES = {
  granted: ["On", "pill on"],
  going: ["Going", "pill going"],
  waiting: ["Waits", "pill"],
  refused: ["Off", "pill"],
};
const TIERS = { partner: "Partner", affiliate: "Affiliate", regular: "Regular channel" };
const SOUND = "audio_only";

/** Write what a broadcast has into the section; `now` is the server's time in milliseconds. */
export function showRenditions(section, { ladder, costs }, now) {
  section.hidden = !ladder;
  if (!ladder) return;
  const find = (name) => section.querySelector(name);
  write(find("#renditions-detail"), ladder.detail);
  write(find("#renditions-about"), about(ladder, costs));
  const quarantine = find("#quarantine");
  quarantine.hidden = !ladder.quarantine;
  write(quarantine, ladder.quarantine ? quarantined(ladder.quarantine) : "");
  const rows = rowsOf(ladder, costs, now);
  find("table").hidden = rows.length === 0;
  fill(find("tbody"), rows);
}

/** Name, note, state, class, why and cost of each rendition. */
function rowsOf(ladder, costs, now) {
  const paid = new Map((costs?.renditions ?? []).map((each) => [each.rendition, each]));
  const rows = ladder.rungs.map((rung) => {
    const [state, className] = STATES[rung.state];
    const left = rung.until ? Math.max(0, (Date.parse(rung.until) - now) / 1000) : null;
    return {
      name: rung.name,
      note: `${rung.width}×${rung.height}, ${bitrate(rung.bitrate)}`,
      state: left === null ? state : `Goes in ${clock(left)}`,
      className,
      why: rung.detail,
      cost: spent(paid.get(rung.name)),
    };
  });
  if (paid.has(SOUND) && ladder.state === "decided") {
    const why = "The sound alone, made once.";
    const cost = spent(paid.get(SOUND));
    rows.push({ name: "Sound", note: "", state: "On", className: "pill on", why, cost });
  }
  return rows;
}

function fill(body, rows) {
  while (body.rows.length > rows.length) body.lastChild.remove();
  rows.forEach((row, place) => {
    const line = body.rows[place] ?? body.appendChild(blank());
    const [name, state, why, price] = line.cells;
    write(name.firstChild, row.name);
    write(name.lastChild, row.note);
    write(state.firstChild, row.state);
    state.firstChild.className = row.className;
    write(why, row.why);
    write(price, row.cost);
  });
}

function blank() {
  const head = element("th", "", element("b"), element("span", "quiet"));
  head.scope = "row";
  const cells = [element("td", "", element("span", "pill")), element("td"), element("td", "quiet")];
  return element("tr", "", head, ...cells);
}

function spent(found) {
  return found ? cost(found.cpu_seconds_per_minute, found.gpu_seconds_per_minute) : "–";
}

function about(ladder, costs) {
  const said = [];
  if (ladder.tier) said.push(TIERS[ladder.tier]);
  if (ladder.worker_id) said.push(`made by ${ladder.worker_id}`);
  if (costs?.renditions.length) {
    said.push(`${cost(costs.cpu_seconds_per_minute, costs.gpu_seconds_per_minute)} for a minute of the broadcast, all together`);
  }
  return said.join(" · ");
}

function quarantined({ deaths, media_sequence: segment, detail }) {
  const where = segment >= 0 ? ` The last one died in segment ${segment}.` : "";
  return `Renditions are not made any more: ${deaths} processes that made them died.${where} ${detail} Starting a new broadcast tries again.`;
}
