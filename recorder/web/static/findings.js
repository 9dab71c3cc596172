// A morning of findings by keyboard: move, tick, open, answer. Without it the form works by mouse.
const filters = document.querySelector(".filters-fold");
if (filters && !("used" in filters.dataset) && matchMedia("(max-width: 640px)").matches) filters.open = false;

const form = document.getElementById("many");
// Of another organ a row has no box: one looks, and does not answer.
const rows = form ? [...form.querySelectorAll("tbody tr")] : [];
const boxOf = (row) => row.querySelector("input[name=finding]");
const boxes = rows.map(boxOf).filter(Boolean);
const all = form?.querySelector("[data-all]");
const every = form?.querySelector("[name=every]");
const count = form?.querySelector("[data-ticked]");
const bar = form?.querySelector("[data-bar]");
let at = -1;
let last = null;

function tell() {
  if (!bar) return;
  const ticked = boxes.filter((box) => box.checked).length;
  const whole = every?.checked ?? false;
  const page = boxes.length > 0 && ticked === boxes.length;
  if (every) every.closest("[data-every]").hidden = !page;
  if (every && !page) every.checked = false;
  count.textContent = whole && page ? every.dataset.many : ticked;
  for (const button of bar.querySelectorAll("button")) button.disabled = ticked === 0;
  bar.toggleAttribute("data-none", ticked === 0);
  all.checked = page;
  all.indeterminate = ticked > 0 && !page;
}

function go(to) {
  if (rows.length === 0) return;
  rows[at]?.classList.remove("is-at");
  at = Math.max(0, Math.min(rows.length - 1, to));
  rows[at].classList.add("is-at");
  (boxOf(rows[at]) ?? rows[at].querySelector(".lead a")).focus({ preventScroll: true });
  rows[at].scrollIntoView({ block: "nearest" });
}

function tickAt(range) {
  if (at < 0) go(0);
  const box = boxOf(rows[at]);
  if (!box) return;
  box.checked = range || !box.checked;
  tick(box, range);
}

function tick(box, range) {
  if (range && last) {
    const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((a, b) => a - b);
    for (const one of boxes.slice(from, to + 1)) one.checked = box.checked;
  }
  last = box;
  tell();
}

function editable(target) {
  return target instanceof HTMLElement && (/^(SELECT|TEXTAREA)$/.test(target.tagName) || (target.tagName === "INPUT" && target.type !== "checkbox"));
}

if (form) {
  all?.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    tell();
  });
  every?.addEventListener("change", tell);
  for (const box of boxes) {
    box.addEventListener("click", (event) => {
      go(rows.indexOf(box.closest("tr")));
      tick(box, event.shiftKey);
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (editable(event.target)) {
      if (event.key === "Escape") go(at < 0 ? 0 : at);
      return;
    }
    const keys = {
      j: () => go(at + 1),
      k: () => go(at - 1),
      x: () => tickAt(false),
      X: () => tickAt(true),
      a: () => all?.click(),
      o: () => rows[at]?.querySelector(".lead a").click(),
      r: () => form.querySelector("[name=text]")?.focus(),
    };
    const wanted = keys[event.key];
    if (wanted) {
      event.preventDefault();
      wanted();
    }
  });
  tell();
}
