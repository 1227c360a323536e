// How a chat is set: its modes, AutoMod, the shield.

import { modes as inWords } from "./chat-room.js";
import { element, write } from "./dom.js";

const LEVELS = {
  toxicity: "Insults and harassment",
  identity_hate: "Hatred of what people are",
  sexual: "Sexual content",
  aggression: "Threats and violence",
  spam: "Spam and promotion",
};
const STRICTNESS = ["Off", "1", "2", "3", "4"];
const FLAGS = ["emote_only", "unique_chat"];

const byId = (id) => document.getElementById(id);

/** What a form says, as the fields of `ChangeChatSettings`. */
export function modesOf(form) {
  const value = (name) => form.elements.namedItem(name).value;
  const who = value("who");
  return {
    slow_seconds: Number(value("slow_seconds")) || 0,
    followers_only_minutes: who === "followers" ? Number(value("followers_only_minutes")) || 0 : -1,
    subscribers_only: who === "subscribers",
    links: value("links"),
    permitted_domains: value("permitted_domains").toLowerCase().split(/[\s,]+/).filter(Boolean),
    chat_delay_seconds: Number(value("chat_delay_seconds")),
    ...Object.fromEntries(FLAGS.map((name) => [name, form.elements.namedItem(name).checked])),
  };
}

export class Setup {
  #touched = new Set();

  constructor() {
    this.forms = { modes: byId("modes-form"), levels: byId("automod-form") };
    byId("levels").replaceChildren(...Object.entries(LEVELS).map(([name, title]) => levelField(name, title)));
    for (const [name, form] of Object.entries(this.forms)) {
      form.addEventListener("input", () => this.#touched.add(name));
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        void this.#save(name, form);
      });
    }
    this.forms.modes.elements.namedItem("who").addEventListener("change", () => this.#showFollowed());
    byId("shield").addEventListener("click", () => void this.#switch());
  }

  /** @param {ChatApi} api  @param {object} setup as `ChatApi.setup` answers */
  show(api, setup) {
    this.api = api;
    this.setup = setup;
    byId("shield").hidden = false;
    this.#fill();
  }

  /** Something was set, here or elsewhere: an event of the chat. */
  happened(event) {
    const { setup } = this;
    if (!setup) return;
    if (event.kind === "ChatSettingsChanged") {
      setup.modes = pick(event, Object.keys(setup.modes));
      setup.cause = event.cause;
    } else if (event.kind === "AutomodChanged") setup.levels = pick(event, Object.keys(LEVELS));
    else if (event.kind === "ShieldModeChanged") setup.shield = event.active;
    else return;
    this.#fill();
  }

  /** Fields that somebody is changing stay as they are. */
  #fill() {
    const { modes, levels, shield, cause } = this.setup;
    const button = byId("shield");
    button.setAttribute("aria-checked", String(shield));
    button.classList.toggle("danger", shield);
    button.classList.toggle("other", !shield);
    write(button, shield ? "Shield mode is on" : "Shield mode is off");
    write(byId("modes"), inWords({ settings: modes, cause, shield: false }).join(" · "));
    if (!this.#touched.has("modes")) fillModes(this.forms.modes, modes);
    this.#showFollowed();
    if (this.#touched.has("levels")) return;
    for (const name of Object.keys(LEVELS)) this.forms.levels.elements.namedItem(name).value = levels[name];
  }

  #showFollowed() {
    byId("followed").hidden = this.forms.modes.elements.namedItem("who").value !== "followers";
  }

  async #save(name, form) {
    const said = form.querySelector("[role=status]");
    const button = form.querySelector("[type=submit]");
    if (button.ariaDisabled === "true") return;
    button.ariaDisabled = "true";
    write(said, "");
    try {
      if (name === "modes") this.setup.modes = await this.api.change(modesOf(form));
      else this.setup.levels = await this.api.setLevels(levelsOf(form));
      this.#touched.delete(name);
      this.#fill();
      write(said, "Saved.");
    } catch (error) {
      write(said, `Not saved: ${error.message}`);
    }
    button.ariaDisabled = null;
  }

  async #switch() {
    const button = byId("shield");
    if (button.ariaBusy === "true") return;
    button.ariaBusy = "true";
    const active = !this.setup.shield;
    try {
      await this.api.setShield(active);
      this.setup.shield = active;
      this.#fill();
      write(byId("said"), active ? "Shield mode is on: strict settings hold." : "Shield mode is off.");
      byId("trouble").hidden = true;
    } catch (error) {
      byId("trouble").hidden = false;
      write(byId("trouble"), `The shield was not switched. ${error.message}`);
    }
    button.ariaBusy = "false";
  }
}

function fillModes(form, modes) {
  const field = (name) => form.elements.namedItem(name);
  const followers = modes.followers_only_minutes >= 0;
  field("slow_seconds").value = modes.slow_seconds;
  field("who").value = modes.subscribers_only ? "subscribers" : followers ? "followers" : "everybody";
  field("followers_only_minutes").value = followers ? modes.followers_only_minutes : 0;
  field("links").value = modes.links;
  field("permitted_domains").value = modes.permitted_domains.join(" ");
  field("chat_delay_seconds").value = modes.chat_delay_seconds;
  for (const name of FLAGS) field(name).checked = modes[name];
}

/** What the form of AutoMod says, as the fields of `ChangeAutomod`. */
export function levelsOf(form) {
  return Object.fromEntries(Object.keys(LEVELS).map((name) => [name, Number(form.elements.namedItem(name).value)]));
}

function levelField(name, title) {
  const choice = element("select");
  choice.name = name;
  choice.append(...STRICTNESS.map((text, level) => new Option(text, String(level))));
  return element("label", "level", title, choice);
}

function pick(from, names) {
  return Object.fromEntries(names.map((name) => [name, from[name]]));
}
