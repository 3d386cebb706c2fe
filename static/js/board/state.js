// What the board knows: calls by id, totals, feeds; and the order in which calls are shown. No page in here.

export const STATES = ["queued", "ringing", "held", "talking"];
const ENDED_STAYS = 8_000;
const GROUP = { queued: 1, ringing: 1, held: 2, talking: 3, ended: 4 };

export class BoardState {
  calls = new Map();
  totals = {};
  feeds = [];
  lastEnded = null;
  #seq = null;

  constructor(thresholdSeconds) {
    this.thresholds = thresholdSeconds;
  }

  /** Take a message in; false if one before it is missing. */
  apply(message, now) {
    if (message.type === "snapshot") this.#replace(message.calls, now);
    else if (message.type === "delta") {
      if (this.#seq === null || message.seq > this.#seq + 1) return false;
      if (message.seq <= this.#seq) return true;
      for (const call of message.changed) this.#put(call, now);
      for (const id of message.removed) this.calls.delete(id);
    } else return true;
    this.#seq = message.seq;
    this.totals = message.totals;
    this.feeds = message.feeds;
    return true;
  }

  #replace(calls, now) {
    for (const call of this.calls.values()) if (call.state !== "ended") this.calls.delete(call.id);
    for (const call of calls) this.#put(call, now);
  }

  #put(call, now) {
    call.since = Date.parse(call.state_since ?? call.started_at);
    if (call.state === "ended") {
      call.leavesAt = this.calls.get(call.id)?.leavesAt ?? now + ENDED_STAYS;
      const ended = Date.parse(call.ended_at);
      if (ended > (this.lastEnded ?? 0)) this.lastEnded = ended;
      if (now > call.leavesAt) return;
    }
    this.calls.set(call.id, call);
  }

  /** Let go of the calls whose last seconds are over. */
  expire(now) {
    for (const call of this.calls.values()) if (call.leavesAt <= now) this.calls.delete(call.id);
  }

  isOver(call, now) {
    return now - call.since >= this.thresholds[call.state] * 1_000;
  }

  /** Over threshold, waiting, held, talking, ended; the longest first. A long talk is normal: it stays in its group. */
  ordered(now) {
    const rank = (call) => (call.state !== "talking" && this.isOver(call, now) ? 0 : GROUP[call.state]);
    return [...this.calls.values()]
      .map((call) => ({ call, rank: rank(call) }))
      .sort((a, b) => a.rank - b.rank || a.call.since - b.call.since || a.call.id - b.call.id)
      .map(({ call }) => call);
  }

  counts() {
    const counts = { all: 0, queued: 0, ringing: 0, held: 0, talking: 0 };
    for (const { state } of this.calls.values()) {
      if (state === "ended") continue;
      counts.all += 1;
      counts[state] += 1;
    }
    return counts;
  }

  /** The worst of the feeds, and the latest line of any. */
  feed() {
    const state = ["lost", "silent", "live"].find((word) => this.feeds.some((feed) => feed.state === word)) ?? "none";
    const lines = this.feeds.filter((feed) => state === "live" || feed.state === state).map((feed) => feed.last_line_at);
    const last = lines.filter(Boolean).map(Date.parse);
    return { state, lastLine: last.length ? Math.max(...last) : null, names: this.feeds.filter((feed) => feed.state === state).map((feed) => feed.name) };
  }
}
