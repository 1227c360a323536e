// Where one writes: the field, what is answered, emotes, and why something was not sent.

import { CLOSE, iconButton } from "./chat-parts.js";
import { hindrance, nextAfter, reviewInWords, room as roomFor, tidy, verdictInWords } from "./chat-sending.js";
import { element, pill, write } from "./dom.js";

const SMILE = "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17M8.7 14.3c1.6 2.2 5 2.2 6.6 0M9 9.5v.5M15 9.5v.5";
const SEND = "M4.5 12h13M12 5.5l6.5 6.5-6.5 6.5";
const DOUBT_AFTER = 4000; // milliseconds after a connection is back

/** Events: `say` (`detail`: `{text, nonce, replyTo}`), `confirm` (a warning was read). */
export class Composer extends EventTarget {
  #pending = new Map(); // nonce → what was said
  #replyTo = null;
  #next = 0;
  #count = 0;
  #ticking = null;

  /** @param {Room} room what is known of the chat  @param {() => string} state of the connection */
  constructor(room, state) {
    super();
    this.room = room;
    this.state = state;
    this.element = this.#build();
    this.show();
  }

  /** Say that it is there for who signs in, or for nobody. `signIn`: where to; null: one is signed in. */
  as(signIn) {
    this.signedOut.hidden = signIn === null;
    this.form.hidden = signIn !== null;
    if (signIn !== null) this.signInLink.href = signIn;
  }

