// The list of calls: one row a call, kept by id; the order holds still while somebody points at it or is in it.

import { duration, setText } from "./clock.js";
import { inside, look, outside, seconds, took, word } from "./words.js";

const MOST_MOVES = 60;
const NEW_FOR = 5_000;
const REORDER = { duration: 180, easing: "ease-out" };
const still = matchMedia("(prefers-reduced-motion: reduce)");

export class Rows {
  #rows = new Map();
  #order = [];
  #pointed = false;

  /** `limit()` is how many rows fit; `onFreeze` hears of every change of `frozen`; without it the list never holds still. */
  constructor(body, template, { state, clock, timers, callAddress, limit, onFreeze }) {
    Object.assign(this, { body, template, state, clock, timers, callAddress, limit });
    if (!onFreeze) return;
    const hold = (event) => {
      if (event.pointerType === "touch") return;
      this.#pointed = event.type === "pointerenter";
      onFreeze();
    };
    body.addEventListener("pointerenter", hold);
    body.addEventListener("pointerleave", hold);
    body.addEventListener("focusout", () => requestAnimationFrame(onFreeze));
  }

  get frozen() {
    return this.#pointed || this.body.contains(document.activeElement);
  }

  /** Show these calls, in this order unless frozen. Returns how many open calls have no row. */
  show(calls, { force = false } = {}) {
    const now = this.clock.now();
    const shown = this.frozen && !force ? this.#held() : calls.slice(0, this.limit?.());
    const before = new Map(this.#order.map((id, index) => [id, index]));
    this.#order = shown.map((call) => call.id);
    const staying = new Set(this.#order);
    for (const id of this.#rows.keys()) if (!staying.has(id)) this.#remove(id);
    for (const call of shown) this.#fill(call, now);
    this.#arrange(before);
    return calls.filter((call) => call.state !== "ended" && !staying.has(call.id)).length;
  }

  /** The rows as they are: ended ones stay, gone ones go, new ones wait. */
  #held() {
    return this.#order
      .map((id) => this.state.calls.get(id) ?? this.#rows.get(id).call)
      .filter((call) => call.state === "ended" || this.state.calls.has(call.id));
  }

  #add(call, now) {
    const element = this.template.content.firstElementChild.cloneNode(true);
    const parts = {};
    for (const part of element.querySelectorAll("[data-part]")) parts[part.dataset.part] = part;
    const row = { element, parts, call: null, over: false };
    element.classList.toggle("tb-new", call.state === "ringing" && now - call.since < NEW_FOR);
    this.#rows.set(call.id, row);
    return row;
  }

  #remove(id) {
    const { element, parts } = this.#rows.get(id);
    this.timers.stop(parts.timer);
    element.remove();
    this.#rows.delete(id);
  }

  #fill(call, now) {
    const row = this.#rows.get(call.id) ?? this.#add(call, now);
    const over = call.state !== "ended" && this.state.isOver(call, now);
    if (row.call === call && row.over === over) return;
    const { element, parts } = row;
    if (row.call && row.call.state !== call.state) element.classList.remove("tb-new");
    Object.assign(row, { call, over });
    element.dataset.state = look(call);
    element.classList.toggle("tb-ended", call.state === "ended");
    element.classList.toggle("tb-over", over);
    parts.glyph.setAttribute("href", `#glyph-${look(call)}`);
    setText(parts.word, word(call));
    setText(parts.over, over ? `, over ${seconds(this.state.thresholds[call.state])}` : "");
    this.#fillParties(parts, call);
    if (call.state === "ended") {
      this.timers.stop(parts.timer);
      setText(parts.timer, duration(took(call)));
    } else this.timers.run(parts.timer, call.since);
  }

  #fillParties(parts, call) {
    const out = call.direction === "out";
    parts.arrow.setAttribute("href", out ? "#icon-arrow-up-right" : "#icon-arrow-down-left");
    setText(parts.direction, out ? "out, to " : "in, from ");
    parts.link.href = this.callAddress(call.id);
    setText(parts.name, outside(call));
    parts.name.title = outside(call);
    setText(parts.number, call.contact_name ? call.number_display : "");
    const from = call.from_extension_name || call.from_extension;
    setText(parts.whom, inside(call));
    setText(parts.from, from && from !== inside(call) ? ` from ${from}` : "");
    parts["whom-cell"].title = parts.whom.textContent + parts.from.textContent;
    setText(parts.line, call.did_name || (out ? "" : call.did));
    setText(parts.trunk, parts.line.textContent ? call.trunk : call.trunk_name || call.trunk);
    parts["line-cell"].title = [parts.line.textContent, call.trunk_name, call.trunk].filter(Boolean).join(", ");
    setText(parts.account, call.account_code);
  }

  #arrange(before) {
    let place = this.body.firstElementChild;
    const moved = [];
    this.#order.forEach((id, index) => {
      const { element } = this.#rows.get(id);
      if (element === place) place = place.nextElementSibling;
      else this.body.insertBefore(element, place);
      if (before.has(id) && before.get(id) !== index) moved.push([element, before.get(id) - index]);
    });
    if (!moved.length || moved.length > MOST_MOVES || still.matches || document.hidden) return;
    const height = this.body.firstElementChild.offsetHeight;
    for (const [element, by] of moved) {
      element.animate({ transform: [`translateY(${by * height}px)`, "none"] }, REORDER);
    }
  }
}
