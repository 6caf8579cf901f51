/**
 * The search box: suggestions while typing, answers on Enter. A combobox with a listbox as WAI-ARIA describes it:
 * the focus stays in the box, arrows move through the list.
 */

import { h } from "./dom.js";
import { pause } from "./http.js";

const SETTLE_MS = 90; // a pause in typing that is worth a request

export class Search {
  #box;
  #list;
  #asking = new AbortController();

  /** @param form the form @param api the control API @param onSearch called with the text, "" to go back */
  constructor(form, api, onSearch) {
    this.api = api;
    this.onSearch = onSearch;
    this.#box = form.querySelector("input");
    this.#list = form.querySelector("ul");
    this.#box.addEventListener("input", () => this.#suggest());
    this.#box.addEventListener("keydown", (event) => this.#key(event));
    this.#box.addEventListener("blur", () => this.#close());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#go(this.#active?.dataset.text ?? this.#box.value);
    });
  }

  focus() {
    this.#box.focus();
    this.#box.select();
  }

  clear() {
    this.#box.value = "";
    this.#close();
  }

  get #active() {
    return this.#list.querySelector("[aria-selected=true]");
  }

  #go(text) {
    this.#box.value = text;
    this.#close();
    this.onSearch(text.trim());
  }

  async #suggest() {
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    const text = this.#box.value.trim();
    if (!text) {
      this.#close();
      this.onSearch("");
      return;
    }
    try {
      await pause(SETTLE_MS, signal);
      const { items } = await this.api.autocomplete(text, signal);
      if (!signal.aborted) this.#show(items);
    } catch {
      if (!signal.aborted) this.#close(); // suggestions are a courtesy
    }
  }

  #show(items) {
    const options = items.map(({ text, kind }, index) => {
      const option = h("li", { id: `suggestion-${index}`, role: "option", "aria-selected": "false" });
      option.dataset.text = text;
      option.append(h("span", {}, text), h("small", {}, kind));
      option.addEventListener("pointerdown", (event) => {
        event.preventDefault(); // the box keeps the focus
        this.#go(text);
      });
      return option;
    });
    this.#list.replaceChildren(...options);
    this.#list.hidden = !options.length;
    this.#box.setAttribute("aria-expanded", String(options.length > 0));
    this.#box.removeAttribute("aria-activedescendant");
  }

  #close() {
    this.#asking.abort();
    this.#show([]);
  }

  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && !this.#list.hidden) {
      event.preventDefault();
      this.#move(step);
    } else if (event.key === "Escape" && this.#box.value) {
      event.preventDefault();
      if (this.#list.hidden) this.#go("");
      else this.#close();
    }
  }

  #move(step) {
    const options = [...this.#list.children];
    const from = options.indexOf(this.#active);
    const to = from < 0 && step < 0 ? options.length - 1 : (from + step + options.length) % options.length;
    options.forEach((option, index) => option.setAttribute("aria-selected", String(index === to)));
    this.#box.setAttribute("aria-activedescendant", options[to].id);
  }
}