  set emotes(emotes) {
    const shown = [...emotes.values()];
    this.picker.replaceChildren(...shown.map((each) => this.#emoteButton(each)));
    this.emoteButton.hidden = shown.length === 0;
  }

  /** Answer a line. */
  reply(line) {
    this.#replyTo = line;
    this.answering.hidden = !line;
    if (!line) return;
    write(this.answered, `Answer to ${line.event.display_name || line.event.login}: ${line.event.text}`);
    this.field.focus();
  }

  /** Write something more into the field. */
  insert(text) {
    const { field } = this;
    const before = field.value.slice(0, field.selectionStart);
    const gap = before && !before.endsWith(" ") ? " " : "";
    field.setRangeText(`${gap}${text} `, field.selectionStart, field.selectionEnd, "end");
    this.#typed();
    field.focus();
  }

  /** What became of something. */
  verdict(verdict) {
    const said = this.#pending.get(verdict.nonce);
    this.#pending.delete(verdict.nonce);
    this.#next = Math.max(this.#next, nextAfter(verdict, this.room, Date.now()));
    if (verdict.outcome === "rejected" && verdict.reason === "warned") {
      this.room.warning ??= (verdict.detail ?? "").replace(/^confirm that you have read this first: /, "");
    }
    if (verdict.outcome === "rejected" && said) this.#giveBack(said);
    this.tell(verdictInWords(verdict));
    this.show();
  }

  reviewed(outcome) {
    this.tell(reviewInWords(outcome));
  }

  /** Something was said by the reader, and everybody sees it: so what waits for a verdict has it. */
  seen(text) {
    for (const [nonce, said] of this.#pending) {
      if (said.text === text || said.text === `/me ${text}`) return this.#pending.delete(nonce);
    }
    return false;
  }

  /** The connection is back: what nobody has answered by then may have been lost. */
  back() {
    const before = [...this.#pending.keys()];
    if (!before.length) return;
    setTimeout(() => {
      const lost = before.map((nonce) => this.#pending.get(nonce)).filter(Boolean);
      for (const nonce of before) this.#pending.delete(nonce);
      if (!lost.length) return;
      this.#giveBack(lost.at(-1));
      const which = lost.length > 1 ? `your last ${lost.length} messages` : "your last message";
      this.tell(`The connection broke: ${which} may not have arrived.`);
    }, DOUBT_AFTER);
  }

  tell(text) {
    pill(this.status, text);
  }

  /** Show what may be done now. */
  show() {
    const { warning } = this.room;
    this.warned.hidden = warning === null;
    write(this.warning, warning ?? "");
    const why = hindrance({ state: this.state(), room: this.room, next: this.#next }, Date.now());
    pill(this.why, why?.text ?? "");
    const blocked = Boolean(why) || warning !== null || roomFor(this.field.value).over || !tidy(this.field.value);
    this.button.ariaDisabled = String(blocked);
    this.field.readOnly = this.room.until === Infinity;
    clearTimeout(this.#ticking);
    if (why?.until) this.#ticking = setTimeout(() => this.show(), 1000 - ((Date.now() - why.until) % 1000 + 1000) % 1000);
  }

  #send() {
    const text = tidy(this.field.value);
    const why = hindrance({ state: this.state(), room: this.room, next: this.#next }, Date.now());
    if (!text || roomFor(text).over || why || this.room.warning !== null) {
      if (this.state() !== "here") this.tell("Chat is not reachable at the moment: nothing was sent.");
      return;
    }
    const said = { text, replyTo: this.#replyTo };
    const nonce = `${Date.now().toString(36)}-${(this.#count += 1)}`;
    this.#pending.set(nonce, said);
    this.field.value = "";
    this.reply(null);
    this.tell("");
    this.#typed();
    this.dispatchEvent(new CustomEvent("say", { detail: { text, nonce, replyTo: said.replyTo?.id ?? "" } }));
  }

  #giveBack(said) {
    if (this.field.value) return;
    this.field.value = said.text;
    if (said.replyTo) this.reply(said.replyTo);
    this.#typed();
  }

  #typed() {
    const { text, over } = roomFor(this.field.value);
    pill(this.counter, text);
    this.counter.classList.toggle("over", over);
    this.field.setAttribute("aria-invalid", String(over));
    this.show();
  }

  #key(event) {
    if (event.isComposing) return;
    if (event.key === "Enter") {
      event.preventDefault();
      this.#send();
    } else if (event.key === "Escape" && !this.picker.hidden) {
      event.stopPropagation();
      this.#pick(false);
    } else if (event.key === "Escape" && this.#replyTo) this.reply(null);
  }

  #pick(open) {
    this.picker.hidden = !open;
    this.emoteButton.setAttribute("aria-expanded", String(open));
    if (open) this.picker.querySelector("button")?.focus();
    else this.field.focus();
  }

  #emoteButton({ name, url }) {
    const made = element("button", "", name);
    made.type = "button";
    made.title = name;
    if (url) {
      const image = element("img");
      Object.assign(image, { src: url, alt: name, loading: "lazy" });
      made.replaceChildren(image);
    }
    made.addEventListener("click", () => {
      this.insert(name);
      this.#pick(false);
    });
    return made;
  }

  #build() {
    this.field = element("textarea");
    Object.assign(this.field, { id: "chat-text", rows: 1, placeholder: "Say something", enterKeyHint: "send", autocomplete: "off" });
    this.field.setAttribute("aria-label", "Message");
    this.field.setAttribute("aria-describedby", "chat-why chat-status");
    this.counter = element("span", "counter");
    this.button = iconButton("Send", SEND);
    this.button.type = "submit";
    this.emoteButton = iconButton("Emotes", SMILE);
    this.emoteButton.hidden = true;
    this.emoteButton.setAttribute("aria-expanded", "false");
    this.emoteButton.setAttribute("aria-controls", "chat-emotes");
    this.picker = element("div", "emotes");
    Object.assign(this.picker, { id: "chat-emotes", hidden: true });
    this.picker.setAttribute("role", "group");
    this.picker.setAttribute("aria-label", "Emotes");
    const row = element("div", "writing", this.field, this.counter, this.emoteButton, this.button);
    this.form = element("form", "", this.#answering(), this.#warned(), this.picker, row);
    this.#listen();
    this.why = element("p", "why");
    this.why.id = "chat-why";
    this.status = element("p", "status");
    this.status.id = "chat-status";
    this.status.setAttribute("role", "status");
    this.form.prepend(this.status, this.why);
    return element("div", "composer", this.#signedOut(), this.form);
  }

  #listen() {
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.field.addEventListener("input", () => this.#typed());
    this.field.addEventListener("keydown", (event) => this.#key(event));
    this.picker.addEventListener("keydown", (event) => this.#key(event.key === "Escape" ? event : { isComposing: true }));
    this.emoteButton.addEventListener("click", () => this.#pick(this.picker.hidden));
  }

  #answering() {
    this.answered = element("span");
    const stop = iconButton("Answer nobody", CLOSE);
    stop.addEventListener("click", () => {
      this.reply(null);
      this.field.focus();
    });
    this.answering = element("div", "answering", this.answered, stop);
    this.answering.hidden = true;
    return this.answering;
  }

  #warned() {
    this.warning = element("p");
    const read = element("button", "button", "I have read this");
    read.type = "button";
    read.addEventListener("click", () => this.dispatchEvent(new Event("confirm")));
    this.warned = element("div", "warned", element("b", "", "A moderator has warned you"), this.warning, read);
    this.warned.setAttribute("role", "alert");
    this.warned.hidden = true;
    return this.warned;
  }

  #signedOut() {
    this.signInLink = element("a", "button", "Sign in to chat");
    this.signedOut = element("p", "signed-out", this.signInLink);
    return this.signedOut;
  }
}

