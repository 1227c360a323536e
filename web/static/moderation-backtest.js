// Other rules on what was really said: what the forms of the moderation page say, tried without effect.

import { element, write } from "./dom.js";
import { levelsOf, modesOf } from "./moderation-setup.js";

const HOUR = 3_600_000;
const SURELY_PAST = 1000; // milliseconds by which our idea of the server's clock may be wrong
const EXAMPLES = 3;

const byId = (id) => document.getElementById(id);
const number = new Intl.NumberFormat("en");

export class BackTest {
  /** Who asks; see `ChatApi`. */
  api;

  /** `now`: milliseconds by the server's clock. */
  constructor(now) {
    this.now = now;
    this.form = byId("backtest-form");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#run();
    });
  }

  async #run() {
    const said = this.form.querySelector("[role=status]");
    const button = this.form.querySelector("button");
    if (button.ariaDisabled === "true") return;
    button.ariaDisabled = "true";
    write(said, "Running… this may take a minute.");
    byId("backtest").hidden = true;
    const to = this.now() - SURELY_PAST;
    const from = to - Number(this.form.elements.namedItem("hours").value) * HOUR;
    const { chat_delay_seconds: _, ...settings } = modesOf(byId("modes-form")); // a delay changes no verdict
    const rules = { settings, automod: levelsOf(byId("automod-form")) };
    try {
      this.#show(await this.api.backTest(moment(from), moment(to), rules));
      write(said, "Done.");
    } catch (error) {
      write(said, `That did not work. ${error.message}`);
    }
    button.ariaDisabled = null;
  }

  #show(result) {
    const place = byId("backtest");
    place.hidden = false;
    place.replaceChildren(
      element("p", "", element("b", "", number.format(result.changed)), ` of ${counted(result.messages)} would have had another verdict.`),
      facts(result),
      ...(result.changes.length ? [element("ol", "rows", ...result.changes.map(change))] : []),
    );
  }
}

function facts({ before, after, agreement }) {
  const list = element("dl", "facts");
  const add = (name, was, is) => list.append(element("dt", "", name), element("dd", "", `${was} → ${is}`));
  for (const [name, field] of [["Sent", "sent"], ["Held", "held"], ["Turned down", "rejected"]]) {
    add(name, number.format(before[field]), number.format(after[field]));
  }
  if (agreement.removed) {
    const share = ({ removed_stopped: stopped }) => `${number.format(stopped)} of ${number.format(agreement.removed)}`;
    add("Stopped of what moderators removed", share(agreement.before), share(agreement.after));
  }
  if (agreement.stood) {
    add("Stopped of what they let stand", number.format(agreement.before.stood_stopped), number.format(agreement.after.stood_stopped));
  }
  return list;
}

function change({ before, after, messages, examples }) {
  return element(
    "li",
    "",
    element(
      "div",
      "",
      element("p", "", `${verdict(before)} → `, element("b", "", verdict(after)), `: ${counted(messages)}`),
      ...examples.slice(0, EXAMPLES).map(({ login, text }) => element("p", "quiet small", `${login}: ${text}`)),
    ),
  );
}

function verdict({ outcome, rule }) {
  const words = { sent: "sent", held: "held", rejected: "turned down" }[outcome] ?? outcome;
  return rule ? `${words} (${rule})` : words;
}

function counted(count) {
  return `${number.format(count)} ${count === 1 ? "message" : "messages"}`;
}

/** Milliseconds as the API reads them. */
function moment(milliseconds) {
  return new Date(milliseconds).toISOString();
}
