// The page of a case: list, axis and player show the same clip.
import { Axis } from "./axis.js";
import { Player } from "./player.js";

const root = document.getElementById("player");
if (root) {
  const player = new Player(root);
  const clips = [...document.querySelectorAll(".clips > [data-clip]")];
  const axis = new Axis(document.getElementById("axis"));

  const choose = (clip, play, second = 0) => {
    for (const one of clips) {
      one.classList.toggle("is-chosen", one === clip);
      one.querySelector(".clip-open").toggleAttribute("aria-current", one === clip);
    }
    const list = clip.closest(".clips");
    if (list.scrollHeight > list.clientHeight) {
      const above = clip.offsetTop - list.offsetTop;
      if (above < list.scrollTop || above + clip.offsetHeight > list.scrollTop + list.clientHeight) list.scrollTop = above - 8;
    }
    axis.show(clip, second);
    history.replaceState(null, "", `#clip-${clip.dataset.clip}`);
    player.show(clip, play, second);
  };

  const shown = () => clips.filter((clip) => !clip.hidden);
  player.addEventListener("time", ({ detail }) => axis.show(detail.clip, detail.second));
  player.addEventListener("step", ({ detail }) => {
    const list = shown();
    const next = list[list.indexOf(player.chosen) + detail.by];
    if (next) choose(next, detail.play);
  });

  for (const clip of clips) {
    clip.querySelector(".clip-open").addEventListener("click", (event) => {
      choose(clip, true);
      // By mouse the hands go on at the player; by keyboard they stay in the list.
      if (event.detail) root.focus({ preventScroll: true });
    });
  }
  // What the list does not show is on another page of it.
  axis.onMoment((id, moment, second) => {
    const clip = clips.find((one) => one.dataset.clip === id);
    if (clip) choose(clip, true, second);
    else location.assign(axis.addressOf(moment));
  });

  // The rail shows one stage at a time, or all of them.
  const stages = [...document.querySelectorAll(".rail button")];
  for (const button of stages) {
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      for (const one of stages) one.setAttribute("aria-pressed", String(on && one === button));
      for (const clip of clips) clip.hidden = on && clip.dataset.stage !== button.dataset.stage;
      axis.narrow(on ? button.dataset.stage : "");
      const list = shown();
      if (list.length && !list.includes(player.chosen)) choose(list[0], false);
    });
  }

  const { wanted, wantedMs } = document.getElementById("review").dataset;
  const wished = wanted ?? location.hash.replace("#clip-", "");
  const first = clips.find((clip) => clip.dataset.clip === wished)
    ?? clips.find((clip) => clip.dataset.playable === "ready") ?? clips[0];
  if (first) choose(first, false, first.dataset.clip === wanted ? Number(wantedMs) / 1000 : 0);
}
