// Running livestreams as the service tells them each second, and how their facts are written.
import { listen } from "./events.js";

export const words = Object.fromEntries(
  [...document.querySelectorAll("#live-words dt")].map((name) => [name.textContent, name.nextElementSibling.textContent]),
);

export const say = (name, value) => words[name].replace("{value}", value);

// All of them, or the one that is named.
export function follow(onWall, onState = () => {}, livestream = "") {
  const address = `/api/v1/livestreams/stream${livestream && `?livestream=${livestream}`}`;
  return listen(address, "wall", (wall) => onWall(wall.livestreams), onState);
}

export const rate = (bits) => (bits === null ? "" : `${(bits / 1e6).toFixed(bits < 1e6 ? 2 : 1)} Mbit/s`);

export function age(sight) {
  if (sight.age_ms === null) return "";
  const seconds = Math.round(sight.age_ms / 1000);
  return seconds < 120 ? say("behind", seconds) : say("behind_min", Math.floor(seconds / 60));
}

export const place = (sight) =>
  sight.latitude === null ? "" : `${sight.latitude.toFixed(4)}, ${sight.longitude.toFixed(4)}`;

export const picture = (sight) => (sight.height ? `${sight.width}×${sight.height}` : "");

export function fillCautions(list, sight) {
  list.replaceChildren(...sight.cautions.map((caution) => {
    const item = document.createElement("li");
    item.className = "tag tag-warn";
    item.textContent = say(caution.code, caution.value);
    return item;
  }));
}

export function fillState(box, state) {
  const shown = box.querySelector(".state") ?? box.appendChild(document.createElement("span"));
  shown.className = `state state-live-${state}`;
  shown.textContent = words[`state-${state}`] ?? state;
}
