// Who is signed in: the end of every page's header, and what pages ask for them.

import { get } from "./api.js";
import { element } from "./dom.js";

const STALE_AFTER = 60_000;

/** Events: `change` (who is signed in was asked, and may be another). */
export class Account extends EventTarget {
  /** `user` is undefined until it is known, and null if nobody is signed in. */
  user;
  #askedAt = 0;

  /** @param {HTMLElement} slot where the header says it */
  constructor(slot) {
    super();
    this.slot = slot;
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && Date.now() - this.#askedAt > STALE_AFTER) void this.ask();
    });
    document.addEventListener("keydown", (event) => this.#close(event));
    document.addEventListener("pointerdown", (event) => this.#close(event));
    void this.ask();
  }

  /** Ask who it is. Where nobody can sign in, or nothing is reached, the header says nothing. */
  async ask() {
    this.#askedAt = Date.now();
    const told = await get("/session").catch(() => null);
    if (!told) return;
    const before = this.user?.user_id;
    this.user = told.user;
    if (!this.slot.hasChildNodes() || before !== told.user?.user_id) this.#show();
    else this.slot.querySelector("input").value = told.user.form;
    this.dispatchEvent(new Event("change"));
  }

  /** Ask for something to be done; once more if the page was open for too long. */
  async send(method, path, content, patience = 10_000) {
    for (let attempt = 0; ; attempt += 1) {
      const headers = { "Form-Token": this.user?.form ?? "" };
      if (content !== undefined) headers["Content-Type"] = "application/json";
      const body = content === undefined ? undefined : JSON.stringify(content);
      const response = await fetch(path, { method, headers, body, signal: AbortSignal.timeout(patience) });
      const told = response.status === 204 ? {} : await response.json();
      if (response.ok) return told.data;
      if (response.status !== 403 || attempt) throw new Error(told.detail || told.title);
      await this.ask();
      if (!this.user) return null;
    }
  }

  /** Where to sign in, to come back here. */
  get signIn() {
    return `/signin?next=${encodeURIComponent(location.pathname + location.search)}`;
  }

  #show() {
    this.slot.replaceChildren(...(this.user ? [this.#menu()] : this.#links()));
  }

  #links() {
    const signUp = this.signIn.replace("signin", "signup");
    return [link("plain", this.signIn, "Sign in"), link("button", signUp, "Sign up")];
  }

  #menu() {
    const { display_name: name, login, form } = this.user;
    const summary = element("summary", "", disc(name), element("span", "unseen", "Account of "), element("span", "who", name));
    const field = element("input");
    Object.assign(field, { type: "hidden", name: "form", value: form });
    const out = element("form", "", field, element("button", "", "Sign out"));
    Object.assign(out, { method: "post", action: "/signout" });
    const entries = [
      link("", `/c/${login}`, "My channel"),
      link("", "/studio", "Studio"),
      link("", "/account", "My account"),
      out,
    ].map((entry) => element("li", "", entry));
    return element("details", "menu", summary, element("ul", "", ...entries));
  }

  #close(event) {
    const menu = this.slot.querySelector("details[open]");
    if (!menu) return;
    const left = event.type === "pointerdown" && !menu.contains(event.target);
    const escaped = event.key === "Escape";
    if (!left && !escaped) return;
    menu.open = false;
    if (escaped) menu.querySelector("summary").focus();
  }
}

function link(className, href, text) {
  const made = element("a", className, text);
  made.href = href;
  return made;
}

function disc(name) {
  const made = element("span", "disc small", name[0].toUpperCase());
  made.setAttribute("aria-hidden", "true");
  return made;
}
