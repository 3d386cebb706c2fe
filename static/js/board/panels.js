import { duration, setText } from "./clock.js";

export class Panels {
	people = {};
	#html = {};
	#boxes = [...document.querySelectorAll("[data-panel]")];

	take({ type, panels, people }) {
		if (type === "snapshot") this.people = {};
		Object.assign(this.#html, panels);
		Object.assign(this.people, people);
	}

	/** One panel anew, and all with these calls; true if another waits. `isLinked`: nobody may look further. */
	show(calls, now, isLinked) {
		const htmlOf = (box) => this.#html[box.dataset.panel] ?? box.shown;
		const stale = this.#boxes.filter((box) => htmlOf(box) !== box.shown && !box.contains(document.activeElement));
		for (const box of stale.slice(0, 1)) {
			const html = box.shown = htmlOf(box);
			box.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
			if (isLinked) for (const link of box.querySelectorAll("a")) link.removeAttribute("href");
		}
		const waiting = Map.groupBy(calls.filter((call) => call.state === "queued"), (call) => `${call.feed}\n${call.device}`);
		for (const row of document.querySelectorAll("[data-queue]")) {
			const those = waiting.get(row.dataset.queue) ?? [];
			row.classList.toggle("tb-waits", those.length > 0);
			setText(row.querySelector("[data-waiting]"), those.length);
			setText(row.querySelector("[data-longest]"), those.length ? duration(now - Math.min(...those.map((call) => call.since))) : "–");
		}
		const onLine = calls.filter((call) => call.trunk && call.state !== "ended");
		const busy = Map.groupBy(onLine, (call) => call.carrier || "No carrier").set("All trunks", onLine);
		for (const row of document.querySelectorAll("[data-carrier]")) {
			setText(row.querySelector("[data-busy]"), new Set(busy.get(row.dataset.carrier)?.map((call) => `${call.feed}\n${call.trunk}`)).size);
		}
		return stale.length > 1;
	}
}
