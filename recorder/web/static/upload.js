// The page that sends files: what is chosen, what is said of it, and how far each file is.
import * as known from "./upload-known.js";
import { fingerprint, metadataOf, Refused, Transfer } from "./upload-send.js";

const form = document.querySelector("[data-upload]");
const words = Object.fromEntries([...document.querySelectorAll("[data-words]")].map((one) => [one.dataset.words, one.textContent]));
const UNITS = ["B", "KB", "MB", "GB", "TB"];
const VERIFIED_MS = [1_000, 30_000];
// Seconds are left out by browsers where they are none.
const inChina = (text) => `${text.length === 16 ? `${text}:00` : text}+08:00`;

const chosen = [];
const sent = [];
let csrf = document.body.dataset.csrf;
let going = false;

function size(bytes) {
  const unit = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return unit === 0 ? `${bytes} B` : `${(bytes / 1024 ** unit).toFixed(1)} ${UNITS[unit]}`;
}

function made(name, className, text) {
  return Object.assign(document.createElement(name), { className, textContent: text });
}

function showChosen() {
  const list = document.querySelector("[data-chosen]");
  list.replaceChildren(...chosen.map((file, place) => {
    const remove = Object.assign(made("button", "quiet", words.remove), { type: "button" });
    remove.setAttribute("aria-label", `${words.remove}: ${file.name}`);
    remove.addEventListener("click", () => {
      chosen.splice(place, 1);
      showChosen();
      form.elements.files.focus();
    });
    const line = document.createElement("li");
    line.append(made("span", "upload-name", file.name), made("small", "", size(file.size)), remove);
    return line;
  }));
  form.querySelector("[data-send]").disabled = chosen.length === 0;
  const begun = form.elements.device_started_at;
  begun.disabled = chosen.length > 1;
}

function choose(files) {
  for (const file of files) {
    const there = chosen.some((one) => one.name === file.name && one.size === file.size && one.lastModified === file.lastModified);
    if (!there) chosen.push(file);
  }
  showChosen();
}

function showUnfinished() {
  const names = known.unfinished(form.dataset.account);
  document.querySelector("[data-unfinished]").hidden = names.length === 0;
  document.querySelector("[data-unfinished-list]").replaceChildren(...names.map((name) => made("li", "", name)));
}

// What must be said follows from where the footage comes from.
function showOrigin() {
  const choice = form.elements.provenance.selectedOptions[0];
  const handed = "handed" in choice.dataset;
  for (const [selector, shown] of [["[data-if-handed]", handed], ["[data-if-own]", choice.value !== "" && !handed]]) {
    for (const label of form.querySelectorAll(selector)) {
      const field = label.querySelector("input");
      label.hidden = field.disabled = !shown;
      field.required = shown && !("mayBeEmpty" in field.dataset);
    }
  }
}

function said() {
  const told = {};
  for (const field of form.elements) {
    if (!field.name || field.name === "files" || field.disabled) continue;
    const text = field.value.trim();
    told[field.name] = text && field.type === "datetime-local" ? inChina(text) : text;
  }
  return told;
}

function show(item, state, about = "") {
  item.state = state;
  const mark = item.row.querySelector("[data-state]");
  mark.textContent = words[state];
  mark.className = `state state-${state}`;
  item.row.querySelector("[data-about]").textContent = about;
  item.row.querySelector("[data-again]").hidden = !["refused", "sign-in"].includes(state);
  const safe = item.safe ?? 0;
  item.row.querySelector("[data-bar]").value = item.file.size ? safe / item.file.size : Number(Boolean(item.recording));
  item.row.querySelector("[data-safe]").textContent = words.safe.replace("{safe}", size(safe)).replace("{all}", size(item.file.size));
  if (item.recording) {
    const link = item.row.querySelector("[data-recording]");
    link.href = `/recordings/${item.recording}`;
    link.hidden = false;
  }
  sayAll();
}

