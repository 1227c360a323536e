// What pages ask of polls, predictions and raids, by the page's session. Each rejects with what is wrong.

import { get } from "./api.js";

export class TogetherApi {
  constructor(account, channelId) {
    this.account = account;
    this.channelId = encodeURIComponent(channelId);
  }

  /** What runs, for everybody: `{poll, prediction, raid}`. */
  async all() {
    return (await get(`/v1/channels/${this.channelId}/engagement`))?.data ?? null;
  }

  /** What one has and chose. */
  async mine() {
    return (await get(`/session/channels/${this.channelId}/engagement/me`))?.data ?? null;
  }

  vote(pollId, choiceId) {
    return this.#post(`polls/${pollId}/votes`, { choice_id: choiceId });
  }

  stake(predictionId, outcomeId, points) {
    return this.#post(`predictions/${predictionId}/stakes`, { outcome_id: outcomeId, points });
  }

  startPoll(title, choices, seconds) {
    return this.#post("polls", { title, choices, seconds });
  }

  endPoll(pollId, archive) {
    return this.#post(`polls/${pollId}/end`, { archive });
  }

  startPrediction(title, outcomes, seconds) {
    return this.#post("predictions", { title, outcomes, seconds });
  }

  lock(predictionId) {
    return this.#post(`predictions/${predictionId}/lock`);
  }

  /** `winner`: an outcome's id; null: it is called off. */
  endPrediction(predictionId, winner) {
    return this.#post(`predictions/${predictionId}/end`, { winning_outcome_id: winner });
  }

  startRaid(login) {
    return this.#post("raid", { to: login });
  }

  launchRaid() {
    return this.#post("raid/launch");
  }

  cancelRaid() {
    return this.account.send("DELETE", `/session/channels/${this.channelId}/raid`);
  }

  #post(path, body = {}) {
    return this.account.send("POST", `/session/channels/${this.channelId}/${path}`, body);
  }
}
