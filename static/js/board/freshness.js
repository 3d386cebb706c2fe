import { setText } from "./clock.js";

const ENDED = "Calls shown may have ended";

function age(milliseconds) {
	const seconds = Math.max(Math.round(milliseconds / 1000), 0);
	if (seconds < 100) return `${seconds} s`;
	const minutes = Math.round(seconds / 60);
	return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

export class Freshness {
	constructor(pill, banner, { clock, at }) {
		Object.assign(this, { pill, banner, clock, at });
		this.glyph = pill.querySelector("use");
	}

	/** `severed` is when the socket went, or null; `everUp` is false before the first snapshot. */
	show({ state, names, error, lastLine, usual }, { severed, everUp }) {
		if (severed !== null || !everUp) {
			this.#set("reconnecting", everUp ? "Reconnecting" : "Connecting", everUp ? `last update ${this.at(severed, true)}` : "");
			return;
		}
		const ago = lastLine && age(this.clock.now() - lastLine);
		const since = lastLine ? `since ${this.at(lastLine)}` : "";
		if (state === "lost") {
			const from = names ? `from ${names} ` : "";
			this.#set(state, "No feed", this.banner ? since : `${since}. ${ENDED}`, `No feed ${from}${since}. ${ENDED}. ${error}`);
		} else if (error) this.#set("silent", "Held up", this.banner ? ago ?? "" : error, error);
		else if (state === "silent") {
			this.#set(state, "Silent", `for ${ago}${usual ? `; usually every ${age(1000 * usual)}` : ""}`);
		} else this.#set(state, state === "live" ? "Live" : "No feed", ago ?? "");
	}

	#set(state, word, more, warning = "") {
		this.pill.className = `tb-pill tb-pill-${state}`;
		this.glyph.setAttribute("href", `#glyph-${state}`);
		setText(this.pill.querySelector("[data-pill-word]"), word);
		setText(this.pill.querySelector("[data-pill-more]"), more);
		if (!this.banner) return;
		this.banner.hidden = !warning;
		setText(this.banner.querySelector("[data-banner-text]"), warning);
	}
}
