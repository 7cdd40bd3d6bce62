"use strict";
// One tile of a treemap is in the order of the Tab key. Arrows move among tiles: left and right to its siblings, down
// into it, up out of it. The line below shows the title of the tile under the pointer, or else of the focused one.
for (const map of document.querySelectorAll(".treemap")) {
  const tree = map.querySelector("svg");
  const line = map.querySelector("output");
  const tileOf = (node) => (node instanceof Element ? node.closest(".tile") : null);
  const tilesIn = (node) => Array.from(node.querySelectorAll(":scope > .tile, :scope > g > .tile"));
  let pointed = null;

  const show = () => {
    const tile = pointed ?? tileOf(document.activeElement);
    line.textContent = tile !== null && tree.contains(tile) ? tile.querySelector("title").textContent : "";
  };
  const point = (tile) => {
    pointed?.classList.remove("pointed");
    pointed = tile;
    pointed?.classList.add("pointed");
    show();
  };
  tree.addEventListener("pointerover", (event) => point(tileOf(event.target)));
  tree.addEventListener("pointerleave", () => point(null));
  // Not on the picture itself: a browser would then stop at it, too.
  map.addEventListener("focusout", () => queueMicrotask(show));
  map.addEventListener("focusin", (event) => {
    for (const other of tree.querySelectorAll('.tile[tabindex="0"]')) other.setAttribute("tabindex", "-1");
    tileOf(event.target)?.setAttribute("tabindex", "0");
    // A pointer that rests somewhere does not hide the keyboard's tile.
    point(null);
  });
  tree.addEventListener("pointerdown", (event) => tileOf(event.target)?.focus());
  tree.addEventListener("keydown", (event) => {
    const tile = tileOf(event.target);
    if (tile === null || event.altKey || event.ctrlKey || event.metaKey) return;
    const parent = tileOf(tile.parentElement);
    const siblings = tilesIn(parent ?? tree);
    const place = siblings.indexOf(tile);
    const next = {
      ArrowDown: () => tilesIn(tile)[0],
      ArrowLeft: () => siblings[place - 1],
      ArrowRight: () => siblings[place + 1],
      ArrowUp: () => parent,
      End: () => siblings[siblings.length - 1],
      Home: () => siblings[0],
    }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    next()?.focus();
  });
}
