// Today beside a week ago, and each person's own day, in the server's words: asked for anew when a call has ended.

import { setText } from "./clock.js";

const AT_LEAST_EVERY = 60_000;
const AT_MOST_EVERY = 5_000;

export class Today {
  note = "";
  #people = new Map();
  #askedAt = -Infinity;
  #ended = null;

  constructor(address) {
    this.address = address;
  }

  /** Ask again if there is reason to; `lastEnded` is when the latest call ended. */
  async refresh(lastEnded) {
    const waited = performance.now() - this.#askedAt;
    if (document.hidden || waited < (lastEnded === this.#ended ? AT_LEAST_EVERY : AT_MOST_EVERY)) return;
    this.#askedAt = performance.now();
    try {
      const { people, changes, note } = await (await fetch(this.address, { redirect: "error" })).json();
      this.#ended = lastEnded;
      this.note = note;
      this.#people = new Map(people.map((person) => [`${person.feed}\n${person.number}`, person]));
      for (const element of document.querySelectorAll("[data-change]")) this.#show(element, changes[element.dataset.change]);
    } catch { /* the next time */ }
  }

  #show(element, change) {
    element.hidden = !change;
    if (!change) return;
    element.className = `tb-change tb-change-${change.tone || "plain"}`;
    setText(element.firstElementChild, change.by);
    setText(element.lastElementChild, change.base);
  }

  /** {short, long}: a person's day in words. */
  of(place) {
    return this.#people.get(place);
  }
}
