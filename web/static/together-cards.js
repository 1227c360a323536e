// Cards above the chat: a poll with its bars, a prediction with its stakes, a raid that is about to go.

import { element, pill, write } from "./dom.js";
import { clock } from "./format.js";
import { number, odds, outcomeOfPoll, outcomeOfPrediction, shares } from "./together-state.js";

/** A card: what it is, what it asks, how long, its options, and what is to be said of it. */
class Card {
  constructor(kind) {
    this.kind = element("span", "pill", kind);
    this.left = element("span", "left");
    this.left.setAttribute("aria-hidden", "true"); // nobody wants to hear each second
    this.title = element("h3");
    this.options = element("ul", "options");
    this.said = element("p", "quiet");
    this.said.setAttribute("role", "status");
    this.trouble = element("p", "notice");
    this.trouble.setAttribute("role", "alert");
    this.trouble.hidden = true;
    this.element = element("section", "together-card", element("header", "", this.kind, this.left), this.title, this.options, this.said, this.trouble);
    this.element.setAttribute("aria-label", `${kind} now`);
    this.element.hidden = true;
    this.rows = new Map();
  }

  /** Draw options anew only if they are others: a button that has the focus keeps it. */
  fill(options, make) {
    const ids = options.map(({ id }) => id);
    if (ids.join() !== [...this.rows.keys()].join()) {
      this.rows = new Map(options.map((option) => [option.id, make(option)]));
      this.options.replaceChildren(...[...this.rows.values()].map(({ row }) => row));
    }
  }

  /** Seconds left, or what there is instead. */
  tick(until, now, else_) {
    write(this.left, until && until > now ? `${clock((until - now) / 1000)} left` : else_);
  }

  async attempt(act) {
    if (this.element.ariaBusy === "true") return;
    this.element.ariaBusy = "true";
    pill(this.trouble, "");
    try {
      await act();
    } catch (error) {
      pill(this.trouble, error.message);
    } finally {
      this.element.ariaBusy = "false";
    }
  }
}

/** An option with its bar. `choose` is called by its button. */
function option(title, choose) {
  const button = element("button", "option");
  button.type = "button";
  const [percent, count] = [element("b", "percent"), element("span", "quiet")];
  button.append(element("span", "what", title), percent, count);
  button.addEventListener("click", choose);
  return { row: element("li", "", button), button, percent, count };
}

function show({ button, percent: shown, count }, { percent, words, chosen, won, open }) {
  button.style.setProperty("--share", `${percent}%`);
  write(shown, `${percent} %`);
  write(count, words);
  button.setAttribute("aria-pressed", String(chosen));
  button.ariaDisabled = String(!open);
  button.classList.toggle("won", won);
}

export class PollCard extends Card {
  /** `vote(poll, choice id)` asks for it. */
  constructor(vote) {
    super("Poll");
    this.vote = vote;
  }

  show({ poll, choice, me }, now) {
    this.element.hidden = !poll;
    if (!poll) return;
    this.poll = poll;
    write(this.title, poll.title);
    const open = Boolean(me) && !choice && poll.status === "active" && poll.ends_at > now;
    this.fill(poll.choices, ({ id, title }) => option(title, (event) => this.#choose(event, id)));
    const percents = shares(poll.choices.map(({ votes }) => votes));
    poll.choices.forEach(({ id, votes }, at) => {
      const words = `${number(votes)} ${votes === 1 ? "vote" : "votes"}`;
      const won = poll.status !== "active" && poll.winners.includes(id);
      show(this.rows.get(id), { percent: percents[at], words, chosen: choice === id, won, open });
    });
    const over = poll.status !== "active";
    write(this.said, over ? outcomeOfPoll(poll) : choice ? "You have voted." : me ? "" : "Sign in to vote.");
    this.tick(over ? null : poll.ends_at, now, over ? "Over" : "Counting…");
  }

  #choose({ currentTarget }, id) {
    if (currentTarget.ariaDisabled !== "true") void this.attempt(() => this.vote(this.poll, id));
  }
}

export class PredictionCard extends Card {
  #picked = "";

