const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;
const QUIET = 8_000; // the server is heard every 5: ask whether the line still stands
const ANSWER_WITHIN = 5_000;
const ASLEEP = 5_000; // a second that lasted so long was sleep

export class Connection {
	#socket = null;
	#failures = 0;
	#retry = 0;
	#answerBy = 0;
	#heardAt = 0;
	#tickedAt = Date.now();

	constructor(path, { onMessage, onDown }) {
		this.address = new URL(path, location.href.replace(/^http/, "ws")).href;
		this.onMessage = onMessage;
		this.onDown = onDown;
	}

	start() {
		this.#open();
		setInterval(() => this.#watch(), 1_000);
		for (const event of ["online", "offline", "pageshow"]) addEventListener(event, () => this.#check());
		document.addEventListener("visibilitychange", () => document.hidden || this.#check());
	}

	resync() {
		if (this.#socket?.readyState !== WebSocket.OPEN || this.#answerBy) return;
		this.#socket.send('{"type":"resync"}');
		this.#answerBy = performance.now() + ANSWER_WITHIN;
	}

	#open() {
		clearTimeout(this.#retry);
		const socket = this.#socket = new WebSocket(this.address);
		this.#heardAt = performance.now();
		this.#answerBy = this.#heardAt + 2 * ANSWER_WITHIN;
		socket.onmessage = ({ data }) => socket === this.#socket && this.#hear(JSON.parse(data));
		socket.onclose = () => socket === this.#socket && this.#lose();
	}

	#hear(message) {
		this.#heardAt = performance.now();
		if (message.type === "snapshot") {
			this.#failures = 0;
			this.#answerBy = 0;
		}
		this.onMessage(message);
	}

	#lose() {
		const socket = this.#socket;
		this.#socket = null;
		this.#answerBy = 0;
		socket?.close();
		this.onDown();
		this.#failures += 1;
		const pause = Math.min(FIRST_PAUSE * 2 ** (this.#failures - 1), LONGEST_PAUSE);
		this.#retry = setTimeout(() => this.#open(), pause * (0.5 + Math.random() / 2));
		if (this.#failures > 1) this.#leaveIfSignedOut();
	}

	#watch() {
		const now = performance.now();
		const slept = Date.now() - this.#tickedAt > ASLEEP && !document.hidden;
		this.#tickedAt = Date.now();
		if (!this.#socket) return;
		if (this.#answerBy && now > this.#answerBy && !slept) this.#lose();
		else if (slept || now - this.#heardAt > QUIET) this.#check();
	}

	#check() {
		if (!this.#socket) this.#open();
		else this.resync();
	}

	async #leaveIfSignedOut() {
		try {
			const page = await fetch(location.href, { method: "HEAD", redirect: "manual", cache: "no-store" });
			if (page.type === "opaqueredirect" || page.status === 403) location.reload();
		} catch { /* no network: the next try says more */ }
	}
}
