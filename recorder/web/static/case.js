// The page of a case: list, axis and player show the same clip.
import { Player } from "./player.js";

const root = document.getElementById("player");
if (root) {
  const player = new Player(root);
  const clips = [...document.querySelectorAll(".clips [data-clip]")];
  const bars = new Map([...document.querySelectorAll("[data-bar]")].map((bar) => [bar.dataset.bar, bar]));
  const head = document.querySelector(".axis-head");

  const choose = (clip, play) => {
    for (const one of clips) {
      one.classList.toggle("is-chosen", one === clip);
      one.querySelector(".clip-open").toggleAttribute("aria-current", one === clip);
    }
    for (const [id, bar] of bars) bar.classList.toggle("is-chosen", id === clip.dataset.clip);
    const list = clip.closest(".clips");
    if (list.scrollHeight > list.clientHeight) {
      const above = clip.offsetTop - list.offsetTop;
      if (above < list.scrollTop || above + clip.offsetHeight > list.scrollTop + list.clientHeight) list.scrollTop = above - 8;
    }
    place(clip, 0);
    history.replaceState(null, "", `#clip-${clip.dataset.clip}`);
    player.show(clip, play);
  };

  const place = (clip, share) => {
    const bar = bars.get(clip.dataset.clip);
    head.setAttribute("visibility", bar ? "visible" : "hidden");
    if (!bar) return;
    const x = `${(Number(bar.dataset.x) + Number(bar.dataset.width) * share).toFixed(3)}%`;
    head.setAttribute("x1", x);
    head.setAttribute("x2", x);
  };

  const shown = () => clips.filter((clip) => !clip.hidden);
  player.addEventListener("time", ({ detail }) => place(detail.clip, detail.share));
  player.addEventListener("step", ({ detail }) => {
    const list = shown();
    const next = list[list.indexOf(player.clip) + detail.by];
    if (next) choose(next, detail.play);
  });

  for (const clip of clips) {
    clip.querySelector(".clip-open").addEventListener("click", (event) => {
      choose(clip, true);
      // By mouse the hands go on at the player; by keyboard they stay in the list.
      if (event.detail) root.focus({ preventScroll: true });
    });
  }
  for (const [id, bar] of bars) {
    bar.addEventListener("click", (event) => {
      event.preventDefault();
      const clip = clips.find((one) => one.dataset.clip === id);
      if (clip) choose(clip, true);
    });
  }

  // The rail shows one stage at a time, or all of them.
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

  const wished = location.hash.replace("#clip-", "");
  const first = clips.find((clip) => clip.dataset.clip === wished)
    ?? clips.find((clip) => clip.dataset.playable === "ready") ?? clips[0];
  if (first) choose(first, false);
}
