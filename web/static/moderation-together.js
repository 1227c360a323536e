// Starting and ending polls, predictions and raids, on the moderation page.

import { element, write } from "./dom.js";

const byId = (id) => document.getElementById(id);

/** A form while nothing runs, and what can be done while something does. */
class Sheet {
  constructor(name, start) {
    this.form = byId(`${name}-form`);
    this.runs = byId(`${name}-runs`);
    this.said = byId(`${name}-said`);
    this.title = byId(`${name}-title`);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.attempt(() => start(this.form.elements), () => this.form.reset());
    });
  }

  /** `key`: of what runs and how; null: nothing. `deeds` are `[text, look, act]`. */
  show(key, title, deeds) {
    this.form.hidden = key !== null;
    this.runs.hidden = key === null;
    if (key === this.shown) return;
    this.shown = key;
    const had = this.runs.contains(document.activeElement);
    const buttons = (deeds ?? []).map(([text, look, act]) => {
      const button = element("button", `button ${look}`, text);
      button.type = "button";
      button.addEventListener("click", () => void this.attempt(act));
      return button;
    });
    this.runs.replaceChildren(element("p", "", element("b", "", title)), element("div", "deeds", ...buttons));
    if (had) this.title.focus();
  }

  async attempt(act, done = () => {}) {
    if (this.form.ariaBusy === "true") return;
    this.form.ariaBusy = "true";
    write(this.said, "");
    try {
      await act();
      done();
    } catch (error) {
      write(this.said, `That did not work: ${error.message}`);
    }
    this.form.ariaBusy = "false";
  }
}

export class Ventures {
  /** @param {TogetherPanel} panel of the chat on the page  @param {boolean} owns whether it is the reader's channel */
  constructor(panel, owns) {
    this.panel = panel;
    const start = (name) => ({ title, options, seconds }) => this.#ask(name, title.value.trim(), lines(options.value), Number(seconds.value));
    this.poll = new Sheet("poll", start("startPoll"));
    this.prediction = new Sheet("prediction", start("startPrediction"));
    this.raid = new Sheet("raid", ({ to }) => this.#ask("startRaid", to.value.trim().toLowerCase()));
    byId("raid").hidden = !owns;
    panel.addEventListener("change", () => this.show());
    this.show();
  }

  show() {
    const { poll, prediction, raid } = this.panel.state;
    const runs = poll?.status === "active" ? poll : null;
    this.poll.show(runs && runs.poll_id, runs?.title, runs && [
      ["End it", "", () => this.#ask("endPoll", runs.poll_id, false)],
      ["End it and hide the result", "other", () => this.#ask("endPoll", runs.poll_id, true)],
    ]);
    const open = prediction && !prediction.ended_at ? prediction : null;
    this.prediction.show(open && `${open.prediction_id} ${open.status}`, open?.title, open && this.#ways(open));
    this.raid.show(raid && raid.raid_id, raid && `To ${raid.to_display_name || raid.to_login}`, [
      ["Go now", "", () => this.#ask("launchRaid")],
      ["Call it off", "other", () => this.#ask("cancelRaid")],
    ]);
  }

  #ways({ prediction_id: id, status, outcomes }) {
    const off = ["Call it off", "danger", () => this.#ask("endPrediction", id, null)];
    if (status === "active") return [["No more points", "", () => this.#ask("lock", id)], off];
    return [...outcomes.map(({ id: outcome, title }) => [`${title} came true`, "other", () => this.#ask("endPrediction", id, outcome)]), off];
  }

  async #ask(name, ...given) {
    await this.panel.api[name](...given);
    await this.panel.learn();
  }
}

function lines(text) {
  return text.split("\n").map((line) => line.trim()).filter(Boolean);
}
