// Polls, predictions and raids beside a chat: kept up to date, shown, and taken part in.

import { element, pill } from "./dom.js";
import { PollCard, PredictionCard, RaidCard } from "./together-cards.js";
import { TogetherApi } from "./together-api.js";
import { number, Together } from "./together-state.js";

const PAID_AFTER = [1200, 5000]; // milliseconds after a prediction has ended: all are paid by then

/** Events: `change` (what runs is another). */
export class TogetherPanel extends EventTarget {
  state = new Together();
  api = null;
  #meanwhile = null; // what happened since it was asked what there is

  /**
   * @param {Connection} connection of the chat
   * @param {{account: Account, now: () => number, move: ((login: string) => void) | null}} page `now`: milliseconds by
   *   the server's clock; `move` goes to another channel with a raid, null: this page stays
   */
  constructor(connection, { account, now, move }) {
    super();
    Object.assign(this, { account, now, move });
    this.poll = new PollCard((poll, choice) => this.#vote(poll, choice));
    this.prediction = new PredictionCard((prediction, outcome, points) => this.#stake(prediction, outcome, points));
    this.raid = new RaidCard();
    this.raid.dispatch = () => this.show();
    if (!move) this.raid.stay.hidden = true;
    this.element = element("div", "together", this.raid.element, this.poll.element, this.prediction.element);
    this.points = element("p", "points quiet");
    this.points.hidden = true;
    connection.addEventListener("joined", ({ detail }) => this.#joined(detail));
    connection.addEventListener("events", ({ detail }) => detail.events.forEach((event) => this.#happened(event)));
    account.addEventListener("change", () => void this.#learnMine());
    setInterval(() => this.show(), 1000);
  }

  /** Show what there is now. */
  show() {
    const [now, { state, account }] = [this.now(), this];
    state.own = Boolean(this.api) && account.user?.user_id === this.api.channelId;
    state.tick(now);
    this.poll.show(state, now);
    this.prediction.show(state, now);
    this.raid.show(state, now);
    pill(this.points, state.me && !state.own ? `${number(state.me.points)} points` : "");
  }

  #joined({ channel_id: channelId, resumed, messages }) {
    this.api ??= new TogetherApi(this.account, channelId);
    if (resumed) messages.forEach((event) => this.#happened(event));
    else void this.learn();
  }

  /** Ask what there is. */
  async learn() {
    const meanwhile = (this.#meanwhile = []);
    const found = await this.api.all().catch(() => null);
    if (meanwhile !== this.#meanwhile) return;
    this.#meanwhile = null;
    if (found) this.state.load(found);
    meanwhile.forEach((event) => this.state.take(event));
    this.#changed();
    await this.#learnMine();
  }

  async #learnMine() {
    if (!this.api) return;
    const asked = this.account.user?.user_id;
    const mine = asked ? await this.api.mine().catch(() => null) : null;
    if (asked === this.account.user?.user_id) this.state.me = mine;
    this.show();
  }

  #happened(event) {
    this.#meanwhile?.push(event);
    if (event.kind === "RaidWent" && this.state.raid?.raid_id === event.raid_id && !this.raid.stays) this.move?.(event.to_login);
    if (!this.state.take(event)) return;
    this.#changed();
    if (event.kind !== "PredictionEnded" || !this.state.stake) return;
    for (const later of PAID_AFTER) setTimeout(() => this.state.paid || void this.#learnMine(), later);
  }

  async #vote(poll, choice) {
    await this.api.vote(poll.poll_id, choice);
    this.state.me = { ...this.state.me, poll_id: poll.poll_id, choice_id: choice };
    this.show();
  }

  async #stake(prediction, outcome, points) {
    const done = await this.api.stake(prediction.prediction_id, outcome, points);
    const { prediction_id, outcome_id, staked, balance } = done;
    this.state.me = { ...this.state.me, prediction_id, outcome_id, staked, points: balance, paid: null };
    this.show();
  }

  #changed() {
    this.show();
    this.dispatchEvent(new Event("change"));
  }
}
