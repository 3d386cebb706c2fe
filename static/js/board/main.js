// The live board and its wall: the socket's messages become calls, and calls become what is on the page.

import { Clock, Timers, setText } from "./clock.js";
import { Connection } from "./connection.js";
import { Freshness } from "./freshness.js";
import { People } from "./people.js";
import { Rows } from "./rows.js";
import { BoardState, STATES } from "./state.js";
import { Today } from "./today.js";
import { fitRows, fitTiles } from "./wall.js";

const SUMMARY_EVERY = 30_000;

const page = document.querySelector("[data-board]");
const isWall = page.hasAttribute("data-wall");
const one = (selector) => document.querySelector(selector);
const all = (selector) => [...document.querySelectorAll(selector)];
const given = (id) => JSON.parse(document.getElementById(id).textContent);
const timeZone = page.dataset.timeZone;
const formats = {
  second: new Intl.DateTimeFormat("en-GB", { timeZone, hour: "2-digit", minute: "2-digit", second: "2-digit" }),
  minute: new Intl.DateTimeFormat("en-GB", { timeZone, hour: "2-digit", minute: "2-digit" }),
  day: new Intl.DateTimeFormat("en-GB", { timeZone, weekday: "short", day: "numeric", month: "short" }),
};
const at = (instant, withSeconds = false) => formats[withSeconds ? "second" : "minute"].format(instant);
const callAddress = (id) => page.dataset.callAddress.replace(/0\/$/, `${id}/`);

const clock = new Clock();
const timers = new Timers(clock);
const state = new BoardState(given("board-thresholds"));
const list = one("[data-rows]");
const rows = new Rows(list, one("#board-row"), {
  state, clock, timers, callAddress,
  limit: isWall ? () => fitRows(list) : undefined,
  onFreeze: isWall ? undefined : () => draw(),
});
const today = new Today(page.dataset.today);
const peopleBox = one("[data-people]");
const people = new People(peopleBox, {
  directory: given("board-directory"), groupTemplate: one("#board-group"), tileTemplate: one("#board-tile"), timers, today, callAddress,
});
const freshness = new Freshness(one("[data-pill]"), one("[data-banner]"), { clock, at });
const connection = new Connection(page.dataset.socket, { onMessage: hear, onDown: sever });

let severed = null;
let everUp = false;
let chosen = "all";
let summarisedAt = 0;
let drawing = 0;

function hear(message) {
  clock.sync(message.server_time, { anew: message.type === "snapshot" });
  state.expire(clock.now());
  if (!state.apply(message, clock.now())) {
    connection.resync();
    return;
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

function show(options) {
  cancelAnimationFrame(drawing);
  drawing = 0;
  const now = clock.now();
  if (severed === null) state.expire(now);
  const ordered = state.ordered(now);
  const wanted = chosen === "all" ? ordered : ordered.filter((call) => call.state === chosen);
  const unseen = rows.show(wanted, options);
  showCounts();
  showUnseen(unseen);
  showEmpty(wanted.length);
  showPeople(ordered);
  showTotals();
  freshness.show(state.feed(), { severed, everUp });
}

function showCounts() {
  const counts = state.counts();
  for (const element of all("[data-count]")) setText(element, String(counts[element.dataset.count]));
}

function showUnseen(unseen) {
  const chip = one("[data-new]");
  if (chip) {
    chip.hidden = !unseen;
    setText(chip, `${unseen} new`);
  }
  const more = one("[data-more]");
  if (more) setText(more, unseen ? `+${unseen} more` : "");
}

function showEmpty(count) {
  const empty = one("[data-empty]");
  empty.hidden = count > 0 || !everUp;
  const last = state.lastEnded ? ` Last ended ${at(state.lastEnded)}.` : "";
  setText(empty, chosen === "all" ? `No calls right now.${last}` : `No ${chosen} calls right now.`);
}

function showPeople(calls) {
  const { busy, all: count } = people.show(calls);
  const note = one("[data-people-count]");
  if (note) setText(note, count ? `${busy} busy of ${count}` : "");
  if (isWall) setText(one("[data-people-more]"), fitTiles(peopleBox));
}

function showTotals() {
  for (const element of all("[data-total]")) {
    const figure = state.totals[element.dataset.total];
    if (figure !== undefined) setText(element, figure.toLocaleString("en-GB"));
  }
  for (const element of all("[data-share]")) {
    const [part, whole] = [state.totals[element.dataset.share], state.totals[element.dataset.shareOf ?? "offered"]];
    setText(element, whole ? `${Math.round((100 * part) / whole)}%` : "");
  }
}

function showClock() {
  const now = clock.now();
  const shown = severed === null ? now : Date.now();
  setText(one("[data-board-clock]"), at(shown, !isWall));
  const date = one("[data-board-date]");
  if (date) setText(date, [formats.day.format(shown), today.note].filter(Boolean).join(", "));
}

/** For those who listen: what is going on, at most every half minute, and only when it changed. */
function summarise() {
  if (performance.now() - summarisedAt < SUMMARY_EVERY || !everUp) return;
  const counts = state.counts();
  const parts = STATES.filter((name) => counts[name]).map((name) => `${counts[name]} ${name}`);
  const text = parts.length ? `${parts.join(", ")}.` : "No calls.";
  const summary = one("[data-summary]");
  if (summary.textContent !== text) summarisedAt = performance.now();
  setText(summary, text);
}

for (const button of all("[data-show-state]")) {
  button.addEventListener("click", () => {
    chosen = button.dataset.showState;
    for (const other of all("[data-show-state]")) other.setAttribute("aria-pressed", String(other === button));
    show({ force: true });
  });
}
one("[data-new]")?.addEventListener("click", () => show({ force: true }));
if (isWall) addEventListener("resize", () => draw());
clock.everySecond(() => {
  showClock();
  if (severed === null) {
    timers.tick();
    if (everUp) today.refresh(state.lastEnded);
  }
  draw();
  summarise();
});
connection.start();
