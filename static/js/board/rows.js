// The list: one row a call; the order holds still while somebody points at it or is in it.

import { duration, setText } from "./clock.js";
import { inside, look, outside, seconds, took, word } from "./words.js";

const MOST_MOVES = 60;
const MOST_ADDED = 100; // in one frame
const NEW_FOR = 5_000;
const still = matchMedia("(prefers-reduced-motion: reduce)");

export class Rows {
	#rows = new Map();
	#order = [];
	#pointed = false;

	/** `limit()` is how many rows fit; without `onFreeze` the list never holds still. */
	constructor(body, { templates, state, clock, timers, callAddress, limit, onFreeze }) {
		Object.assign(this, { body, templates, state, clock, timers, callAddress, limit });
		if (!onFreeze) return;
		for (const type of ["pointerenter", "pointerleave"]) {
			body.addEventListener(type, ({ pointerType }) => {
				if (pointerType === "touch") return;
				this.#pointed = type === "pointerenter";
				onFreeze();
			});
		}
		body.addEventListener("focusout", () => requestAnimationFrame(onFreeze));
	}

	get frozen() {
		return this.#pointed || this.body.contains(document.activeElement);
	}

	/** Returns how many open calls have no row, and if a frame more is needed. */
	show(items, force) {
		const now = this.clock.now();
		let space = MOST_ADDED;
		const wanted = this.frozen && !force ? this.#held() : items.slice(0, this.limit?.());
		const shown = wanted.filter(({ id }) => this.#rows.has(id) || space-- > 0);
		const before = new Map(this.#order.map((id, index) => [id, index]));
		this.#order = shown.map(({ id }) => id);
		const staying = new Set(this.#order);
		for (const id of this.#rows.keys()) if (!staying.has(id)) this.#remove(id);
		for (const item of shown) this.#fill(item, now);
		this.#arrange(before);
		const isOut = ({ id, head, state }) => !head && state !== "ended" && !staying.has(id);
		return { unseen: space < 0 ? 0 : items.filter(isOut).length, isPending: space < 0 };
	}

	#held() {
		const { calls } = this.state;
		return this.#order.map((id) => calls.get(id) ?? this.#rows.get(id).item).filter(({ id, head, state }) => head || state === "ended" || calls.has(id));
	}

	#add(item, now) {
		const element = this.templates[item.head ? 1 : 0].content.firstElementChild.cloneNode(true);
		const parts = {};
		for (const part of element.querySelectorAll("[data-part]")) parts[part.dataset.part] = part;
		const row = { element, parts };
		element.classList.toggle("tb-new", item.state === "ringing" && now - item.since < NEW_FOR);
		this.#rows.set(item.id, row);
		return row;
	}

	#remove(id) {
		const { element, parts } = this.#rows.get(id);
		if (parts.timer) this.timers.stop(parts.timer);
		element.remove();
		this.#rows.delete(id);
	}

	#fill(item, now) {
		const row = this.#rows.get(item.id) ?? this.#add(item, now);
		const { element, parts } = row;
		if (item.head) {
			row.item = item;
			setText(parts.head, item.head);
			setText(parts.count, item.count);
			return;
		}
		const { alerts } = this.state;
		const over = item.state !== "ended" && this.state.isOver(item, now);
		const marked = alerts.isMarked(item);
		if (row.item === item && row.over === over && row.marked === marked) return;
		if (row.item && row.item.state !== item.state) element.classList.remove("tb-new");
		Object.assign(row, { item, over, marked });
		element.dataset.state = look(item);
		element.classList.toggle("tb-ended", item.state === "ended");
		element.classList.toggle("tb-over", over);
		parts.mark.toggleAttribute("hidden", !marked);
		parts.glyph.setAttribute("href", `#glyph-${look(item)}`);
		setText(parts.word, word(item));
		setText(parts.over, over ? `, over ${seconds(alerts.thresholds[item.state])}` : "");
		this.#fillParties(parts, item);
		if (item.state === "ended") {
			this.timers.stop(parts.timer);
			setText(parts.timer, duration(took(item)));
		} else this.timers.run(parts.timer, item.since);
	}

	#fillParties(parts, call) {
		const out = call.direction === "out";
		const whom = inside(call);
		const from = call.from_extension_name || call.from_extension;
		const line = call.did_name || (out ? "" : call.did);
		parts.arrow.setAttribute("href", out ? "#icon-arrow-up-right" : "#icon-arrow-down-left");
		const address = this.callAddress(call.id);
		if (address) parts.link.href = address;
		const texts = {
			direction: out ? "out, to " : "in, from ",
			name: outside(call),
			number: call.contact_name ? call.number_display : "",
			whom,
			from: from && from !== whom ? ` from ${from}` : "",
			line,
			trunk: line ? call.trunk : call.trunk_name || call.trunk,
			account: call.account_code,
		};
		for (const name in texts) setText(parts[name], texts[name]);
		parts.name.title = texts.name;
		parts["whom-cell"].title = whom + texts.from;
		parts["line-cell"].title = [line, call.trunk_name, call.trunk].filter(Boolean).join(", ");
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
			element.animate({ transform: [`translateY(${by * height}px)`, "none"] }, { duration: 180, easing: "ease-out" });
		}
	}
}
