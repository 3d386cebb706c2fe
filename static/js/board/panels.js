import { duration, setText } from "./clock.js";
import { collect } from "./words.js";

export class Panels {
	people = {};
	#html = {};
	#boxes = [...document.querySelectorAll("[data-panel]")];

	take({ type, panels, people }) {
		if (type === "snapshot") this.people = {};
		Object.assign(this.#html, panels);
		Object.assign(this.people, people);
	}

	/** The panels with these calls; one that has the focus waits. `isLinked`: nobody may look further. */
	show(calls, now, isLinked) {
		for (const box of this.#boxes) {
			const html = this.#html[box.dataset.panel];
			if (html === undefined || html === box.shown || box.contains(document.activeElement)) continue;
			box.shown = html;
			box.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
			if (isLinked) for (const link of box.querySelectorAll("a")) link.removeAttribute("href");
		}
		const open = calls.filter((call) => call.state !== "ended");
		const waiting = collect(open.filter((call) => call.state === "queued").map((call) => [`${call.feed}\n${call.device}`, call.since]));
		for (const row of document.querySelectorAll("[data-queue]")) {
			const since = waiting.get(row.dataset.queue) ?? [];
			row.classList.toggle("tb-waits", since.length > 0);
			setText(row.querySelector("[data-waiting]"), since.length);
			setText(row.querySelector("[data-longest]"), since.length ? duration(now - Math.min(...since)) : "–");
		}
		const onLine = open.filter((call) => call.trunk).map((call) => [call.carrier || "No carrier", `${call.feed}\n${call.trunk}`]);
		const busy = collect([...onLine, ...onLine.map(([, trunk]) => ["All trunks", trunk])]);
		for (const row of document.querySelectorAll("[data-carrier]")) {
			setText(row.querySelector("[data-busy]"), new Set(busy.get(row.dataset.carrier)).size);
		}
	}
}
