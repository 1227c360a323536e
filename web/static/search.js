// The search field: suggestions while one types. A combobox as the ARIA Authoring Practices have it
// (https://www.w3.org/WAI/ARIA/apg/patterns/combobox/).

import { get } from "./api.js";
import { element, write } from "./dom.js";

const AFTER = 150; // milliseconds without another letter
const MOST_CHANNELS = 7;
const MOST_CATEGORIES = 3;

export class Search {
  #options = [];
  #active = -1;
  #asked = 0;

  /**
   * `go` is called with the address that was chosen, `send` with a text that was sent as it is.
   * @param {{categories: () => string[], go: (address: string) => void, send: (text: string) => void}} means
   */
  constructor(form, means) {
    this.form = form;
    this.means = means;
    this.input = form.querySelector("[role=combobox]");
    this.list = form.querySelector("[role=listbox]");
    this.status = form.querySelector("[role=status]");
    this.input.addEventListener("input", () => this.#typed());
    this.input.addEventListener("keydown", (event) => this.#key(event));
    this.input.addEventListener("blur", () => this.#close());
    this.list.addEventListener("pointerdown", (event) => event.preventDefault()); // the focus stays
    this.list.addEventListener("click", ({ target }) => this.#chosen(target.closest("[role=option]")));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#close();
      means.send(this.input.value.trim());
    });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target.closest("input, textarea, select, [contenteditable]")) return;
      event.preventDefault();
      this.input.focus();
      this.input.select();
    });
  }

  /** What the field says, unless somebody types. */
  set text(text) {
    if (document.activeElement !== this.input) this.input.value = text;
  }

  #typed() {
    clearTimeout(this.timer);
    this.#asked += 1;
    if (!this.input.value.trim()) return this.#close();
    this.timer = setTimeout(() => void this.#suggest(this.#asked), AFTER);
  }

  async #suggest(asked) {
    const text = this.input.value.trim();
    const query = new URLSearchParams({ q: text, limit: MOST_CHANNELS });
    const found = await get(`/v1/search/channels?${query}`).catch(() => null);
    if (asked !== this.#asked) return; // they typed on, or left
    const channels = [...(found?.data ?? [])].sort((a, b) => Boolean(b.stream) - Boolean(a.stream));
    const begins = ` ${text.toLowerCase()}`;
    const categories = this.means
      .categories()
      .filter((name) => ` ${name.toLowerCase()}`.includes(begins))
      .slice(0, MOST_CATEGORIES);
    this.#open([...channels.map(channelOption), ...categories.map(categoryOption)]);
    write(this.status, found ? counted(this.#options.length) : "The search cannot be reached.");
  }

  #open(options) {
    options.forEach((option, n) => (option.id = `suggestion-${n}`));
    this.#options = options;
    this.list.replaceChildren(...options);
    this.#show(options.length > 0);
    this.#activate(-1);
  }

  #close() {
    clearTimeout(this.timer);
    this.#asked += 1;
    this.#show(false);
    this.#activate(-1);
    write(this.status, "");
  }

  #show(shown) {
    this.list.hidden = !shown;
    this.input.setAttribute("aria-expanded", String(shown));
  }

  #activate(place) {
    this.#active = place;
    this.#options.forEach((option, n) => option.setAttribute("aria-selected", String(n === place)));
    if (place < 0) this.input.removeAttribute("aria-activedescendant");
    else this.input.setAttribute("aria-activedescendant", this.#options[place].id);
    this.#options[place]?.scrollIntoView({ block: "nearest" });
  }

  #key(event) {
    const open = !this.list.hidden;
    const count = this.#options.length;
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.isComposing) return;
    if (event.key in steps) {
      event.preventDefault();
      if (!open) return this.#typed();
      // The field itself is a stop on the way round.
      this.#activate(((this.#active + 1 + steps[event.key] + count + 1) % (count + 1)) - 1);
    } else if (event.key === "Enter" && open && this.#active >= 0) {
      event.preventDefault();
      this.#chosen(this.#options[this.#active]);
    } else if (event.key === "Escape") {
      if (open) this.#close();
      else this.input.value = "";
      event.preventDefault();
    }
  }

  #chosen(option) {
    if (!option) return;
    this.#close();
    this.input.value = "";
    this.means.go(option.dataset.href);
  }
}

function channelOption(channel) {
  const text = element("span", "suggestion-text", element("b", "", channel.name), element("span", "quiet", channel.title));
  const badge = channel.stream ? element("span", "badge", "Live") : element("span", "quiet", "Offline");
  return option(`/c/${channel.name}`, text, badge);
}

function categoryOption(name) {
  const text = element("span", "suggestion-text", element("b", "", name));
  return option(`/?category=${encodeURIComponent(name)}`, text, element("span", "quiet", "Category"));
}

function option(href, ...content) {
  const made = element("li", "", ...content);
  made.setAttribute("role", "option");
  made.dataset.href = href;
  return made;
}

function counted(count) {
  if (count === 0) return "Nothing found.";
  return count === 1 ? "1 suggestion." : `${count} suggestions.`;
}