// One sentence for all, said again only when it changes.
function sayAll() {
  const states = sent.map((one) => one.state);
  const open = states.some((state) => ["waiting", "sending", "away", "sign-in"].includes(state));
  const lost = states.some((state) => ["refused", "mismatched"].includes(state));
  const text = open ? words["leave-open"] : lost ? words.unsafe : states.includes("received") ? words.verifying : words["all-safe"];
  const place = document.querySelector("[data-say]");
  if (place.textContent !== text) place.textContent = text;
}

async function send(item) {
  try {
    const print = await fingerprint(form.dataset.account, item.file).catch(() => {
      throw new Refused("file-changed");
    });
    const before = known.find(print);
    const goesOn = before ? words["about-goes-on"] : "";
    const transfer = new Transfer(item.file, {
      metadata: metadataOf({ filename: item.file.name, filetype: item.file.type, ...item.said }),
      address: before?.address ?? null,
      csrf: () => csrf,
      onOpen: (address) => known.keep(print, { account: form.dataset.account, name: item.file.name, address }),
      onMove: (state, code) => {
        item.safe = transfer.safe;
        show(item, state, state === "away" ? words[`about-${code}`] : goesOn);
      },
    });
    show(item, "sending", goesOn);
    item.recording = await transfer.send();
    item.safe = item.file.size;
    known.forget(print);
    show(item, "received");
    verified(item, transfer);
  } catch (refusal) {
    if (!(refusal instanceof Refused)) throw refusal;
    const about = words[`about-${refusal.code}`] ?? words["about-refused"].replace("{code}", refusal.code);
    show(item, refusal.code === "sign-in" ? "sign-in" : "refused", about);
  }
}

// Until the service has read it back; nobody has to stay for that.
async function verified(item, transfer) {
  for (let [pauseMs, most] = VERIFIED_MS; ; pauseMs = Math.min(most, pauseMs * 1.5)) {
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    const { state, integrity } = await transfer.became().catch(() => ({}));
    if (integrity === "sealed") return show(item, "sealed", state === "quarantined" ? words["about-quarantined"] : "");
    if (integrity === "mismatched") return show(item, "mismatched", words["about-mismatched"]);
  }
}

// One file after the other: on a bad line the first is safe before the second begins.
async function sendAll() {
  if (going) return;
  going = true;
  try {
    for (let item; (item = sent.find((one) => one.state === "waiting")); ) await send(item);
  } finally {
    going = false;
    showUnfinished();
  }
}

function take() {
  const told = said();
  for (const file of chosen.splice(0)) {
    const row = document.querySelector("[data-row]").content.firstElementChild.cloneNode(true);
    const item = { file, said: told, row };
    row.querySelector("[data-name]").textContent = file.name;
    row.querySelector("[data-again]").addEventListener("click", () => again(item));
    document.querySelector("[data-uploads]").append(row);
    sent.push(item);
    show(item, "waiting");
  }
  const place = document.querySelector("[data-sent]");
  place.hidden = false;
  place.scrollIntoView({ block: "nearest" });
  form.elements.files.value = "";
  form.elements.device_started_at.value = "";
  showChosen();
  sendAll();
}

async function again(item) {
  if (item.state === "sign-in") await readSession();
  show(item, "waiting");
  sendAll();
}

// The token of a session that began in another tab, if it is that of the same account.
async function readSession() {
  const text = await fetch(location.pathname, { cache: "no-store" }).then((answer) => answer.text(), () => "");
  const account = /data-account="([^"]*)"/.exec(text)?.[1];
  const fresh = /data-csrf="([^"]*)"/.exec(text)?.[1];
  if (fresh && account === form.dataset.account) csrf = fresh;
}

if (form) {
  form.elements.files.addEventListener("change", () => {
    choose(form.elements.files.files);
    form.elements.files.value = "";
  });
  form.elements.provenance.addEventListener("change", showOrigin);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    take();
  });
  const drop = form.querySelector("[data-drop]");
  for (const name of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.toggleAttribute("data-over", name === "dragover");
      if (name === "drop") choose(event.dataTransfer.files);
    });
  }
  addEventListener("beforeunload", (event) => {
    if (sent.some((one) => ["waiting", "sending", "away", "sign-in"].includes(one.state))) event.preventDefault();
  });
  showOrigin();
  showChosen();
  showUnfinished();
}
