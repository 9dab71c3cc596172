// The axis of a case: a click on footage is a moment, and the moment that is shown is a line on it.

export class Axis {
  constructor(root) {
    this.root = root;
    this.stretches = [...root.querySelectorAll(".stretch")];
    this.heads = this.stretches.map((stretch) => stretch.querySelector(".axis-head"));
    this.bars = [...root.querySelectorAll("a[data-from]")];
    this.shown = null;
    root.addEventListener("keydown", (event) => this.key(event));
  }

  // What to do with a moment of footage: (recording, or null where many are drawn as one; wall time; second).
  onMoment(act) {
    for (const bar of this.bars) {
      bar.addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        const { left, width } = bar.getBoundingClientRect();
        // Enter on a bar means its beginning.
        const share = event.detail && width ? Math.min(1, Math.max(0, (event.clientX - left) / width)) : 0;
        const [began, ended, from] = ["began", "ended", "from"].map((name) => Number(bar.dataset[name]));
        const into = share * (ended - began);
        act(bar.dataset.bar ?? null, new Date(began + into), (from + into) / 1000);
      });
    }
  }

  addressOf(moment) {
    return `${this.root.dataset.at}${encodeURIComponent(moment.toISOString())}`;
  }

  // Left and right go from one piece of footage or hole to the next.
  key(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const stops = [...this.root.querySelectorAll("a[data-from], a.hole")];
    const at = stops.indexOf(event.target.closest("a"));
    if (!by || at < 0) return;
    event.preventDefault();
    stops[at + by]?.focus();
  }

  narrow(stage) {
    for (const bar of this.bars) bar.classList.toggle("is-dim", Boolean(stage) && bar.dataset.stage !== stage);
  }

  // The recording and the second that the player shows.
  show(clip, second) {
    const own = this.bars.filter((bar) => bar.dataset.bar === clip.dataset.clip);
    if (this.shown !== clip) {
      for (const bar of this.bars) bar.classList.toggle("is-chosen", own.includes(bar));
      this.shown = clip;
    }
    const piece = own.findLast((bar) => Number(bar.dataset.from) <= second * 1000) ?? own[0];
    const began = piece ? Number(piece.dataset.began) - Number(piece.dataset.from) : Date.parse(clip.dataset.began);
    const moment = began + second * 1000;
    this.stretches.forEach(({ dataset }, n) => {
      const [first, last] = [Number(dataset.began), Number(dataset.ended)];
      const within = moment >= first && moment <= last;
      this.heads[n].setAttribute("visibility", within ? "visible" : "hidden");
      const x = `${((100 * (moment - first)) / (last - first)).toFixed(2)}%`;
      if (within) for (const end of ["x1", "x2"]) this.heads[n].setAttribute(end, x);
    });
  }
}
