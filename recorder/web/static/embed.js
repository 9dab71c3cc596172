// A case in a frame of another system: the list and the player show the same clip.
import { Player } from "./player.js";

const root = document.getElementById("player");
if (root) {
  const player = new Player(root);
  const clips = [...document.querySelectorAll(".clips [data-clip]")];
  const shown = () => clips.filter((clip) => !clip.hidden);

  const choose = (clip, play) => {
    for (const one of clips) {
      one.classList.toggle("is-chosen", one === clip);
      one.querySelector(".clip-open").toggleAttribute("aria-current", one === clip);
    }
    player.show(clip, play);
  };

  player.addEventListener("step", ({ detail }) => {
    const list = shown();
    const next = list[list.indexOf(player.clip) + detail.by];
    if (next) choose(next, detail.play);
  });
  for (const clip of clips) {
    clip.querySelector(".clip-open").addEventListener("click", () => choose(clip, true));
  }

  const stages = [...document.querySelectorAll(".rail button")];
  for (const button of stages) {
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      for (const one of stages) one.setAttribute("aria-pressed", String(on && one === button));
      for (const clip of clips) clip.hidden = on && clip.dataset.stage !== button.dataset.stage;
      const list = shown();
      if (list.length && !list.includes(player.clip)) choose(list[0], false);
    });
  }
  const first = clips.find((clip) => clip.dataset.playable === "ready") ?? clips[0];
  if (first) choose(first, false);
}
