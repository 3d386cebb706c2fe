// The people: a tile an extension, in its department, always in the same place.

import { setText } from "./clock.js";
import { WORDS, outside } from "./words.js";

const MATTERS = ["talking", "held", "ringing", "queued"];

const key = (feed, number) => `${feed}\n${number}`;

export class People {
  #tiles = new Map();
  #groups = [];

  /** `directory` is a list of {number, feed, name, department}, in the order of the tiles. */
  constructor(container, { directory, groupTemplate, tileTemplate, timers, today, callAddress }) {
    Object.assign(this, { timers, today, callAddress });
    const byDepartment = new Map();
    for (const person of directory) {
      if (!byDepartment.has(person.department)) byDepartment.set(person.department, []);
      byDepartment.get(person.department).push(person);
    }
    for (const [department, people] of byDepartment) {
      const element = groupTemplate.content.firstElementChild.cloneNode(true);
      setText(element.querySelector("[data-department]"), department || "No department");
      const tiles = people.map((person) => this.#makeTile(person, tileTemplate));
      element.querySelector("[data-tiles]").append(...tiles.map((tile) => tile.element));
      this.#groups.push({ busy: element.querySelector("[data-busy]"), tiles });
      container.append(element);
    }
  }

  #makeTile(person, template) {
    const element = template.content.firstElementChild.cloneNode(true);
    const part = (name) => element.querySelector(`[data-${name}]`);
    const tile = { element, person, call: undefined, glyph: element.querySelector("use") };
    for (const name of ["name", "word", "party", "timer"]) tile[name] = part(name);
    setText(tile.name, person.name || person.number);
    tile.name.title = person.name || person.number;
    this.#tiles.set(key(person.feed, person.number), tile);
    return tile;
  }

  /** Show who is in which of these calls. Returns {busy, all}. */
  show(calls) {
    const theirs = new Map();
    for (const call of calls) {
      if (call.state === "ended") continue;
      const place = key(call.feed, call.device || call.extension);
      const other = theirs.get(place);
      if (!other || MATTERS.indexOf(call.state) < MATTERS.indexOf(other.state)) theirs.set(place, call);
    }
    for (const [place, tile] of this.#tiles) this.#fill(tile, theirs.get(place) ?? null, place);
    for (const { busy, tiles } of this.#groups) {
      setText(busy, `${tiles.filter((tile) => tile.call).length} of ${tiles.length} busy`);
    }
    return { busy: [...this.#tiles.values()].filter((tile) => tile.call).length, all: this.#tiles.size };
  }

  #fill(tile, call, place) {
    if (!call) this.#fillDay(tile, place);
    if (tile.call === call) return;
    tile.call = call;
    const state = call?.state ?? "idle";
    tile.element.dataset.state = state;
    tile.glyph.setAttribute("href", `#glyph-${state}`);
    setText(tile.word, call ? `, ${WORDS[state].toLowerCase()}, ` : ", idle, ");
    if (call) {
      setText(tile.party, outside(call));
      tile.party.title = outside(call);
      tile.party.classList.toggle("tb-tile-number", !call.contact_name);
      tile.element.href = this.callAddress(call.id);
      this.timers.run(tile.timer, call.since);
    } else {
      tile.element.removeAttribute("href");
      this.timers.stop(tile.timer);
      setText(tile.timer, "");
    }
  }

  #fillDay(tile, place) {
    const { short, long } = this.today.of(place) ?? { short: tile.person.number, long: "" };
    setText(tile.party, short);
    if (tile.party.title !== long) tile.party.title = long;
  }
}
