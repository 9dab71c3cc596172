// The page of a livestream: live, back to its start, and its facts as they change.
import { grant, NotNow } from "./grant.js";
import { LiveMarks } from "./livestream-marks.js";
import { written, written8 } from "./player.js";
import { age, fillCautions, fillState, follow, picture, rate, say, words } from "./sights.js";
import { canDecode, play, proxyOf } from "./stream.js";

const RENEW_BEFORE_MS = 45_000;
const ASK_AGAIN_MS = 1_000;
// Each attempt is a ticket, and so an entry in the custody record: they become rarer.
const ASK_FOR_PLACE_MS = 15_000;
// What has played for so long broke off by chance.
const PLAYED_WELL_MS = 60_000;
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
    this.toLive = false;
    // Whether somebody paused it.
    this.stands = false;
    // When it may be tried again, and how long the next pause is.
    this.notBefore = 0;
    this.pauseMs = ASK_AGAIN_MS;
    this.startedAt = 0;
    // What was shown when it broke off: the moment, where that was not live, and whether it stood.
    this.place = null;
    // Whether what is shown was made for browsers that cannot play the livestream itself.
    this.byProxy = !canDecode(root.dataset.codec);
    this.renewAt = Infinity;
    this.video.addEventListener("play", () => this.playing(true));
    this.video.addEventListener("pause", () => this.playing(false));
    this.video.addEventListener("seeking", () => this.stands && this.goOn());
    this.video.addEventListener("seeked", () => this.stands && this.stream?.rest());
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
    setInterval(() => this.stands || this.renewIfDue(), 1_000);
  }

  async start() {
    if (this.stream || this.starting || performance.now() < this.notBefore) return;
    if (this.root.dataset.watch !== "yes") { this.say(this.root.dataset.watch === "restricted" ? "restricted" : "forbidden"); return; }
    if (this.root.dataset.segments === "0") { this.say("waiting"); return; }
    this.starting = true;
    try {
      const given = await grant(this.id, undefined, "livestreams");
      this.lasts(given);
      // Of WebM there are only proxies.
      this.byProxy ||= given.url.includes("/proxy/");
      if (this.byProxy) await this.askForPlace(proxyOf(given.url));
      const moment = this.place?.moment ?? null;
      this.stream = await play(this.video, this.address(given), (why) => this.failed(why), 0, moment);
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
    this.startedAt = performance.now();
    if (!this.place?.paused) this.video.play().catch(() => {});
  }

  address(given) {
    return this.byProxy ? proxyOf(given.url) : given.url;
  }

  async askForPlace(url) {
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
    const { stream } = this;
    if (!stream || performance.now() < this.renewAt) return;
    this.renewAt = Infinity;
    try {
      const given = await grant(this.id, undefined, "livestreams");
      if (stream !== this.stream) return;
      this.lasts(given);
      stream.renew(this.address(given));
    } catch (error) {
      if (stream !== this.stream) return;
      this.renewAt = performance.now() + ASK_AGAIN_MS;
      if (error.code === "footage-restricted") {
        this.letGo();
        this.refused(error);
      }
    }
  }

  refused(error) {
    if (!(error instanceof NotNow)) this.again("away");
    else if (error.code === "playback-not-ready") this.again("waiting");
    else if (error.code === "playback-impossible") this.again("none", ASK_FOR_PLACE_MS);
    else if (error.code === "footage-restricted") this.rest("restricted");
    else if (error.code === "none-converted") this.rest("hevc");
    else if (error.code === "live-proxies-busy") this.again("busy", ASK_FOR_PLACE_MS);
    else if (error.code === "session-ended" || error.code === "credentials-missing") location.reload();
    else this.againLater();
  }

  letGo() {
    // Where it should have gone on when it broke off again counts.
    this.place ??= this.present();
    this.stream?.stop();
    this.stream = null;
  }

  present() {
    const behind = this.stands || this.edge - this.video.currentTime > NEAR_EDGE_S;
    const moment = behind ? (this.stream?.moment?.getTime() ?? null) : null;
    return { moment, paused: this.stands && moment !== null };
  }

  failed(why) {
    this.letGo();
    if (why === "decode" && !this.byProxy) {
      this.byProxy = true;
      this.again("broken");
    } else this.againLater();
  }

  againLater() {
    if (performance.now() - this.startedAt > PLAYED_WELL_MS) this.pauseMs = ASK_AGAIN_MS;
    this.again("broken", this.pauseMs);
    this.pauseMs = Math.min(ASK_FOR_PLACE_MS, this.pauseMs * 2);
    this.startedAt = Infinity;
  }

  again(name, afterMs = ASK_AGAIN_MS) {
    this.say(name);
    this.notBefore = performance.now() + afterMs;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.start(), afterMs + 10);
  }

  // Nothing changes that by itself, but another codec.
  rest(name) {
    this.say(name);
    this.notBefore = Infinity;
  }

  // The device begins, or goes on with another codec.
  changed() {
    if (this.stream) return;
    this.byProxy = !canDecode(this.root.dataset.codec);
    if (this.notBefore === Infinity) this.notBefore = 0;
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

  // While it stands nothing is asked for, also no list: its ticket may end meanwhile.
  playing(is) {
    this.stands = !is;
    this.controls.classList.toggle("is-playing", is);
    if (is) this.goOn();
    else this.stream?.rest();
  }

  async goOn() {
    const { stream } = this;
    await this.renewIfDue();
    if (stream !== this.stream) return;
    if (this.toLive) stream?.atNextList(() => { this.video.currentTime = this.edge; });
    this.toLive = false;
    stream?.goOn();
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
    this.place = null;
    const { video } = this;
    const acts = {
      toggle: () => (video.paused ? this.resume() : video.pause()),
      back: () => { video.currentTime = Math.max(this.first, video.currentTime - 5); },
      on: () => { video.currentTime = Math.min(this.edge, video.currentTime + 5); },
      live: () => this.goLive(),
      mute: () => { video.muted = !video.muted; },
      expand: () => (document.fullscreenElement ? document.exitFullscreen() : this.root.requestFullscreen?.()),
    };
    acts[name]?.();
  }

  resume() {
    return this.video.play().catch(() => {});
  }

  // After a pause it is known only from the next list where that is.
  goLive() {
    this.toLive = this.video.paused;
    if (this.toLive) this.resume();
    else this.video.currentTime = this.edge;
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
    this.place = null;
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
    if (moment) {
      if (Math.abs((this.place?.moment ?? moment) - moment) < NEAR_EDGE_S * 1000) this.place = null;
      box.dataset.at = moment.toISOString();
      box.textContent = written8(moment);
    }
    const media = document.querySelector("[data-fact=media]");
    if (media) media.textContent = written(this.video.currentTime - this.first);
  }
}

