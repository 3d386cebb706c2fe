import { setText } from "./clock.js";
import { WORDS, outside } from "./words.js";

const MATTERS = ["talking", "held", "ringing", "queued"];

export class People {
	#tiles = new Map();
	#groups;

	constructor(container, { timers, callAddress }) {
		Object.assign(this, { timers, callAddress });
		this.#groups = [...container.querySelectorAll("[data-busy]")].map((busy) => {
			const tiles = [...busy.closest("section").querySelectorAll(".tb-tile")].map((element) => this.#take(element));
			return { busy, tiles };
		});
	}

	#take(element) {
		const [glyph, , word, party, timer] = element.children;
		const tile = { element, use: glyph.firstElementChild, word, party, timer };
		this.#tiles.set(element.dataset.place, tile);
		return tile;
	}

	show(calls, days) {
		const theirs = new Map();
		for (const call of calls) {
			if (call.state === "ended") continue;
			const place = `${call.feed}\n${call.device || call.extension}`;
			const other = theirs.get(place);
			if (!other || MATTERS.indexOf(call.state) < MATTERS.indexOf(other.state)) theirs.set(place, call);
		}
		for (const [place, tile] of this.#tiles) this.#fill(tile, theirs.get(place) ?? null, days[place]);
		for (const { busy, tiles } of this.#groups) {
			setText(busy, `${tiles.filter((tile) => tile.call).length} of ${tiles.length} busy`);
		}
		return [...this.#tiles.values()].filter((tile) => tile.call).length;
	}

	#fill(tile, call, day) {
		const { element, party } = tile;
		if (!call) {
			const [short, long] = day ?? [element.dataset.number, ""];
			setText(party, short);
			if (party.title !== long) party.title = long;
		}
		if (tile.call === call) return;
		tile.call = call;
		const state = call?.state ?? "idle";
		element.dataset.state = state;
		tile.use.setAttribute("href", `#glyph-${state}`);
		setText(tile.word, call ? `, ${WORDS[state].toLowerCase()}, ` : ", idle, ");
		if (call) {
			setText(party, outside(call));
			party.title = outside(call);
			party.classList.toggle("tb-tile-number", !call.contact_name);
			const address = this.callAddress(call.id);
			if (address) element.href = address;
			this.timers.run(tile.timer, call.since);
		} else {
			element.removeAttribute("href");
			this.timers.stop(tile.timer);
			setText(tile.timer, "");
		}
	}
}
