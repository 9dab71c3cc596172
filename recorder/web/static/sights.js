// Running livestreams as the service tells them each second, and how their facts are written.
export const words = Object.fromEntries(
  [...document.querySelectorAll("#live-words dt")].map((name) => [name.textContent, name.nextElementSibling.textContent]),
);

export const say = (name, value) => words[name].replace("{value}", value);

export function follow(onWall, onState = () => {}) {
  const source = new EventSource("/api/v1/livestreams/stream");
  source.addEventListener("open", () => onState("on"));
  source.addEventListener("error", () => onState("off"));
  source.addEventListener("wall", (event) => onWall(JSON.parse(event.data).livestreams));
  addEventListener("pagehide", () => source.close());
  return source;
}

export const rate = (bits) => (bits === null ? "" : `${(bits / 1e6).toFixed(bits < 1e6 ? 2 : 1)} Mbit/s`);

export const age = (sight) => (sight.age_ms === null ? "" : say("behind", Math.round(sight.age_ms / 1000)));

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
