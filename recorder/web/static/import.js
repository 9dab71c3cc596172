// Sends a table as it is and shows what it does, or would do; first always as a trial.
const form = document.querySelector("[data-import]");
const outcome = document.querySelector("[data-outcome]");
const take = form.querySelector("[data-take]");
// The only text that becomes markup is what our own service has drawn and escaped.
const policy = window.trustedTypes?.createPolicy("recorder", { createHTML: (text) => text });
let shown = "";

function chosen() {
  const file = form.elements.file.files[0];
  return file ? [form.elements.kind.value, form.elements.agency?.value ?? "", file.name, file.size, file.lastModified].join("\n") : "";
}

function columns() {
  for (const list of document.querySelectorAll("[data-columns]")) list.hidden = list.dataset.columns !== form.elements.kind.value;
}

async function send(trial) {
  const file = form.elements.file.files[0];
  const query = new URLSearchParams({ kind: form.elements.kind.value, name: file.name, agency: form.elements.agency?.value ?? "", dry_run: trial ? "yes" : "no" });
  outcome.setAttribute("aria-busy", "true");
  for (const button of form.querySelectorAll("button")) button.disabled = true;
  try {
    const answer = await fetch(`/import?${query}`, { method: "POST", body: file, headers: { Accept: "text/html", "Content-Type": "application/octet-stream", "X-CSRF-Token": form.dataset.csrf } });
    // A refusal leads back to the page, which says it in words.
    if (answer.redirected) return location.assign(answer.url);
    const text = await answer.text();
    if (!answer.ok) return location.reload();
    outcome.innerHTML = policy ? policy.createHTML(text) : text;
    shown = trial && outcome.querySelector("[data-may-take]") ? chosen() : "";
  } catch {
    outcome.textContent = form.dataset.away;
  } finally {
    outcome.setAttribute("aria-busy", "false");
    for (const button of form.querySelectorAll("button")) button.disabled = false;
    take.disabled = shown === "" || shown !== chosen();
  }
}

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
