// What every page has.

const settings = {
	get: (key) => { try { return localStorage.getItem(key); } catch { return null; } },
	set: (key, value) => {
		try { localStorage.setItem(key, value); } catch { /* private windows keep nothing */ }
		dispatchEvent(new Event("tb-settings"));
	},
};

const openMenus = () => document.querySelectorAll("details[data-menu][open]");

document.addEventListener("pointerdown", (event) => {
	for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
});

for (const menu of document.querySelectorAll("details[data-menu]:not(.tb-menu-end, .tb-menu-up)")) {
	menu.addEventListener("toggle", () => {
		menu.classList.remove("tb-menu-end");
		const { right } = menu.querySelector(".tb-menu-panel").getBoundingClientRect();
		menu.classList.toggle("tb-menu-end", menu.open && right > innerWidth);
	});
}

function closeMenus() {
	for (const menu of openMenus()) {
		menu.open = false;
		menu.querySelector("summary").focus();
	}
}

const root = document.documentElement;
const pin = document.querySelector("[data-pin]");

function showSettings() {
	for (const choice of document.querySelectorAll("[data-set-theme]")) {
		choice.setAttribute("aria-pressed", String(choice.dataset.setTheme === root.dataset.theme));
	}
	if (pin) {
		pin.hidden = false;
		pin.querySelector("[data-pin-word]").textContent = root.dataset.sidebar === "full" ? "Narrow the sidebar" : "Widen the sidebar";
	}
}

pin?.addEventListener("click", () => settings.set("tb-sidebar", root.dataset.sidebar === "full" ? "rail" : "full"));
for (const choice of document.querySelectorAll("[data-set-theme]")) {
	choice.addEventListener("click", () => {
		settings.set("tb-theme", choice.dataset.setTheme);
		closeMenus();
	});
}
for (const event of ["tb-settings", "storage", "resize"]) addEventListener(event, showSettings);
showSettings();

for (const button of document.querySelectorAll("[data-show-password]")) {
	const input = document.getElementById(button.dataset.showPassword);
	button.hidden = false;
	button.addEventListener("click", () => {
		const shown = input.type === "password";
		input.type = shown ? "text" : "password";
		button.textContent = shown ? "Hide" : "Show";
		button.setAttribute("aria-pressed", String(shown));
		input.focus();
	});
}

for (const button of document.querySelectorAll("[data-print]")) {
	button.hidden = false;
	button.addEventListener("click", () => print());
}

const dialog = document.querySelector("[data-keys]");
const keysOn = dialog?.querySelector("[data-keys-on]");
const PAGES = { b: "Board", c: "Calls", r: "Reports", d: "Directory", f: "Feeds" };
const TYPING = "input, select, textarea, [contenteditable]";
let afterG = 0;

if (keysOn) {
	keysOn.checked = settings.get("tb-keys") !== "off";
	keysOn.addEventListener("change", () => settings.set("tb-keys", keysOn.checked ? "on" : "off"));
}
for (const button of document.querySelectorAll("[data-dialog]")) {
	button.addEventListener("click", () => {
		closeMenus();
		document.querySelector(button.dataset.dialog).showModal();
	});
}

function go(label) {
	const links = [...document.querySelectorAll(".tb-sidebar a.tb-nav-link")];
	links.find((link) => link.querySelector(".tb-nav-label").textContent === label)?.click();
}

function walk(step) {
	const links = [...document.querySelectorAll(".tb-row-link")].filter((link) => link.checkVisibility());
	const at = links.indexOf(document.activeElement);
	const next = links[at < 0 ? 0 : Math.min(Math.max(at + step, 0), links.length - 1)];
	next?.focus();
	next?.scrollIntoView({ block: "nearest" });
}

function press(event) {
	const now = performance.now();
	const isSecond = now - afterG < 1500;
	afterG = 0;
	if (isSecond && PAGES[event.key]) return go(PAGES[event.key]);
	switch (event.key) {
		case "g": afterG = now; return undefined;
		case "j": return walk(1);
		case "k": return walk(-1);
		case "?": return dialog?.showModal();
		case "/": {
			const search = document.querySelector("[data-search], main input[type=search]");
			if (search) event.preventDefault();
			return search?.focus();
		}
		default: return undefined;
	}
}

document.addEventListener("keydown", (event) => {
	if (event.key === "Escape") closeMenus();
	if (!keysOn?.checked || dialog.open || event.ctrlKey || event.metaKey || event.altKey || event.target.matches(TYPING)) return;
	press(event);
});
