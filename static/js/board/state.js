// What the board knows, and in which order.

export const STATES = ["queued", "ringing", "held", "talking"];
const ENDED_STAYS = 8_000;
const RANK = { queued: 1, ringing: 1, held: 2, talking: 3, ended: 4 };

export class BoardState {
	calls = new Map();
	feeds = [];
	lastEnded = "";
	#seq = null;

	constructor(alerts) {
		this.alerts = alerts;
	}

	apply({ type, seq, calls, changed, removed, feeds }, now) {
		if (type === "snapshot") {
			for (const call of this.calls.values()) if (call.state !== "ended") this.calls.delete(call.id);
		} else if (this.#seq === null || seq > this.#seq + 1) return false;
		else if (seq <= this.#seq) return true;
		for (const call of calls ?? changed) this.#put(call, now);
		for (const id of removed ?? []) this.calls.delete(id);
		this.#seq = seq;
		this.feeds = feeds;
		return true;
	}

	#put(call, now) {
		call.since = Date.parse(call.state_since ?? call.started_at);
		if (call.state === "ended") {
			call.leavesAt = this.calls.get(call.id)?.leavesAt ?? now + ENDED_STAYS;
			this.lastEnded = Math.max(Date.parse(call.ended_at), this.lastEnded);
			if (now > call.leavesAt) return;
		}
		this.calls.set(call.id, call);
	}

	expire(now) {
		for (const call of this.calls.values()) if (call.leavesAt <= now) this.calls.delete(call.id);
	}

	isOver(call, now) {
		return now - call.since >= this.alerts.thresholds[call.state] * 1_000;
	}

	/** Over threshold (a long talk is normal), or with a marked number. */
	isUrgent(call, now) {
		return call.state !== "ended" && (this.alerts.isMarked(call) || (call.state !== "talking" && this.isOver(call, now)));
	}

	/** Urgent, waiting, held, talking, ended; the longest first. */
	ordered(now) {
		const ranked = [...this.calls.values()].map((call) => [this.isUrgent(call, now) ? 0 : RANK[call.state], call]);
		ranked.sort(([a, one], [b, other]) => a - b || one.since - other.since || one.id - other.id);
		return ranked.map(([, call]) => call);
	}

	counts() {
		const counts = { all: 0, queued: 0, ringing: 0, held: 0, talking: 0, ended: 0 };
		for (const { state } of this.calls.values()) counts[state] += 1;
		counts.all = this.calls.size - counts.ended;
		return counts;
	}

	feed() {
		const state = ["lost", "silent", "live"].find((word) => this.feeds.some((feed) => feed.state === word)) ?? "none";
		const those = this.feeds.filter((feed) => feed.state === state);
		const lines = those.map((feed) => Date.parse(feed.last_line_at)).filter(Boolean);
		const names = those.map((feed) => feed.name).join(", ");
		const error = this.feeds.map((feed) => feed.error).join(" ").trim();
		return { state, names, error, lastLine: lines.length ? Math.max(...lines) : null, usual: those[0]?.usual_seconds };
	}
}
