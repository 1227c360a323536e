// What viewers do together: the poll, the prediction and the raid of a channel, and one's own part. Pure.
//
// The gateway tells it when a page comes in, the chat's events from then on: docs/explanation/engagement.md.

export const SHOWN_FOR = 60_000; // milliseconds that a result stays
const POLLS = { PollStarted: "active", PollProgressed: "active", PollEnded: null };
const PREDICTIONS = { PredictionStarted: "active", PredictionProgressed: "active", PredictionLocked: "locked", PredictionEnded: null };

export class Together {
  poll = null;
  prediction = null;
  raid = null;
  /** One's own part as `/engagement/me` answers; null: nobody is signed in, or it is not known. */
  me = null;
  /** Whether it is one's own channel: nothing is staked there. */
  own = false;

  /** All there is, as `GET …/engagement` answers. */
  load({ poll, prediction, raid }) {
    this.poll = poll && { ...poll, ends_at: Date.parse(poll.ends_at), ended_at: parsed(poll.ended_at) };
    this.prediction = prediction && {
      ...prediction,
      winning_outcome_id: prediction.winning_outcome_id ?? "",
      locks_at: Date.parse(prediction.locks_at),
      ended_at: parsed(prediction.ended_at),
    };
    this.raid = raid && { ...raid, goes_at: Date.parse(raid.goes_at) };
  }

  /** An event of the chat. Whether it changed something; a raid that goes is left to whoever moves. */
  take(event) {
    if (event.kind in POLLS) this.poll = pollOf(event);
    else if (event.kind in PREDICTIONS) this.prediction = predictionOf(event);
    else if (event.kind === "RaidStarted") this.raid = { ...event, goes_at: event.goes_at / 1000 };
    else if (event.kind === "RaidCancelled" || event.kind === "RaidWent") this.raid = null;
    else return false;
    return true;
  }

  /** Take away what was over for long enough. Whether something was. */
  tick(now) {
    const before = [this.poll, this.prediction];
    if (gone(this.poll, now)) this.poll = null;
    if (gone(this.prediction, now)) this.prediction = null;
    return before[0] !== this.poll || before[1] !== this.prediction;
  }

  /** What the reader voted for in the poll; empty: nothing yet. */
  get choice() {
    return this.me && this.poll && this.me.poll_id === this.poll.poll_id ? this.me.choice_id : "";
  }

  /** What the reader staked on the prediction, `{outcome_id, staked}`; null: nothing. */
  get stake() {
    const { me, prediction } = this;
    if (!me?.outcome_id || me.prediction_id !== prediction?.prediction_id) return null;
    return { outcome_id: me.outcome_id, staked: me.staked };
  }

  /** What the reader got out of the prediction; null: nothing, or not yet. */
  get paid() {
    const { paid } = this.me ?? {};
    return paid && paid.prediction_id === this.prediction?.prediction_id ? paid : null;
  }
}

/** Shares of a whole in per cent, whole numbers. */
export function shares(numbers) {
  const all = numbers.reduce((sum, each) => sum + each, 0);
  return numbers.map((each) => (all ? Math.round((100 * each) / all) : 0));
}

/** What a point on an outcome would bring; null: nobody has staked on it. */
export function odds(pool, points) {
  return points > 0 ? pool / points : null;
}

/** How a poll ended, in words. */
export function outcomeOfPoll({ choices, winners }) {
  const votes = choices.reduce((sum, each) => sum + each.votes, 0);
  if (!votes) return "Nobody voted.";
  const won = choices.filter(({ id }) => winners.includes(id)).map(({ title }) => title);
  if (won.length > 1) return `A tie of ${won.slice(0, -1).join(", ")} and ${won.at(-1)}.`;
  return `${won[0]} won.`;
}

/** What became of a prediction for the reader, in words. */
export function outcomeOfPrediction({ prediction, stake, paid }) {
  const { outcomes, winning_outcome_id: winner, refunded } = prediction;
  const what = winner ? `“${outcomes.find(({ id }) => id === winner)?.title}” came true.` : "It was called off.";
  if (!stake) return what;
  if (paid) return `${what} ${paid.cause === "refund" || refunded ? `You have your ${number(paid.points)} points back.` : `You got ${number(paid.points)} points.`}`;
  if (refunded || stake.outcome_id === winner) return `${what} Your points are on their way.`;
  return `${what} Your ${number(stake.staked)} points are gone.`;
}

const FORM = new Intl.NumberFormat("en");

/** A number as it is read. */
export function number(count) {
  return FORM.format(count);
}

function pollOf(event) {
  const votes = event.choices.reduce((sum, each) => sum + each.votes, 0);
  const { result = "active", winners = [], ended_at: ended = null } = event;
  return { ...event, votes, status: result, winners, ends_at: event.ends_at / 1000, ended_at: ended && ended / 1000 };
}

function predictionOf(event) {
  const pool = event.outcomes.reduce((sum, each) => sum + each.points, 0);
  const { result, winning_outcome_id: winner = "", refunded = false, ended_at: ended = null } = event;
  const status = result ?? PREDICTIONS[event.kind];
  return { ...event, pool, status, winning_outcome_id: winner, refunded, locks_at: event.locks_at / 1000, ended_at: ended && ended / 1000 };
}

function gone(what, now) {
  return Boolean(what?.ended_at) && (what.status === "archived" || now - what.ended_at > SHOWN_FOR);
}

function parsed(text) {
  return text ? Date.parse(text) : null;
}
