// One row a call; the order holds still while somebody points at it or is in it.

import { duration, setText } from "./clock.js";
import { inside, look, outside, seconds, took, word } from "./words.js";

const MOST_MOVED = 60; // of a longer list nothing glides
const BESIDE = 6; // rows ready above and below those in sight
const MOST_MADE = 8; // a frame
const NEW_FOR = 5_000;
const still = matchMedia("(prefers-reduced-motion: reduce)");

export class Rows {
	#rows = new Map();
	#order = [];
	#pointed = false;
	#printed = false;

	/** `limit()` is how many rows fit; without it only those in sight are made. */
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
		for (const type of ["scroll", "resize"]) addEventListener(type, onFreeze, { passive: true });
		for (const type of ["beforeprint", "afterprint"]) addEventListener(type, () => onFreeze(this.#printed = type === "beforeprint"));
	}

	/** Returns how many open calls are not listed; `areBehind` if there was not time for all rows. */
	show(items, force) {
		const now = this.clock.now();
		const isHeld = !force && (this.#pointed || this.body.contains(document.activeElement));
		const wanted = isHeld ? this.#held() : this.limit ? items.slice(0, this.limit()) : items;
		const [first, last] = this.#inSight(wanted);
		const shown = wanted.slice(first, last);
		const staying = new Set(shown.map(({ id }) => id));
		for (const id of this.#rows.keys()) if (!staying.has(id)) this.#remove(id);
		this.#order = wanted;
		this.#arrange(shown.map((item) => this.#fill(item, now)), first);
		if (wanted === items) return 0;
		const listed = new Set(wanted.map(({ id }) => id));
		return items.filter(({ id, head, state }) => !head && state !== "ended" && !listed.has(id)).length;
	}

	#held() {
		const { calls } = this.state;
		return this.#order.map((item) => calls.get(item.id) ?? item).filter(({ id, head, state }) => head || state === "ended" || calls.has(id));
	}

	/** From which place to which there are rows; the list is as high as if all were there. */
	#inSight(wanted) {
		const { body } = this;
		const count = wanted.length;
		const height = body.firstElementChild?.offsetHeight;
		this.areBehind = !height && count > 0;
		if (this.limit || this.#printed) return [0, count];
		if (!height) return [0, MOST_MADE];
		const { top } = body.getBoundingClientRect();
		const first = Math.min(Math.max(Math.floor(-top / height) - BESIDE, 0), count);
		let last = Math.min(Math.max(Math.ceil((innerHeight - top) / height) + BESIDE, 0), count);
		const made = wanted.slice(first, last).filter(({ id }) => !this.#rows.has(id));
		this.areBehind = made.length > MOST_MADE;
		if (this.areBehind) last = wanted.indexOf(made[MOST_MADE]);
		body.style.padding = `${first * height}px 0 ${(count - last) * height}px`;
		return [first, last];
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
			setText(parts.head, item.head);
			setText(parts.count, item.count);
			return row;
		}
		const { alerts } = this.state;
		const over = item.state !== "ended" && this.state.isOver(item, now);
		const marked = alerts.isMarked(item);
		if (row.item === item && row.over === over && row.marked === marked) return row;
		if (row.item && row.item.state !== item.state) element.classList.remove("tb-new");
		Object.assign(row, { item, over, marked });
		element.dataset.state = look(item);
		element.classList.toggle("tb-ended", item.state === "ended");
		element.classList.toggle("tb-over", over);
		parts.mark.hidden = !marked;
		parts.glyph.setAttribute("href", `#glyph-${look(item)}`);
		setText(parts.word, word(item));
		setText(parts.over, over ? `, over ${seconds(alerts.thresholds[item.state])}` : "");
		this.#fillParties(parts, item);
		if (item.state === "ended") {
			this.timers.stop(parts.timer);
			setText(parts.timer, duration(took(item)));
		} else this.timers.run(parts.timer, item.since);
		return row;
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

	#arrange(rows, first) {
		let place = this.body.firstElementChild;
		const moved = [];
		rows.forEach((row, index) => {
			const { element } = row;
			if (element === place || element === place?.nextElementSibling) place = element.nextElementSibling;
			else this.body.insertBefore(element, place);
			const by = row.index - first - index;
			row.index = first + index;
			if (by) moved.push([element, by]);
		});
		if (!moved.length || this.#order.length > MOST_MOVED || still.matches || document.hidden) return;
		const height = this.body.firstElementChild.offsetHeight;
		for (const [element, by] of moved) {
			element.animate({ transform: [`translateY(${by * height}px)`, "none"] }, { duration: 180, easing: "ease-out" });
		}
	}
}
