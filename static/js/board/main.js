// The live board and its wall.

import { Alerts } from "./alerts.js";
import { Clock, Timers, setText } from "./clock.js";
import { Connection } from "./connection.js";
import { Freshness } from "./freshness.js";
import { Panels } from "./panels.js";
import { People } from "./people.js";
import { Rows } from "./rows.js";
import { BoardState, STATES } from "./state.js";
import { fitRows, fitTiles } from "./wall.js";
import { grouped, has } from "./words.js";

const SUMMARY_EVERY = 30_000;
const RELOAD_AFTER = 60_000; // a new edition: browsers keep scripts so long

const one = (selector) => document.querySelector(selector);
const page = one("[data-board]");
const isWall = page.hasAttribute("data-wall");
const { timeZone, callAddress: pattern } = page.dataset;
const time = new Intl.DateTimeFormat("en-GB", { timeZone, timeStyle: "medium" });
const at = (instant, withSeconds) => time.format(instant).slice(0, withSeconds ? 8 : 5);
const callAddress = (id) => pattern.replace(/0\/$/, `${id}/`);

const clock = new Clock();
const timers = new Timers(clock);
const alerts = new Alerts(one("[data-settings]"), () => showCalls(true));
const state = new BoardState(alerts);
const list = one("[data-rows]");
const rows = new Rows(list, {
	templates: [one("#board-row"), one("#board-group")], state, clock, timers, callAddress,
	limit: isWall ? () => fitRows(list) : undefined,
	onFreeze: isWall ? undefined : (atOnce) => (atOnce === true ? showCalls() : draw(showCalls)),
});
const panels = new Panels();
const peopleBox = one("[data-people]");
const people = new People(peopleBox, { timers, callAddress });
const freshness = new Freshness(one("[data-pill]"), one("[data-banner]"), { clock, at });
const connection = new Connection(page.dataset.socket, { onMessage: hear, onDown: sever });
const [view, unlisted, empty, summary] = ["view", "unlisted", "empty", "summary"].map((name) => one(`[data-${name}]`));
const counters = document.querySelectorAll("[data-count]");
const due = new Set();

let severed = null;
let everUp = false;
let summarisedAt = 0;
let ordered = [];
let drawing = 0;
let reloading = 0;

function hear(message) {
	clock.sync(message.server_time, { anew: message.type === "snapshot" });
	if (!state.apply(message, clock.now())) {
		connection.resync();
		return;
	}
	panels.take(message);
	if (message.edition && message.edition !== page.dataset.edition) {
		reloading ||= setTimeout(() => location.reload(), RELOAD_AFTER * (1 + Math.random()));
	}
	severed = null;
	everUp = true;
	delete page.dataset.offline;
	if (document.hidden) attend();
	draw();
}

function sever() {
	if (severed === null && everUp) {
		clock.stop();
		severed = clock.now();
		page.dataset.offline = "";
	}
	draw();
}

function draw(...parts) {
	for (const part of parts.length ? parts : [showCalls, showPeople, showPanels]) due.add(part);
	drawing ||= requestAnimationFrame(turn);
}

// One part a frame, so that no frame is long.
function turn() {
	const [part] = due;
	due.delete(part);
	drawing = due.size && requestAnimationFrame(turn);
	part();
}

function showCalls(force) {
	ordered = state.ordered(clock.now());
	const { group, state: chosen, q } = view ? Object.fromEntries(new FormData(view)) : {};
	const wanted = ordered.filter((call) => (!chosen || call.state === chosen) && (!q || has(call, q)));
	const unseen = rows.show(grouped(wanted, group), force);
	if (rows.areBehind) draw(showCalls);
	const counts = state.counts();
	for (const element of counters) setText(element, counts[element.dataset.count]);
	unlisted.hidden = !unseen;
	setText(unlisted, isWall ? `+${unseen} more` : `${unseen} new`);
	const last = state.lastEnded && ` Last ended ${at(state.lastEnded)}.`;
	empty.hidden = wanted.length > 0 || !everUp;
	setText(empty, q || chosen ? `No calls match. Remove “${q || chosen}”.` : `No calls right now.${last}`);
	freshness.show(state.feed(), { severed, everUp });
}

function showPeople() {
	const busy = people.show(ordered, panels.people);
	if (people.areBehind) draw(showPeople);
	else setText(one("[data-people-note]"), isWall ? fitTiles(peopleBox) : busy);
}

function showPanels() {
	if (panels.show(ordered, clock.now(), !pattern)) draw(showPanels);
}

// Also of a page that is not in sight, which draws nothing; for those who listen, when it changed.
function attend() {
	if (!everUp || severed !== null) return;
	const now = clock.now();
	state.expire(now);
	const urgent = [...state.calls.values()].filter((call) => state.isUrgent(call, now));
	alerts.watch(urgent);
	if (performance.now() - summarisedAt < SUMMARY_EVERY) return;
	const counts = state.counts();
	const parts = STATES.filter((name) => counts[name]).map((name) => `${counts[name]} ${name}`);
	if (urgent.length) parts.push(`${urgent.length} too long or marked`);
	const text = `${parts.join(", ") || "No calls"}.`;
	if (summary.textContent !== text) summarisedAt = performance.now();
	setText(summary, text);
}

view?.addEventListener("submit", (event) => event.preventDefault());
view?.addEventListener("input", () => {
	const asked = new URLSearchParams([...new FormData(view)].filter(([, value]) => value));
	history.replaceState(null, "", `${location.pathname}?${asked}`);
	showCalls(true);
});
one("[data-save-view]")?.addEventListener("submit", ({ target }) => {
	target.elements.query.value = location.search;
});
unlisted.addEventListener("click", () => showCalls(true));
if (isWall) addEventListener("resize", () => draw());
clock.everySecond(() => {
	setText(one("[data-board-clock]"), at(severed === null ? clock.now() : Date.now(), !isWall));
	if (severed === null) timers.tick();
	attend();
	draw();
});
connection.start();
