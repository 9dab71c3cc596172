// Marks of a recording: set by key or click at the picture that is shown, shown on the time bar,
// withdrawn with a reason. Texts and the keys stand in the page (_marks.html).
import { written, written8 } from "./player.js";

export class Marks {
  constructor(player, panel) {
    this.player = player;
    this.panel = panel;
    this.find = (selector) => panel.querySelector(selector);
    this.place = `/api/v1/recordings/${panel.dataset.recording}/marks`;
    this.keys = new Map([...panel.querySelectorAll("[data-kind-key]")].map((button) => [button.dataset.kindKey, button]));
    this.ticks = player.root.querySelector(".ticks");
    panel.addEventListener("click", (event) => this.click(event));
    panel.addEventListener("submit", (event) => {
      event.preventDefault();
      if (event.target.matches("[data-withdraw]")) this.withdraw(event.target);
    });
    document.addEventListener("keydown", (event) => this.key(event));
    player.addEventListener("length", () => this.draw());
    this.draw();
  }

  get rows() {
    return [...this.panel.querySelectorAll(".marks > .mark")];
  }

  // On the bar at their share of the length; the browser's style, as the policy allows no other.
  draw() {
    this.find("[data-marks-number]").textContent = this.rows.length;
    const whole = this.player.wholeLength * 1000;
    const own = this.player.clip === this.player.chosen;
    this.ticks.replaceChildren(...(own && whole > 0 ? this.rows : []).flatMap((row) => {
      if (row.dataset.media === "") return [];
      const tick = document.createElement("button");
      tick.type = "button";
      tick.className = "tick";
      tick.tabIndex = -1;
      tick.dataset.kind = row.dataset.kind;
      tick.title = `${written(row.dataset.media / 1000)} ${row.querySelector("[data-word]").textContent}`;
      tick.style.left = `${Math.min(100, (row.dataset.media / whole) * 100)}%`;
      tick.addEventListener("click", () => this.player.goTo(row.dataset.media / 1000));
      return [tick];
    }));
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || event.repeat) return;
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target !== this.player.seek) return;
    const button = this.keys.get(event.key);
    // Without a picture there is no moment to mark.
    if (!button || !this.player.media) return;
    event.preventDefault();
    this.add(button);
  }

  click(event) {
    const kind = event.target.closest("[data-kind-key]");
    if (kind) this.add(kind);
    const go = event.target.closest(".mark-go");
    const media = go?.closest(".mark").dataset.media;
    if (media) this.player.goTo(media / 1000);
  }

  async add(button) {
    const note = this.find("[name=note]");
    if (!this.player.media) { this.say("no-moment"); return; }
    const said = {
      kind: button.dataset.kind,
      note: note.value,
      media_ms: Math.max(0, Math.round(this.player.media.currentTime * 1000)),
    };
    // A mark belongs to the recording whose picture is shown, which may be the card copy.
    const shown = this.player.clip;
    const mark = await this.ask("POST", `/api/v1/recordings/${shown.dataset.clip}/marks`, said);
    if (!mark) return;
    note.value = "";
    if (shown !== this.player.chosen) {
      this.say("elsewhere");
      return;
    }
    const row = this.find("template").content.querySelector("li").cloneNode(true);
    row.dataset.media = mark.media_ms;
    row.dataset.kind = mark.kind;
    row.dataset.mark = mark.id;
    row.querySelector("[data-at]").textContent = written(mark.media_ms / 1000);
    row.querySelector("[data-shown]").textContent = mark.shown_at ? written8(new Date(mark.shown_at)) : "";
    row.querySelector("[data-word]").textContent = button.dataset.word;
    row.querySelector("[data-note]").textContent = mark.note;
    row.querySelector("[data-by]").textContent = mark.made_by;
    const behind = this.rows.find((other) => Number(other.dataset.media) > mark.media_ms);
    this.find(".marks").insertBefore(row, behind ?? null);
    row.classList.add("is-new");
    this.say(null);
    this.draw();
  }

  async withdraw(form) {
    const row = form.closest(".mark");
    const mark = await this.ask("DELETE", `${this.place}/${row.dataset.mark}`, { reason: form.elements.reason.value });
    if (!mark) return;
    row.remove();
    this.say("withdrawn");
    this.draw();
  }

  async ask(method, url, body) {
    try {
      const answer = await fetch(url, {
        method,
        headers: { "Content-Type": "application/json", "X-CSRF-Token": document.body.dataset.csrf ?? "" },
        body: JSON.stringify(body),
      });
      if (answer.ok) return await answer.json();
    } catch {
      // Told like every other failure.
    }
    this.say("failed");
    return null;
  }

  say(name) {
    for (const note of this.panel.querySelectorAll("[data-say]")) note.hidden = note.dataset.say !== name;
  }
}
