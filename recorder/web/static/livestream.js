// The page of a livestream: live, back to its start, and its facts as they change.
import { grant, NotNow } from "./grant.js";
import { written } from "./player.js";
import { age, fillCautions, fillState, follow, picture, rate, say, words } from "./sights.js";
import { canDecode, play, proxyOf } from "./stream.js";

const RENEW_BEFORE_MS = 45_000;
const ASK_AGAIN_MS = 1_000;
// Each attempt is a ticket, and so an entry in the custody record.
const ASK_FOR_PLACE_MS = 15_000;
const NEAR_EDGE_S = 6;

class LivePlayer {
  constructor(root) {
    this.root = root;
    this.id = root.dataset.livestream;
    this.find = (selector) => root.querySelector(selector);
    this.video = this.find("video");
    this.seek = this.find(".seek");
    this.controls = this.find(".controls");
    this.words = Object.fromEntries(
      [...root.querySelectorAll(".player-words dt")].map((name) => [name.textContent, name.nextElementSibling]),
    );
    this.stream = null;
    this.starting = false;
    // Whether what is shown was made for browsers that cannot play the livestream itself.
    this.byProxy = !canDecode(root.dataset.codec);
    this.renewAt = Infinity;
    this.video.addEventListener("play", () => this.playing(true));
    this.video.addEventListener("pause", () => this.playing(false));
    this.video.addEventListener("timeupdate", () => this.tell());
    this.video.addEventListener("loadeddata", () => this.check());
    this.video.addEventListener("click", () => this.act("toggle"));
    this.video.addEventListener("volumechange", () => this.controls.classList.toggle("is-muted", this.video.muted));
    this.controls.classList.toggle("is-muted", this.video.muted);
    this.seek.addEventListener("input", () => this.seekTo(this.seek.value / 1000));
    this.controls.addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]");
      if (button) this.act(button.dataset.do);
    });
    document.addEventListener("keydown", (event) => this.key(event));
    setInterval(() => this.renewIfDue(), 1_000);
  }

  async start() {
    if (this.stream || this.starting) return;
    if (this.root.dataset.watch !== "yes") { this.say(this.root.dataset.watch === "restricted" ? "restricted" : "forbidden"); return; }
    if (this.root.dataset.segments === "0") { this.say("waiting"); return; }
    this.starting = true;
    try {
      const given = await grant(this.id, undefined, "livestreams");
      this.lasts(given);
      // Of WebM there are only proxies.
      this.byProxy ||= given.url.includes("/proxy/");
      if (this.byProxy) await this.place(proxyOf(given.url));
      this.stream = await play(this.video, this.address(given), (why) => this.failed(why));
    } catch (error) {
      this.refused(error);
      return;
    } finally {
      this.starting = false;
    }
    this.find(".screen-words").hidden = true;
    this.video.hidden = false;
    this.controls.hidden = false;
    this.find("[data-proxy]").hidden = !this.byProxy;
    this.video.play().catch(() => {});
  }

  address(given) {
    return this.byProxy ? proxyOf(given.url) : given.url;
  }

  async place(url) {
    const answer = await fetch(url);
    if (answer.ok) return;
    const body = await answer.json().catch(() => ({}));
    throw new NotNow(body.limit === 0 ? "none-converted" : (body.code ?? "http-error"));
  }

  lasts(given) {
    this.renewAt = performance.now() + Math.max(given.lastsMs - RENEW_BEFORE_MS, given.lastsMs / 2);
  }

  // While paused nobody watches: then the next press takes a new ticket, and its event.
  async renewIfDue() {
    if (!this.stream || this.video.paused || performance.now() < this.renewAt) return;
    this.renewAt = Infinity;
    try {
      const given = await grant(this.id, undefined, "livestreams");
      this.lasts(given);
      this.stream?.renew(this.address(given));
    } catch {
      this.renewAt = performance.now() + ASK_AGAIN_MS;
    }
  }

  refused(error) {
    if (!(error instanceof NotNow)) this.again("away");
    else if (error.code === "playback-not-ready") this.again("waiting");
    else if (error.code === "playback-impossible") this.say("none");
    else if (error.code === "footage-restricted") this.say("restricted");
    else if (error.code === "none-converted") this.say("hevc");
    else if (error.code === "live-proxies-busy") this.again("busy", ASK_FOR_PLACE_MS);
    else if (error.code === "session-ended" || error.code === "credentials-missing") location.reload();
    else this.again("broken");
  }

  failed(why) {
    this.stream?.stop();
    this.stream = null;
    if (why === "decode") this.byProxy = true;
    this.again("broken");
  }

  again(name, afterMs = ASK_AGAIN_MS) {
    this.say(name);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.start(), afterMs);
  }

  say(name) {
    this.find(".screen-title").textContent = this.words[name].dataset.title;
    this.find(".screen-text").textContent = this.words[name].textContent;
    this.find(".screen-words").hidden = false;
    this.find(".screen-moment").hidden = true;
    this.video.hidden = true;
    this.controls.hidden = true;
  }

  notice(name) {
    const box = this.find(".screen-notice");
    box.hidden = name === null;
    if (name) box.textContent = this.words[name].textContent;
  }

  // Chromium plays the sound of H.265 and shows no picture, without any error.
  check() {
    if (this.video.videoWidth === 0 && this.root.dataset.codec.startsWith("h")) this.failed("decode");
  }

  playing(is) {
    this.controls.classList.toggle("is-playing", is);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target !== this.seek;
    const acts = { " ": "toggle", ArrowLeft: "back", ArrowRight: "on", l: "live", m: "mute", f: "expand" };
    const act = acts[event.key];
    const onButton = event.target.closest?.("button, a, summary");
    if (typing || !act || (act === "toggle" && onButton && !onButton.closest(".player"))) return;
    event.preventDefault();
    this.act(act);
  }

  act(name) {
    if (!this.stream) return;
    const { video } = this;
    const acts = {
      toggle: () => (video.paused ? this.resume() : video.pause()),
      back: () => { video.currentTime = Math.max(this.first, video.currentTime - 5); },
      on: () => { video.currentTime = Math.min(this.edge, video.currentTime + 5); },
      live: () => { video.currentTime = this.edge; this.resume(); },
      mute: () => { video.muted = !video.muted; },
      expand: () => (document.fullscreenElement ? document.exitFullscreen() : this.root.requestFullscreen?.()),
    };
    acts[name]?.();
  }

  async resume() {
    await this.renewIfDueNow();
    this.video.play().catch(() => {});
  }

  async renewIfDueNow() {
    if (performance.now() < this.renewAt) return;
    try {
      const given = await grant(this.id, undefined, "livestreams");
      this.lasts(given);
      this.stream?.renew(this.address(given));
    } catch (error) {
      this.refused(error);
    }
  }

  get first() {
    const { seekable } = this.video;
    return seekable.length ? seekable.start(0) : 0;
  }

  get edge() {
    const { seekable } = this.video;
    return this.stream?.edge ?? (seekable.length ? seekable.end(seekable.length - 1) : 0);
  }

  seekTo(share) {
    this.video.currentTime = this.first + share * (this.edge - this.first);
  }

  tell() {
    if (!this.stream) return;
    const behind = this.edge - this.video.currentTime;
    const span = this.edge - this.first;
    const share = span > 0 ? Math.min(1, (this.video.currentTime - this.first) / span) : 1;
    this.seek.value = Math.round(share * 1000);
    this.seek.style.setProperty("--share", `${share * 100}%`);
    this.seek.setAttribute("aria-valuetext", written(this.video.currentTime - this.first));
    const live = behind < NEAR_EDGE_S;
    this.find(".go-live").classList.toggle("is-live", live);
    this.find("[data-behind]").textContent = live ? say("delay", this.stream.latency.toFixed(1)) : `−${written(behind)}`;
    const moment = this.stream.moment;
    const box = this.find(".screen-moment");
    box.hidden = !moment;
    // China's time everywhere, as on the other pages.
    if (moment) {
      box.dataset.at = moment.toISOString();
      box.textContent = written8(moment);
    }
    const media = document.querySelector("[data-fact=media]");
    if (media) media.textContent = written(this.video.currentTime - this.first);
  }
}

