/** How many rows fit, once there is one to measure. */
export const fitRows = (body) => Math.max(Math.floor((body.clientHeight + 1) / (body.firstElementChild?.offsetHeight ?? Infinity)), 1);

/** Hide the tiles that end below `box`; returns what to say about them. */
export function fitTiles(box) {
	const bottom = box.getBoundingClientRect().bottom;
	const tiles = [...box.querySelectorAll(".tb-tile")];
	const cut = tiles.map((tile) => tile.getBoundingClientRect().bottom > bottom + 1);
	tiles.forEach((tile, index) => tile.classList.toggle("tb-cut", cut[index]));
	for (const group of box.children) group.classList.toggle("tb-cut", !group.querySelector(".tb-tile:not(.tb-cut)"));
	const count = cut.filter(Boolean).length;
	return count ? `+${count} more` : "";
}
