// The wall: tiles come, go and change as the service tells it; pictures only of tiles in sight.
import { age, fillCautions, fillState, follow, picture, place, rate } from "./sights.js";

const PICTURE_EVERY_MS = 5_000;
const section = document.querySelector("[data-wall]");
const wall = section.querySelector(".wall");
const live = document.querySelector("[data-live]");
const inSight = new Set();
const asked = new Map();
const known = new Map();

const observer = new IntersectionObserver((seen) => {
  for (const { target, isIntersecting } of seen) {
    const { livestream } = target.dataset;
    if (isIntersecting) inSight.add(livestream);
    else inSight.delete(livestream);
    if (isIntersecting && known.has(livestream)) fillPicture(target, known.get(livestream));
  }
});

function fillPicture(tile, sight) {
  const shown = tile.querySelector("[data-picture]");
  const last = asked.get(sight.id) ?? { highest: 0, at: -Infinity };
  const due = performance.now() - last.at > PICTURE_EVERY_MS && sight.highest > last.highest;
  if (section.dataset.watch !== "yes" || document.hidden || !due || !inSight.has(sight.id)) return;
  asked.set(sight.id, { highest: sight.highest, at: performance.now() });
  // The old picture stays until the new one is there.
  const fresh = new Image();
  fresh.addEventListener("load", () => {
    shown.src = fresh.src;
    shown.hidden = false;
    tile.querySelector("[data-blank]").hidden = true;
  });
  fresh.src = `/livestreams/${sight.id}/picture?n=${sight.highest}`;
}

function fill(tile, sight) {
  known.set(sight.id, sight);
  const find = (name) => tile.querySelector(`[data-${name}]`);
  tile.className = `tile tile-${sight.state}`;
  find("title").textContent = sight.title;
  find("title").href = `/livestreams/${sight.id}`;
  find("who").textContent = [sight.officer, sight.device].filter(Boolean).join(" · ");
  find("cases").textContent = sight.case_numbers.join(" · ");
  find("rate").textContent = rate(sight.bit_rate);
  find("size").textContent = picture(sight);
  find("place").textContent = place(sight);
  find("restricted").hidden = !sight.restricted;
  find("age").textContent = age(sight);
  fillState(find("state"), sight.state);
  fillCautions(find("cautions"), sight);
  fillPicture(tile, sight);
}

for (const tile of wall.children) observer.observe(tile);
follow(
  (sights) => {
    const tiles = new Map([...wall.children].map((tile) => [tile.dataset.livestream, tile]));
    sights.forEach((sight, at) => {
      let tile = tiles.get(sight.id);
      tiles.delete(sight.id);
      if (!tile) {
        tile = section.querySelector("template").content.querySelector("li").cloneNode(true);
        tile.dataset.livestream = sight.id;
        observer.observe(tile);
      }
      if (wall.children[at] !== tile) wall.insertBefore(tile, wall.children[at] ?? null);
      fill(tile, sight);
    });
    for (const [id, tile] of tiles) {
      observer.unobserve(tile);
      inSight.delete(id);
      asked.delete(id);
      known.delete(id);
      tile.remove();
    }
    document.querySelector("[data-number]").textContent = sights.length;
    document.querySelector("[data-cut]").hidden = sights.length < Number(section.dataset.most);
    wall.hidden = sights.length === 0;
    section.querySelector("[data-empty]").hidden = sights.length > 0;
  },
  (state) => {
    live.dataset.live = state;
    section.classList.toggle("is-old", state === "off");
  },
);
