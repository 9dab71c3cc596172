// Sends a table as it is and shows what it does, or would do; first always as a trial.
const form = document.querySelector("[data-import]");
const outcome = document.querySelector("[data-outcome]");
const take = form?.querySelector("[data-take]");
// The only text that becomes markup is what our own service has drawn and escaped.
const policy = window.trustedTypes?.createPolicy("recorder", { createHTML: (text) => text });
let shown = "";

function asked() {
  // Everything but the file stands in the address; the body is the table.
  return [...new FormData(form)].filter(([, value]) => typeof value === "string");
}

function chosen() {
  const file = form.elements.file.files[0];
  return file ? [...asked().flat(), file.name, file.size, file.lastModified].join("\n") : "";
}

function columns() {
  if (!form.elements.kind) return;
  for (const list of document.querySelectorAll("[data-columns]")) list.hidden = list.dataset.columns !== form.elements.kind.value;
}

async function send(trial) {
  const file = form.elements.file.files[0];
  const query = new URLSearchParams([...asked(), ["name", file.name], ["dry_run", trial ? "yes" : "no"]]);
  outcome.setAttribute("aria-busy", "true");
  for (const button of form.querySelectorAll("button")) button.disabled = true;
  try {
    const answer = await fetch(`${form.dataset.import || "/import"}?${query}`, { method: "POST", body: file, headers: { Accept: "text/html", "Content-Type": "application/octet-stream", "X-CSRF-Token": form.dataset.csrf } });
    // A refusal leads back to the page, which says it in words.
    if (answer.redirected) return location.assign(answer.url);
    const text = await answer.text();
    if (!answer.ok) return location.reload();
    outcome.innerHTML = policy ? policy.createHTML(text) : text;
    const made = outcome.querySelector("[data-go]");
    if (made) return location.assign(made.dataset.go);
    shown = trial && outcome.querySelector("[data-may-take]") ? chosen() : "";
  } catch {
    outcome.textContent = form.dataset.away;
  } finally {
    outcome.setAttribute("aria-busy", "false");
    for (const button of form.querySelectorAll("button")) button.disabled = false;
    take.disabled = shown === "" || shown !== chosen();
  }
}

if (form) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(event.submitter !== take);
  });
  form.addEventListener("change", () => {
    columns();
    take.disabled = shown === "" || shown !== chosen();
  });
  columns();
  take.disabled = true;
}
