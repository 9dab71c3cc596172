// The page /capture: one big button, and how much of what was recorded is safe.
import { scan } from "./capture-code.js";
import { chosenType, closeCamera, openCamera, Recording } from "./capture-recorder.js";
import { Sender } from "./capture-send.js";
import * as store from "./capture-store.js";

const RETRY_MS = 1000;
// A recorder that ends by itself so soon would do it again and again.
const TOO_SHORT_MS = 5000;
const MOST_SHORT = 3;
const SILENT_MS = 10_000;
const root = document.getElementById("capture");
const $ = (name) => root.querySelector(`[data-${name}]`);
const words = (name) => root.querySelector(`[data-words="${name}"]`).textContent;
const video = $("preview");
const fields = $("facts");

let camera = null;
let facing = "environment";
let recording = null;
let startedAt = 0;
let take = null;
let release = () => {};
let awake = null;
let asking = false;
let seenAt = performance.now();
let place = {};
let busy = false;
let known = [];

const sender = new Sender({ account: root.dataset.account, csrf: document.body.dataset.csrf, onChange: () => show() });

// --- what is said ---------------------------------------------------------------------------

function clock(ms) {
  const seconds = Math.floor(ms / 1000);
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  return `${hours ? `${hours}:` : ""}${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

function say(name, kind = "") {
  const line = $("say");
  line.hidden = !name;
  line.className = `capture-say ${kind}`;
  line.textContent = name ? words(name) : "";
}

let problem = null;

function note(name) {
  problem = name;
  show();
}

async function show() {
  known = await store.allTakes().catch(() => known);
  const takes = known.sort((one, other) => one.lastAt - other.lastAt);
  const now = takes.find((one) => one.id === take?.id) ?? (take && { keptMs: 0, safeMs: 0 });
  root.dataset.state = recording ? "recording" : busy ? "busy" : "ready";
  $("record").setAttribute("aria-pressed", String(Boolean(recording)));
  $("record").setAttribute("aria-label", words(recording ? "stop" : "record"));
  $("marks").hidden = !recording;
  fields.disabled = Boolean(recording) || busy;
  const last = now ?? takes.at(-1);
  $("kept").textContent = clock(last?.keptMs ?? 0);
  $("safe").textContent = clock(last?.safeMs ?? 0);
  const behind = takes.reduce((sum, one) => sum + one.keptMs - one.safeMs, 0);
  $("safe-bar").max = Math.max(1, last?.keptMs ?? 0);
  $("safe-bar").value = last?.safeMs ?? 0;
  root.dataset.safe = behind > 0 ? "no" : "yes";
  showInterrupted(takes);
  showLine(takes, behind);
}

function showLine(takes, behind) {
  const trouble = problem ?? (behind > 0 ? sender.problem : null);
  if (trouble) say(trouble, trouble === "away" ? "warn" : "bad");
  else if (recording) say(awake?.released === false ? "recording" : "recording-dims");
  else if (behind > 0) say("sending", "warn");
  else if (takes.some((one) => one.closed)) say("all-safe", "good");
  else say("");
}

// --- takes that a reload or a killed browser left open --------------------------------------

const running = async (id) => (await navigator.locks?.query())?.held.some((one) => one.name === `capture-take-${id}`);

async function showInterrupted(takes) {
  const card = $("interrupted");
  const open = [];
  for (const one of takes) if (!one.ended && one.id !== take?.id && !(await running(one.id))) open.push(one);
  const left = open.at(-1);
  card.hidden = !left || Boolean(recording);
  if (!left) return;
  card.dataset.take = left.id;
  $("interrupted-at").textContent = new Date(left.lastAt).toLocaleTimeString(document.documentElement.lang);
}

async function endOthers() {
  for (const one of await store.allTakes()) {
    if (!one.ended && one.id !== take?.id && !(await running(one.id))) await store.changeTake(one.id, { ended: true });
  }
}

// --- recording --------------------------------------------------------------------------------

async function showCamera() {
  if (camera?.getTracks().every((track) => track.readyState === "live")) return true;
  closeCamera(camera);
  try {
    camera = await openCamera(facing);
  } catch (failure) {
    camera = null;
    note(failure.name === "NotAllowedError" ? "camera-refused" : "camera-missing");
    return false;
  }
  video.srcObject = camera;
  video.classList.toggle("mirrored", facing === "user");
  for (const track of camera.getTracks()) {
    for (const event of ["ended", "mute"]) track.addEventListener(event, cameraLost);
    track.addEventListener("unmute", comeBack);
  }
  return true;
}

function freshTake(type) {
  const form = new FormData(fields.closest("form"));
  const cases = String(form.get("cases")).split(/[,;\uFF0C\uFF1B\n]/).map((text) => text.trim()).filter(Boolean);
  return {
    id: crypto.randomUUID(), account: root.dataset.account, livestream: null, key: null,
    title: String(form.get("title")).trim() || words("title"), cases, stage: String(form.get("stage")) || null,
    mediaType: type.split(";")[0], place, number: 0, period: 0, keptMs: 0, safeMs: 0, lastAt: Date.now(),
    ended: false, closed: false,
  };
}

// The tab that records a take holds its lock: what nobody holds was interrupted.
function holdTake(id) {
  if (!navigator.locks) return;
  navigator.locks.request(`capture-take-${id}`, () => new Promise((resolve) => { release = resolve; }));
}

// The phone's store may be full or away: nothing is dropped, it is tried until it is down.
async function keepOne(slice, facts) {
  let number;
  for (;;) {
    try {
      const there = (await store.findTake(facts.take)).number;
      number ??= there + 1;
      // A store that broke off may have taken it all the same.
      if (there < number) await store.keepChunk({ ...slice, ...facts, number });
      break;
    } catch (failure) {
      note(failure?.name === "QuotaExceededError" ? "phone-full" : "phone-stuck");
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
  if (["phone-full", "phone-stuck", "camera-lost"].includes(problem)) problem = null;
  sender.nudge();
  show();
}

// One after the other, whichever recorder they are of.
let keeping = Promise.resolve();
const keep = (slice, facts) => (keeping = keeping.then(() => keepOne(slice, facts)));

async function begin(cause, old = null) {
  const type = chosenType();
  if (!type) return note("no-recorder");
  if (!(await showCamera())) return;
  lost = null;
  // A file of WebM stands alone (docs/design/live-capture.md): it goes on in a livestream of its own.
  const goesOn = old && old.mediaType === "video/mp4" && type.startsWith("video/mp4");
  if (old && !goesOn) await store.changeTake(old.id, { ended: true });
  take = goesOn ? old : { ...freshTake(type), ...(old && { title: old.title, cases: old.cases, stage: old.stage }) };
  if (!goesOn) await store.putTake(take);
  holdTake(take.id);
  await endOthers();
  const period = take.period + 1;
  problem = null;
  startedAt = performance.now();
  $("marked").textContent = "";
  const facts = { take: take.id, period, cause };
  try {
    recording = new Recording(camera, type, (slice) => keep(slice, facts), cameraLost);
  } catch {
    letGo();
    return note("no-recorder");
  }
  await stayAwake();
  navigator.storage?.persist?.();
  show();
}

// The last slice is down before anything else happens.
async function halt() {
  const was = recording;
  await was?.stop();
  recording = null;
  return was && store.findTake(take.id);
}

function letGo() {
  release();
  take = null;
}

async function end() {
  if (!(await halt())) return;
  await store.changeTake(take.id, { ended: true });
  letGo();
  awake?.release();
  sender.nudge();
}

// A call, another program or the lock screen took the camera away; it goes on when it is back, or
// when somebody presses a button before.
let lost = null;
let shortOnes = 0;

async function cameraLost() {
  if (!recording || busy) return;
  await alone(async () => {
    lost = await halt();
    letGo();
    note("camera-lost");
  });
  shortOnes = performance.now() - startedAt > TOO_SHORT_MS ? 0 : shortOnes + 1;
  if (shortOnes < MOST_SHORT) comeBack();
}

async function comeBack() {
  const muted = camera?.getTracks().some((track) => track.readyState === "live" && track.muted);
  if (!lost || recording || muted || document.visibilityState !== "visible") return;
  await alone(() => begin("silence", lost));
}

async function stayAwake() {
  if (asking || awake?.released === false) return;
  asking = true;
  try {
    awake = await navigator.wakeLock?.request("screen");
  } catch {
    // The battery is low, or the page is hidden: it goes on without, and says so.
  }
  asking = false;
}

// One thing at a time: fingers are quicker than cameras.
async function alone(work) {
  if (busy) return;
  busy = true;
  try {
    await work();
  } finally {
    busy = false;
    show();
  }
}

// --- buttons ----------------------------------------------------------------------------------

$("record").addEventListener("click", () => alone(() => {
  shortOnes = 0;
  return recording ? end() : begin(lost ? "silence" : "reconnect", lost);
}));

$("marks").addEventListener("click", async (event) => {
  const button = event.target.closest("[data-kind]");
  if (!button || !recording) return;
  const at = Date.now();
  await store.keepMark(take.id, { kind: button.dataset.kind, at });
  $("marked").textContent = `${button.textContent} · ${new Date(at).toLocaleTimeString(document.documentElement.lang)}`;
  navigator.vibrate?.(40);
  sender.nudge();
});

$("switch").addEventListener("click", () => alone(async () => {
  const old = await halt();
  if (old) letGo();
  facing = facing === "environment" ? "user" : "environment";
  closeCamera(camera);
  camera = null;
  // If the other one does not open, it goes on when one does.
  lost = old ?? lost;
  if (old) await begin("codec_change", old);
  else await showCamera();
}));

$("go-on").addEventListener("click", () => alone(async () => {
  const old = await store.findTake($("interrupted").dataset.take);
  if (old) await begin("reconnect", old);
}));

$("end-it").addEventListener("click", () => alone(async () => {
  lost = null;
  await endOthers();
  sender.nudge();
}));

let looking = null;
$("scan").addEventListener("click", async () => {
  if (looking) return looking.abort();
  looking = new AbortController();
  root.dataset.scanning = "yes";
  $("scan").setAttribute("aria-pressed", "true");
  try {
    const found = (await showCamera()) && (await scan(video, looking.signal));
    if (found) {
      const field = fields.querySelector("[name=cases]");
      const before = field.value.trim();
      if (!before.split(/[,\uFF0C]/).map((text) => text.trim()).includes(found)) field.value = before ? `${before}, ${found}` : found;
      field.focus();
    }
  } finally {
    looking = null;
    delete root.dataset.scanning;
    $("scan").setAttribute("aria-pressed", "false");
  }
});

$("place").addEventListener("change", (event) => {
  place = {};
  $("place-said").textContent = "";
  if (!event.target.checked) return;
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      place = { lat: coords.latitude, lon: coords.longitude, accuracy_m: coords.accuracy };
      $("place-said").textContent = `${coords.latitude.toFixed(5)}, ${coords.longitude.toFixed(5)} \u00B1 ${Math.round(coords.accuracy)} m`;
    },
    () => {
      event.target.checked = false;
      $("place-said").textContent = words("place-refused");
    },
    { enableHighAccuracy: true, timeout: 20_000 },
  );
});

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState !== "visible") return;
  seenAt = performance.now();
  if (recording) stayAwake();
  comeBack();
  show();
});

// Leaving while something is only on this phone deserves a question.
addEventListener("beforeunload", (event) => {
  if (recording || root.dataset.safe === "no") event.preventDefault();
});

// --- the page itself --------------------------------------------------------------------------

async function install() {
  if (!("serviceWorker" in navigator)) return;
  const policy = window.trustedTypes?.createPolicy("recorder", { createScriptURL: (address) => address });
  const address = root.dataset.worker;
  await navigator.serviceWorker.register(policy ? policy.createScriptURL(address) : address, { scope: "/capture" });
  const { active } = await navigator.serviceWorker.ready;
  const own = performance.getEntriesByType("resource").map((one) => new URL(one.name)).filter((one) => one.origin === location.origin && one.pathname.startsWith("/static/")).map((one) => one.href);
  active.postMessage({ keep: [...own, ...root.dataset.reader.split(" ").filter(Boolean)] });
}

// What is safe since an earlier visit is of no interest any more.
try {
  for (const one of await store.allTakes()) if (one.closed) await store.forgetTake(one.id);
} catch {
  problem = "phone-stuck"; // Without a store nothing that is recorded would be kept: it is told.
}
sender.run();
if (!window.isSecureContext || !navigator.mediaDevices || !window.MediaRecorder) {
  $("record").disabled = true;
  note(window.isSecureContext ? "no-recorder" : "not-secure");
} else {
  showCamera();
}
show();
install().catch(() => {}); // Without it the page does not open in a tunnel; all else goes on.
setInterval(() => {
  if (!recording) return;
  if (document.visibilityState === "visible") {
    stayAwake();
    // It ended while something else was being done, or hands out nothing though it is seen.
    const silentMs = Math.min(recording.silentMs, performance.now() - seenAt);
    if (recording.isOver || silentMs > SILENT_MS) cameraLost();
  }
  show();
}, RETRY_MS);
