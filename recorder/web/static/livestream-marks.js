// Marks of a livestream: set at the picture that is shown, by whoever looks at it and by its device;
// pressing one leads back to its picture.
import { written8 } from "./player.js";

export class LiveMarks {
  constructor(player, panel) {
    this.player = player;
    this.panel = panel;
    if (!panel) return;
    this.form = panel.querySelector("[data-mark]");
    this.list = panel.querySelector(".marks");
    this.place = `/api/v1/livestreams/${player.id}/marks`;
    this.words = Object.fromEntries(
      [...panel.querySelectorAll("[data-kinds] dt")].map((kind) => [kind.textContent, kind.nextElementSibling.textContent]),
    );
    this.form?.addEventListener("submit", (event) => {
      event.preventDefault();
      this.add();
    });
    panel.addEventListener("click", (event) => {
      const media = event.target.closest("[data-media]")?.dataset.media;
      if (media && player.stream) player.video.currentTime = player.first + media / 1000;
    });
  }

  // There are so many by now: whoever else has marked something.
  async know(number) {
    if (!this.panel || number === this.known) return;
    this.known = number;
    if (number === this.list.children.length) return;
    const answer = await fetch(this.place).catch(() => null);
    if (answer?.ok) this.show((await answer.json()).items);
    else this.known = null;
  }

  show(marks) {
    this.list.replaceChildren(...marks.map((mark) => this.row(mark)));
    this.panel.querySelector("[data-marks-number]").textContent = marks.length;
  }

  row(mark) {
    const row = this.panel.querySelector("template").content.querySelector("li").cloneNode(true);
    const fill = (name, text) => { row.querySelector(`[data-${name}]`).textContent = text; };
    row.querySelector("[data-media]").dataset.media = mark.media_ms ?? "";
    fill("shown", written8(new Date(mark.shown_at)));
    fill("kind", this.words[mark.kind] ?? mark.kind);
    fill("note", mark.note);
    fill("by", mark.made_by);
    return row;
  }

  // The moment is that of the picture when the button is pressed; nothing of the page is loaded anew.
  async add() {
    const { player, form } = this;
    const failed = form.querySelector("[data-failed]");
    failed.hidden = true;
    const said = {
      kind: form.elements.kind.value,
      note: form.elements.note.value,
      // Where no picture is shown the service says what time it is.
      shown_at: player.stream?.moment?.toISOString() ?? null,
      media_ms: player.stream ? Math.max(0, Math.round((player.video.currentTime - player.first) * 1000)) : null,
    };
    try {
      const answer = await fetch(this.place, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRF-Token": document.body.dataset.csrf ?? "" },
        body: JSON.stringify(said),
      });
      if (!answer.ok) throw new Error(String(answer.status));
      const row = this.row(await answer.json());
      this.list.append(row);
      this.panel.querySelector("[data-marks-number]").textContent = this.list.children.length;
      row.scrollIntoView({ block: "nearest" });
      form.elements.note.value = "";
    } catch {
      failed.hidden = false;
    }
  }
}