const root = document.getElementById("player");
const player = new LivePlayer(root);
const marks = new LiveMarks(player, document.getElementById("marks"));

const fact = (name, text) => { document.querySelector(`[data-fact=${name}]`).textContent = text || "–"; };
const bytes = (length) => (length < 1048576 ? `${(length / 1024).toFixed(1)} KB` : `${(length / 1048576).toFixed(1)} MB`);

function show(sight) {
  root.dataset.segments = sight.segments;
  const codec = sight.codec ?? "";
  if (codec !== root.dataset.codec) {
    root.dataset.codec = codec;
    player.changed();
  }
  fillState(document.querySelector("[data-state]"), sight.state);
  fillCautions(document.querySelector(".cautions"), sight);
  fact("rate", rate(sight.bit_rate));
  fact("size", picture(sight));
  fact("age", age(sight));
  const waits = sight.cautions.some((one) => one.code === "store_slow");
  fact("storage", waits ? say("store_slow", sight.waiting) : sight.segments ? words.safe : "");
  fact("length", bytes(sight.length));
  fact("segments", String(sight.segments));
  if (sight.last_arrival_at) fact("arrived", written8(new Date(sight.last_arrival_at)));
  marks.know(sight.marks);
  player.notice(sight.state === "interrupted" ? "interrupted" : waits ? "store-slow" : null);
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
      document.querySelector("[data-live]").hidden = true;
      source.close();
    }
  }, (state) => {
    const line = document.querySelector("[data-live]");
    line.dataset.live = state;
    line.hidden = state !== "off";
  }, player.id);
}
