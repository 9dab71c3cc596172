// What every page does: "/" goes to the search field, open pop-ups close, menus of phones too.
function editable(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName));
}

document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !editable(event.target) && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const field = document.querySelector("[data-find]") ?? document.querySelector(".top-find input");
    if (field) {
      event.preventDefault();
      field.focus();
      field.select();
    }
  }
  if (event.key === "Escape") {
    for (const open of document.querySelectorAll(".pop[open], .phone-menu[open]")) {
      open.open = false;
      open.querySelector("summary").focus();
    }
  }
});

document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll(".pop[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});

for (const pop of document.querySelectorAll(".pop")) {
  pop.addEventListener("toggle", () => {
    if (pop.open) pop.querySelector("input:not([type=hidden]), select")?.focus();
  });
}

// One word about what happened is said once: loading the page again does not repeat it.
const WORDS = ["done", "error", "count", "passed"];
const address = new URL(location.href);
if (WORDS.some((name) => address.searchParams.has(name))) {
  for (const name of WORDS) address.searchParams.delete(name);
  history.replaceState(null, "", address);
}
