// Finds as you type: asks for the list alone, shows the newest answer only.
const field = document.querySelector("[data-find]");
const hits = document.querySelector(field.dataset.find);
let asked = field.value;
let waiting = 0;
let running = null;
// The only text that becomes markup is the list that our own service has drawn and escaped.
const policy = window.trustedTypes?.createPolicy("recorder", { createHTML: (text) => text });

async function find() {
  const text = field.value.trim();
  if (text === asked) return;
  asked = text;
  running?.abort();
  running = new AbortController();
  hits.setAttribute("aria-busy", "true");
  const query = new URLSearchParams({ q: text });
  try {
    const answer = await fetch(`/?${query}&part=hits`, { signal: running.signal, headers: { Accept: "text/html" } });
    if (!answer.ok) {
      // Signed out, or out of order: the whole page says it better.
      location.assign(`/?${query}`);
      return;
    }
    const list = await answer.text();
    hits.innerHTML = policy ? policy.createHTML(list) : list;
    history.replaceState(null, "", text ? `/?${query}` : "/");
  } catch (error) {
    if (error.name === "AbortError") return;
    asked = null;
  }
  hits.setAttribute("aria-busy", "false");
}

field.addEventListener("input", (event) => {
  if (event.isComposing) return;
  clearTimeout(waiting);
  waiting = setTimeout(find, 140);
});
field.addEventListener("compositionend", () => { waiting = setTimeout(find, 140); });
field.addEventListener("keydown", (event) => {
  const first = hits.querySelector(".row-link");
  if (event.key === "ArrowDown" && first) {
    event.preventDefault();
    first.focus();
  }
});
hits.addEventListener("keydown", (event) => {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const links = [...hits.querySelectorAll(".row-link")];
  const next = links.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
  event.preventDefault();
  (next < 0 ? field : links[Math.min(next, links.length - 1)]).focus();
});
