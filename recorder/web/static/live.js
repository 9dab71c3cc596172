// Work in progress as the service tells it, at most once a second (web/live_updates.py).
import { listen } from "./events.js";

const WORK = "/api/v1/work";

export const follow = (onWork, onState = () => {}) => listen(`${WORK}/stream`, "work", onWork, onState);

// `percent` is null while nobody knows how far it is: then the bar only says that it runs.
export function showBar(row, { running = true, percent = null, speed = "", left = "" }) {
  const bar = row.querySelector("progress");
  row.querySelector(".bar").hidden = !running;
  if (percent === null) bar.removeAttribute("value");
  else bar.value = percent;
  row.querySelector(".bar-percent").textContent = percent === null ? "" : `${percent} %`;
  row.querySelector(".bar-speed").textContent = speed;
  row.querySelector(".bar-left").textContent = left;
}

// How far a task is, in the words of workers/context.py.
export function ofTask(run, left) {
  const { percent = null, speed_percent: speed, left_s: seconds } = run.progress ?? {};
  return {
    running: run.state === "claimed",
    percent,
    speed: speed ? `${(speed / 100).toFixed(1)}×` : "",
    left: seconds == null ? "" : left(seconds),
  };
}
