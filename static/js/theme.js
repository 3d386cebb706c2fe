// Before the first paint: the chosen theme, and sidebar or rail. Blocking, so it stays tiny.
(() => {
	const root = document.documentElement;
	const dark = matchMedia("(prefers-color-scheme: dark)");
	const wide = matchMedia("(min-width: 1600px)");
	const kept = (key) => { try { return localStorage.getItem(key); } catch { return null; } };
	const apply = () => {
		const theme = kept("tb-theme");
		root.dataset.theme = theme === "light" || theme === "dark" ? theme : "system";
		root.dataset.bsTheme = root.dataset.theme === "system" ? (dark.matches ? "dark" : "light") : theme;
		root.dataset.sidebar = kept("tb-sidebar") ?? (wide.matches ? "full" : "rail");
	};
	apply();
	for (const source of [dark, wide]) source.addEventListener("change", apply);
	for (const event of ["storage", "tb-settings"]) addEventListener(event, apply);
})();
