// Uploads and tasks under way, kept current: percent, speed and time left.
import { follow, ofTask, showBar } from "./live.js";
import { written } from "./player.js";

const words = Object.fromEntries(
  [...document.querySelectorAll("#work-words dt")].map((name) => [name.textContent, name.nextElementSibling.textContent]),
);
const seen = new Map();
const UNITS = ["B", "KB", "MB", "GB", "TB"];
const SILENT_MS = 5000;

function size(bytes) {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return unit === 0 ? `${bytes} B` : `${value.toFixed(1)} ${UNITS[unit]}`;
}

// The speed of an upload, smoothed over the last seconds; null while nothing moves.
function speedOf(upload, now) {
  const before = seen.get(upload.id) ?? { offset: upload.offset, at: now, moved: now, speed: 0 };
  const elapsed = (now - before.at) / 1000;
  if (upload.offset > before.offset && elapsed > 0) {
    const fresh = (upload.offset - before.offset) / elapsed;
    before.speed = before.speed ? 0.6 * before.speed + 0.4 * fresh : fresh;
    Object.assign(before, { offset: upload.offset, at: now, moved: now });
  }
  seen.set(upload.id, before);
  return now - before.moved > SILENT_MS ? null : before.speed;
}

// Whose footage it is: the device and the cases.
function about(item) {
  return [item.device, ...item.case_numbers].filter(Boolean).join(" · ");
}

function fillUpload(row, upload) {
  const percent = upload.length ? Math.floor((100 * upload.offset) / upload.length) : 0;
  const speed = speedOf(upload, performance.now());
  const state = row.querySelector("[data-state]");
  row.querySelector("[data-name]").textContent = upload.name;
  row.querySelector("[data-about]").textContent = about(upload);
  row.querySelector("[data-size]").textContent = `${size(upload.offset)} / ${size(upload.length)}`;
  const silent = speed === null && upload.state === "open";
  state.textContent = silent ? words.silent : words[`upload-${upload.state}`] ?? upload.state;
  state.className = silent ? "state" : `state state-${upload.state}`;
  const left = speed ? words.left.replace("{time}", written((upload.length - upload.offset) / speed)) : "";
  showBar(row, { percent, speed: speed ? `${size(speed)}/s` : "", left });
}

function fillTask(row, run) {
  const link = row.querySelector("[data-subject]");
  row.querySelector("[data-task]").textContent = words[`task-${run.task}`] ?? run.task;
  link.href = `/recordings/${run.subject}`;
  link.textContent = run.name ?? `…${run.subject.slice(-8)}`;
  row.querySelector("[data-about]").textContent = about(run);
  row.querySelector("[data-attempt]").textContent = run.attempt || "–";
  const state = row.querySelector("[data-state]");
  state.textContent = words[`state-${run.state}`] ?? run.state;
  state.className = `state state-${run.state}`;
  showBar(row, ofTask(run, (seconds) => words.left.replace("{time}", written(seconds))));
}

function fill(name, key, items, fillRow) {
  const section = document.querySelector(`[data-list=${name}]`);
  const body = section.querySelector("tbody");
  const rows = new Map([...body.children].map((row) => [row.dataset[key], row]));
  items.forEach((item, place) => {
    let row = rows.get(item.id);
    rows.delete(item.id);
    if (!row) {
      row = section.querySelector("template").content.querySelector("tr").cloneNode(true);
      row.dataset[key] = item.id;
    }
    fillRow(row, item);
    if (body.children[place] !== row) body.insertBefore(row, body.children[place] ?? null);
  });
  for (const [id, row] of rows) {
    row.remove();
    seen.delete(id);
  }
  section.querySelector("[data-number]").textContent = items.length;
  section.querySelector("table").hidden = items.length === 0;
  section.querySelector("[data-empty]").hidden = items.length > 0;
}

const live = document.querySelector("[data-live]");
follow(
  (work) => {
    fill("uploads", "upload", work.uploads, fillUpload);
    fill("tasks", "run", work.tasks, fillTask);
  },
  (state) => { live.dataset.live = state; },
);