  /** `stake(prediction, outcome id, points)` asks for it. */
  constructor(stake) {
    super("Prediction");
    this.field = element("input");
    Object.assign(this.field, { type: "number", min: 1, max: 250_000, step: 1, value: 100, inputMode: "numeric", required: true });
    this.field.setAttribute("aria-label", "Points");
    this.button = element("button", "button", "Predict");
    this.form = element("form", "stake", this.field, this.button);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.#picked) return pill(this.trouble, "Choose first what you foresee.");
      void this.attempt(() => stake(this.prediction, this.#picked, Number(this.field.value)));
    });
    this.said.before(this.form);
  }

  show(together, now) {
    const { prediction, stake, me, own } = together;
    this.element.hidden = !prediction;
    if (!prediction) return;
    if (prediction.prediction_id !== this.prediction?.prediction_id) this.#picked = "";
    this.prediction = prediction;
    if (stake) this.#picked = stake.outcome_id;
    write(this.title, prediction.title);
    const open = Boolean(me) && !own && prediction.status === "active" && prediction.locks_at > now;
    this.fill(prediction.outcomes, ({ id, title }) => option(title, (event) => this.#pick(event, id)));
    const percents = shares(prediction.outcomes.map(({ points }) => points));
    prediction.outcomes.forEach(({ id, points }, at) => {
      const chance = odds(prediction.pool, points);
      const words = `${number(points)} points${chance ? `, ×${chance.toFixed(chance < 10 ? 1 : 0)}` : ""}`;
      const chosen = this.#picked === id;
      show(this.rows.get(id), { percent: percents[at], words, chosen, won: prediction.winning_outcome_id === id, open: open && !stake });
    });
    this.form.hidden = !open || !me.points;
    this.field.max = String(Math.min(250_000, me?.points ?? 0));
    write(this.button, stake ? "Add" : "Predict");
    write(this.said, this.#words(together));
    this.tick(prediction.status === "active" ? prediction.locks_at : null, now, prediction.ended_at ? "Over" : "Closed");
  }

  #words(together) {
    const { prediction, stake, me, own } = together;
    if (prediction.ended_at) return outcomeOfPrediction(together);
    if (stake) return `You have staked ${number(stake.staked)} points.`;
    if (!me) return "Sign in to predict.";
    if (own) return prediction.status === "locked" ? "Say what came true." : "";
    return prediction.status === "locked" ? "Nothing more can be staked." : `You have ${number(me.points)} points.`;
  }

  #pick({ currentTarget }, id) {
    if (currentTarget.ariaDisabled === "true") return;
    this.#picked = id;
    pill(this.trouble, "");
    for (const [each, { button }] of this.rows) button.setAttribute("aria-pressed", String(each === id));
  }
}

export class RaidCard {
  /** Whether the reader stays when it goes. */
  stays = false;

  constructor() {
    this.text = element("span");
    this.text.setAttribute("role", "status");
    this.left = element("span", "left");
    this.left.setAttribute("aria-hidden", "true");
    this.stay = element("button", "button other", "Stay here");
    this.stay.type = "button";
    this.stay.addEventListener("click", () => this.#toggle());
    this.element = element("section", "together-card raid", element("p", "", this.text, " ", this.left), this.stay);
    this.element.setAttribute("aria-label", "Raid now");
    this.element.hidden = true;
  }

  show({ raid }, now) {
    this.element.hidden = !raid;
    if (!raid) return;
    if (raid.raid_id !== this.raidId) this.stays = false;
    this.raidId = raid.raid_id;
    const name = raid.to_display_name || raid.to_login;
    write(this.text, this.stays ? `The raid to ${name} goes without you.` : `Raid to ${name}`);
    write(this.left, raid.goes_at > now ? `in ${Math.ceil((raid.goes_at - now) / 1000)} s` : "now");
    write(this.stay, this.stays ? "Go along" : "Stay here");
  }

  #toggle() {
    this.stays = !this.stays;
    this.dispatch?.();
  }
}