const root = document.getElementById("player");
const player = new LivePlayer(root);
const marks = document.getElementById("marks");
const form = marks?.querySelector("[data-mark]");

const written8 = (at) => new Date(at.getTime() + 8 * 3_600_000).toISOString().slice(0, 19).replace("T", " ");

function addMark(mark) {
  const row = marks.querySelector("template").content.querySelector("li").cloneNode(true);
  row.querySelector("[data-media]").dataset.media = mark.media_ms ?? "";
  row.querySelector("[data-shown]").textContent = written8(new Date(mark.shown_at));
  row.querySelector("[data-kind]").textContent = form.elements.kind.querySelector(`[value=${mark.kind}]`).textContent;
  row.querySelector("[data-note]").textContent = mark.note;
  row.querySelector("[data-by]").textContent = mark.made_by;
  const list = marks.querySelector(".marks");
  list.append(row);
  marks.querySelector("[data-marks-number]").textContent = list.children.length;
  row.scrollIntoView({ block: "nearest" });
}

// The moment is that of the picture when the button is pressed; nothing of the page is loaded anew.
form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const failed = form.querySelector("[data-failed]");
  failed.hidden = true;
  const said = {
    kind: form.elements.kind.value,
    note: form.elements.note.value,
    shown_at: (player.stream?.moment ?? new Date()).toISOString(),
    media_ms: player.stream ? Math.max(0, Math.round((player.video.currentTime - player.first) * 1000)) : null,
  };
  try {
    const answer = await fetch(`/api/v1/livestreams/${player.id}/marks`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": document.body.dataset.csrf ?? "" },
      body: JSON.stringify(said),
    });
    if (!answer.ok) throw new Error(String(answer.status));
    addMark(await answer.json());
    form.elements.note.value = "";
  } catch {
    failed.hidden = false;
  }
});

