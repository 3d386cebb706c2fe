// When a call wants attention, by this browser's thresholds and marked numbers.

import { WORDS, inside, outside, seconds } from "./words.js";

const KEPT = "tb-board";
const digits = (text) => text.replace(/\D/g, "").replace(/^0+/, "");
const property = (field) => (field.type === "checkbox" ? "checked" : "value");
let audio;

export class Alerts {
	#seen = null;

	constructor(dialog, onChange) {
		this.fields = [...dialog.querySelectorAll("[name]")];
		let kept = {};
		try { kept = JSON.parse(localStorage.getItem(KEPT)) ?? {}; } catch {}
		for (const field of this.fields) if (field.name in kept) field[property(field)] = kept[field.name];
		this.#read();
		dialog.addEventListener("change", ({ target }) => {
			if (target.name === "notify" && target.checked) globalThis.Notification?.requestPermission();
			if (target.name === "sound" && target.checked) beep();
			this.#read();
			try { localStorage.setItem(KEPT, JSON.stringify(this.values)); } catch {}
			onChange();
		});
	}

	#read() {
		this.values = Object.fromEntries(this.fields.map((field) => [field.name, field[property(field)]]));
		const { ringing, queued, held, talking, marked } = this.values;
		this.thresholds = { ringing: +ringing, queued: +queued, held: +held, talking: 60 * talking };
		this.marked = marked.split(",").map(digits).filter((number) => number.length > 2);
	}

	isMarked(call) {
		return this.marked.some((number) => digits(call.number).endsWith(number));
	}

	/** Sound and notice for those that are new among these. */
	watch(calls) {
		const before = this.#seen;
		const key = (call) => `${call.id} ${call.state}`;
		this.#seen = new Set(calls.map(key));
		const fresh = calls.filter((call) => before && !before.has(key(call)));
		if (!fresh.length) return;
		if (this.values.sound) beep();
		if (!this.values.notify || globalThis.Notification?.permission !== "granted") return;
		for (const call of fresh.slice(0, 3)) {
			const why = this.isMarked(call) ? ", marked number" : ` over ${seconds(this.thresholds[call.state])}`;
			new Notification(WORDS[call.state] + why, { body: `${outside(call)}, ${inside(call)}`, tag: `tb-${call.id}` });
		}
	}
}

function beep() {
	audio ??= new AudioContext();
	const tone = audio.createOscillator();
	tone.frequency.setValueAtTime(880, audio.currentTime);
	tone.frequency.setValueAtTime(660, audio.currentTime + 0.12);
	tone.connect(new GainNode(audio, { gain: 0.08 })).connect(audio.destination);
	tone.start();
	tone.stop(audio.currentTime + 0.3);
}
