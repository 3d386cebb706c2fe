// The wall never scrolls: what does not fit is counted.

/** How many rows fit into `body`, whose rows are all as high as --row says. */
export function fitRows(body) {
  const height = parseFloat(getComputedStyle(body).getPropertyValue("--row")) * parseFloat(getComputedStyle(document.documentElement).fontSize);
  return Math.max(Math.floor((body.clientHeight + 1) / height), 1);
}

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
