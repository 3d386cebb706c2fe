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
const all = (selector) => [...document.querySelectorAll(selector)];
const page = one("[data-board]");
const isWall = page.hasAttribute("data-wall");
const { timeZone, callAddress: pattern } = page.dataset;
const time = new Intl.DateTimeFormat("en-GB", { timeZone, timeStyle: "medium" });
const at = (instant, withSeconds) => time.format(instant).slice(0, withSeconds ? 8 : 5);
const callAddress = (id) => pattern.replace(/0\/$/, `${id}/`);

const clock = new Clock();
const timers = new Timers(clock);
const alerts = new Alerts(one("[data-settings]"), () => show(true));
const state = new BoardState(alerts);
const list = one("[data-rows]");
const rows = new Rows(list, {
	templates: [one("#board-row"), one("#board-group")], state, clock, timers, callAddress,
	limit: isWall ? () => fitRows(list) : undefined,
	onFreeze: isWall ? undefined : (atOnce) => (atOnce === true ? show() : draw()),
});
const panels = new Panels();
const peopleBox = one("[data-people]");
const people = new People(peopleBox, { timers, callAddress });
const freshness = new Freshness(one("[data-pill]"), one("[data-banner]"), { clock, at });
const connection = new Connection(page.dataset.socket, { onMessage: hear, onDown: sever });
const view = one("[data-view]");

let severed = null;
let everUp = false;
let summarisedAt = 0;
let drawing = 0;
let reloading = 0;

function hear(message) {
	clock.sync(message.server_time, { anew: message.type === "snapshot" });
	state.expire(clock.now());
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

function draw() {
	drawing ||= requestAnimationFrame(() => show());
}

function show(force) {
	cancelAnimationFrame(drawing);
	drawing = 0;
	const now = clock.now();
	if (severed === null) state.expire(now);
	const ordered = state.ordered(now);
	const { group, state: chosen, q } = view ? Object.fromEntries(new FormData(view)) : {};
	const wanted = ordered.filter((call) => (!chosen || call.state === chosen) && (!q || has(call, q)));
	const unseen = rows.show(grouped(wanted, group), force);
	const counts = state.counts();
	for (const element of all("[data-count]")) setText(element, counts[element.dataset.count]);
	for (const chip of all("[data-new]")) {
		chip.hidden = !unseen;
		setText(chip, `${unseen} new`);
	}
	for (const more of all("[data-more]")) setText(more, unseen ? `+${unseen} more` : "");
	showEmpty(wanted.length, q || chosen);
	const busy = people.show(ordered, panels.people);
	for (const note of all("[data-people-count]")) setText(note, `${busy} busy`);
	if (isWall) setText(one("[data-people-more]"), fitTiles(peopleBox));
	panels.show(ordered, now, !pattern);
	freshness.show(state.feed(), { severed, everUp });
	if (everUp && severed === null) alerts.watch(ordered.filter((call) => state.isUrgent(call, now)));
}

function showEmpty(count, asked) {
	const empty = one("[data-empty]");
	empty.hidden = count > 0 || !everUp;
	const last = state.lastEnded ? ` Last ended ${at(state.lastEnded)}.` : "";
	setText(empty, asked ? `No calls match. Remove “${asked}”.` : `No calls right now.${last}`);
}

// For those who listen, when it changed.
function summarise() {
	if (performance.now() - summarisedAt < SUMMARY_EVERY || !everUp) return;
	const counts = state.counts();
	const urgent = [...state.calls.values()].filter((call) => state.isUrgent(call, clock.now())).length;
	const parts = STATES.filter((name) => counts[name]).map((name) => `${counts[name]} ${name}`);
	if (urgent) parts.push(`${urgent} too long or marked`);
	const text = `${parts.join(", ") || "No calls"}.`;
	const summary = one("[data-summary]");
	if (summary.textContent !== text) summarisedAt = performance.now();
	setText(summary, text);
}

view?.addEventListener("submit", (event) => event.preventDefault());
view?.addEventListener("input", () => {
	const asked = new URLSearchParams([...new FormData(view)].filter(([, value]) => value));
	history.replaceState(null, "", `${location.pathname}?${asked}`);
	show(true);
});
one("[data-save-view]")?.addEventListener("submit", ({ target }) => {
	target.elements.query.value = location.search;
});
one("[data-new]")?.addEventListener("click", () => show(true));
if (isWall) addEventListener("resize", () => draw());
clock.everySecond(() => {
	setText(one("[data-board-clock]"), at(severed === null ? clock.now() : Date.now(), !isWall));
	if (severed === null) timers.tick();
	draw();
	summarise();
});
connection.start();
