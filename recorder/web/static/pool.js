// Ticking recordings for linking many at once; filters that are not used are folded on phones.
const filters = document.querySelector(".filters-fold");
if (filters && !("used" in filters.dataset) && matchMedia("(max-width: 640px)").matches) filters.open = false;

const form = document.getElementById("link-many");
const boxes = form ? [...form.querySelectorAll("input[name=recording]")] : [];
const all = form?.querySelector("[data-all]");
const count = form?.querySelector("[data-ticked]");
const button = form?.querySelector(".link-bar button");

function tell() {
  const ticked = boxes.filter((box) => box.checked).length;
  count.textContent = ticked;
  button.disabled = ticked === 0;
  button.closest("[data-link-bar]").toggleAttribute("data-none", ticked === 0);
  all.checked = ticked > 0 && ticked === boxes.length;
  all.indeterminate = ticked > 0 && ticked < boxes.length;
}

if (all) {
  let last = null;
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    tell();
  });
  for (const box of boxes) {
    box.addEventListener("click", (event) => {
      // Shift ticks everything between this one and the last.
      if (event.shiftKey && last) {
        const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((a, b) => a - b);
        for (const one of boxes.slice(from, to + 1)) one.checked = box.checked;
      }
      last = box;
      tell();
    });
  }
  tell();
}
