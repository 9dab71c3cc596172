// Copy buttons. Pages without HTTPS have no clipboard; there the text is selected instead.
async function copy(button) {
  const text = button.dataset.copy;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const shown = button.parentElement.querySelector("code");
    getSelection().selectAllChildren(shown);
    return;
  }
  const before = button.title;
  button.title = button.dataset.copied;
  button.classList.add("is-copied");
  const label = button.querySelector("span");
  const words = label?.textContent;
  if (label) label.textContent = button.dataset.copied;
  button.querySelector("use").setAttribute("href", button.querySelector("use").getAttribute("href").replace(/#.*/, "#check"));
  setTimeout(() => {
    button.title = before;
    button.classList.remove("is-copied");
    if (label) label.textContent = words;
    button.querySelector("use").setAttribute("href", button.querySelector("use").getAttribute("href").replace(/#.*/, "#copy"));
  }, 1600);
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", () => copy(button));
}
