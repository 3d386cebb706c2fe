// How fresh the board is: the pill, and a banner when the calls shown may have ended.

import { setText } from "./clock.js";

const WORDS = { live: "Live", silent: "Silent", lost: "Lost", none: "No feed" };

function age(milliseconds) {
  const seconds = Math.max(Math.round(milliseconds / 1000), 0);
  if (seconds < 100) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

export class Freshness {
  constructor(pill, banner, { clock, at }) {
    Object.assign(this, { pill, banner, clock, at });
    this.word = pill.querySelector("[data-pill-word]");
    this.more = pill.querySelector("[data-pill-more]");
    this.glyph = pill.querySelector("use");
  }

  /** `feed` as BoardState.feed() says; `severed` is when the socket went, or null. `everUp` is false before the first snapshot. */
  show(feed, { severed, everUp }) {
    if (severed !== null || !everUp) {
      this.#set("reconnecting", everUp ? "Reconnecting" : "Connecting", everUp ? `last update ${this.at(severed, true)}` : "", "");
      return;
    }
    const ago = feed.lastLine === null ? "" : age(this.clock.now() - feed.lastLine);
    const since = feed.lastLine === null ? "" : ` since ${this.at(feed.lastLine)}`;
    const more = { live: ago, silent: ago && `for ${ago}`, lost: since.trim(), none: "" }[feed.state];
    const named = feed.names.length ? ` from ${feed.names.join(", ")}` : "";
    this.#set(feed.state, WORDS[feed.state], more, feed.state === "lost" ? `No feed${named}${since}. Calls shown may have ended.` : "");
  }

  #set(state, word, more, warning) {
    this.pill.className = `tb-pill tb-pill-${state}`;
    this.glyph.setAttribute("href", `#glyph-${state}`);
    setText(this.word, word);
    setText(this.more, more);
    if (WORDS[state]) this.#tellSidebar(state);
    if (!this.banner) return;
    this.banner.hidden = !warning;
    setText(this.banner.querySelector("[data-banner-text]"), warning);
  }

  /** The sidebar was drawn with the page; it follows what the board hears. */
  #tellSidebar(state) {
    for (const health of document.querySelectorAll("[data-feed-health]")) {
      const shown = health.firstElementChild;
      if (shown.classList.contains(`tb-state-${state}`)) continue;
      shown.className = `tb-state tb-state-${state}`;
      const glyph = this.pill.querySelector("svg").cloneNode(true);
      glyph.setAttribute("class", `tb-glyph tb-glyph-${state}`);
      shown.firstElementChild.replaceWith(glyph);
      setText(shown.lastElementChild, WORDS[state]);
    }
  }
}