marks?.addEventListener("click", (event) => {
  const button = event.target.closest("[data-media]");
  if (button?.dataset.media && player.stream) player.video.currentTime = player.first + button.dataset.media / 1000;
});

const fact = (name, text) => { document.querySelector(`[data-fact=${name}]`).textContent = text || "–"; };
const bytes = (length) => (length < 1048576 ? `${(length / 1024).toFixed(1)} KB` : `${(length / 1048576).toFixed(1)} MB`);

function show(sight) {
  root.dataset.segments = sight.segments;
  root.dataset.codec = sight.codec ?? "";
  fillState(document.querySelector("[data-state]"), sight.state);
  fillCautions(document.querySelector(".cautions"), sight);
  fact("rate", rate(sight.bit_rate));
  fact("size", picture(sight));
  fact("age", age(sight));
  fact("storage", sight.segments ? (sight.cautions.find((one) => one.code === "store_slow") ? say("store_slow", sight.waiting) : words.safe) : "");
  fact("length", bytes(sight.length));
  fact("segments", String(sight.segments));
  if (sight.last_arrival_at) fact("arrived", written8(new Date(sight.last_arrival_at)));
  player.notice(sight.state === "interrupted" ? "interrupted" : null);
  if (sight.segments) player.start();
}

if (root.dataset.running === "yes") {
  player.start();
  const source = follow((sights) => {
    const own = sights.find((sight) => sight.id === player.id);
    if (own) show(own);
    else {
      // Over: nothing is loaded by itself, every look at the page is a custody event.
      document.querySelector("[data-closed]").hidden = false;
      fillState(document.querySelector("[data-state]"), "closed");
      player.notice(null);
      source.close();
    }
  });
}
