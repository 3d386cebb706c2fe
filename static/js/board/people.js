import { setText } from "./clock.js";
import { STATES } from "./state.js";
import { WORDS, outside } from "./words.js";

const MOST_FILLED = 50; // a frame

export class People {
	#tiles;

	constructor(container, { timers, callAddress }) {
		Object.assign(this, { timers, callAddress });
		this.#tiles = [...container.querySelectorAll(".tb-tile")].map((element) => {
			const [glyph, , word, party, timer] = element.children;
			const note = element.closest("section").querySelector("[data-busy]");
			return { element, use: glyph.firstElementChild, word, party, timer, note };
		});
	}

	/** Returns how many are busy; `areBehind` if there was not time for all tiles. */
	show(calls, days) {
		const theirs = new Map();
		for (const call of calls) {
			if (call.state === "ended") continue;
			const place = `${call.feed}\n${call.device || call.extension}`;
			const other = theirs.get(place);
			if (STATES.indexOf(call.state) > STATES.indexOf(other?.state)) theirs.set(place, call);
		}
		let filled = 0;
		this.areBehind = this.#tiles.some((tile) => {
			const { place } = tile.element.dataset;
			filled += this.#fill(tile, theirs.get(place) ?? null, days[place]);
			return filled > MOST_FILLED;
		});
		const busy = (tiles) => `${tiles.filter((tile) => tile.call).length} of ${tiles.length} busy`;
		for (const [note, tiles] of Map.groupBy(this.#tiles, (tile) => tile.note)) setText(note, busy(tiles));
		return this.#tiles.length ? busy(this.#tiles) : "";
	}

	#fill(tile, call, day) {
		const { element, party } = tile;
		if (tile.call === call && (call || tile.day === day)) return false;
		Object.assign(tile, { call, day });
		const state = call?.state ?? "idle";
		element.dataset.state = state;
		tile.use.setAttribute("href", `#glyph-${state}`);
		setText(tile.word, call ? `, ${WORDS[state].toLowerCase()}, ` : ", idle, ");
		[party.textContent, party.title] = call ? [outside(call), outside(call)] : (day ?? [element.dataset.number, ""]);
		party.classList.toggle("tb-tile-number", call && !call.contact_name);
		if (call) {
			const address = this.callAddress(call.id);
			if (address) element.href = address;
			this.timers.run(tile.timer, call.since);
		} else {
			element.removeAttribute("href");
			this.timers.stop(tile.timer);
			setText(tile.timer, "");
		}
		return true;
	}
}
