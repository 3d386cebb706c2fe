// The server's clock, and timers: a tick a second, for what is in sight only.

export function duration(milliseconds) {
	const seconds = Math.max(Math.floor(milliseconds / 1000), 0);
	const [h, m] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
	const two = (number) => `${number}`.padStart(2, "0");
	return `${h ? `${h}:${two(m)}` : m}:${two(seconds % 60)}`;
}

export function setText(element, text) {
	if (element.textContent !== `${text}`) element.textContent = text;
}

export class Clock {
	#offset = 0;
	#stoppedAt = null;

	/** The message that travelled fastest tells the offset best; a jump means that our own clock was set. */
	sync(serverTime, { anew }) {
		const offset = Date.parse(serverTime) - Date.now();
		if (anew || offset > this.#offset || this.#offset - offset > 2_000) this.#offset = offset;
		this.#stoppedAt = null;
	}

	stop() {
		this.#stoppedAt ??= this.now();
	}

	now() {
		return this.#stoppedAt ?? Date.now() + this.#offset;
	}

	everySecond(listener) {
		const next = () => {
			listener();
			setTimeout(next, 1_000 - (Date.now() + this.#offset) % 1_000);
		};
		next();
	}
}

export class Timers {
	#visible = new Set();
	#observer = new IntersectionObserver((entries) => {
		for (const { target, isIntersecting } of entries) {
			if (isIntersecting && target.since) {
				this.#visible.add(target);
				this.#show(target);
			} else this.#visible.delete(target);
		}
	});

	constructor(clock) {
		this.clock = clock;
	}

	run(element, since) {
		element.since = since;
		this.#observer.observe(element);
		this.#show(element);
	}

	stop(element) {
		this.#observer.unobserve(element);
		this.#visible.delete(element);
		delete element.since;
	}

	tick() {
		for (const element of this.#visible) this.#show(element);
	}

	#show(element) {
		setText(element, duration(this.clock.now() - element.since));
	}
}
