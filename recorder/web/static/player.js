// The player: one clip after the other, by mouse or keyboard, with addresses that are renewed.
// Texts stand in the page (_player.html); this module holds none.
import { grant, NotNow } from "./grant.js";
import { canDecode, play as playStream, PLAYLIST, proxyOf } from "./stream.js";

const RENEW_BEFORE_MS = 45_000;
const ASK_AGAIN_MS = 3_000;
const ASK_FOR_PLACE_MS = 15_000;
// A copy for viewing that is so much shorter than what was recorded does not show all of it.
const SHORT_S = 2;

export function written(seconds) {
  const whole = Math.max(0, Math.floor(seconds || 0));
  const rest = `${String(Math.floor(whole / 60) % 60)}:${String(whole % 60).padStart(2, "0")}`;
  return whole < 3600 ? rest : `${Math.floor(whole / 3600)}:${rest.padStart(5, "0")}`;
}

// China's time everywhere: the moment in UTC, eight hours on, written as if it were UTC.
export const written8 = (at) => new Date(at.getTime() + 8 * 3_600_000).toISOString().slice(0, 19).replace("T", " ");

export class Player extends EventTarget {
  constructor(root) {
    super();
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    this.video = this.find("video");
    this.audio = this.find("audio");
    this.picture = this.find(".screen-picture");
    this.face = this.find(".screen-sound-face");
    this.start = this.find(".screen-start");
    this.controls = this.find(".controls");
    this.seek = this.find(".seek");
    this.speed = this.find(".speed select");
    this.words = Object.fromEntries(
      [...root.querySelectorAll(".player-words dt")].map((name) => [name.textContent, name.nextElementSibling]),
    );
    // The line of the page that was chosen, and what is shown for it: its card copy where it has one.
    this.chosen = null;
    this.clip = null;
    this.media = null;
    // Where it was a livestream: its segments, played one after the other over all its periods.
    this.stream = null;
    // Whether they are converted for a browser that cannot play them.
    this.byProxy = false;
    this.wish = null;
    this.timer = 0;
    this.renewAt = 0;
    this.brokeAt = null;
    this.listen();
  }

  listen() {
    for (const media of [this.video, this.audio]) {
      media.addEventListener("timeupdate", () => this.tell(media));
      media.addEventListener("play", () => this.controls.classList.add("is-playing"));
      media.addEventListener("pause", () => this.controls.classList.remove("is-playing"));
      media.addEventListener("play", () => { this.start.hidden = true; });
      media.addEventListener("volumechange", () => this.controls.classList.toggle("is-muted", media.muted));
      media.addEventListener("durationchange", () => {
        this.tell(media);
        if (media === this.media) this.dispatchEvent(new CustomEvent("length"));
      });
      media.addEventListener("ended", () => media === this.media && this.step(1, true));
      media.addEventListener("error", () => media === this.media && !this.stream && media.getAttribute("src") && this.broken());
      media.addEventListener("loadeddata", () => media === this.media && this.check());
    }
    this.versions = this.find(".versions");
    this.versions.addEventListener("click", (event) => {
      const button = event.target.closest("[data-version]");
      if (button) this.change(button.dataset.version === "own");
    });
    this.video.addEventListener("click", () => this.toggle());
    this.start.addEventListener("click", () => this.toggle());
    this.seek.addEventListener("input", () => {
      if (this.media?.duration) this.media.currentTime = (this.seek.value / 1000) * this.media.duration;
    });
    this.speed.addEventListener("change", () => {
      this.setSpeed(Number(this.speed.value));
      this.root.focus({ preventScroll: true });
    });
    this.controls.addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]");
      if (button) this.act(button.dataset.do);
    });
    document.addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("visibilitychange", () => !document.hidden && this.renewIfDue());
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.target;
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName) && target !== this.seek;
    if (typing) return;
    const onButton = target.closest?.("button, a, summary");
    const acts = {
      " ": "toggle", ArrowLeft: "back", ArrowRight: "on", ",": "frame-back", ".": "frame-on",
      n: "next", p: "previous", m: "mute", f: "expand",
    };
    const act = acts[event.key];
    // Space on a button presses it, as everywhere, unless it is the button of a clip.
    if (!act || (act === "toggle" && onButton && !onButton.closest("[data-clip], .player"))) return;
    event.preventDefault();
    this.act(act);
  }

  act(name) {
    const acts = {
      toggle: () => this.toggle(),
      back: () => this.jump(-5),
      on: () => this.jump(5),
      "frame-back": () => this.frame(-1),
      "frame-on": () => this.frame(1),
      next: () => this.step(1, !this.media?.paused),
      previous: () => this.step(-1, !this.media?.paused),
      mute: () => { for (const media of [this.video, this.audio]) media.muted = !media.muted; },
      expand: () => (document.fullscreenElement ? document.exitFullscreen() : this.root.requestFullscreen?.()),
    };
    acts[name]?.();
  }

  step(by, play) {
    this.dispatchEvent(new CustomEvent("step", { detail: { by, play } }));
  }

  toggle() {
    if (!this.media) {
      if (this.clip && this.ready) this.load(true);
      return;
    }
    if (this.media.paused) this.play();
    else this.media.pause();
  }

  play() {
    if (this.due) {
      this.renew(true);
      return;
    }
    // Refused when the browser wants a click first: then the big button stays.
    this.media.play().catch(() => { this.start.hidden = !this.media?.paused; });
  }

  // Show the picture of the chosen clip itself at this second, also before anything was loaded.
  goTo(seconds) {
    if (this.clip !== this.chosen) this.change(true, seconds);
    else if (this.media) this.media.currentTime = seconds;
    else if (this.clip && this.ready) this.load(false, seconds);
  }

  // Seconds from begin to end, as far as they are known by now.
  get wholeLength() {
    const duration = this.media?.duration;
    return Number.isFinite(duration) && duration > 0 ? duration : this.knownLength();
  }

  jump(seconds) {
    if (this.media) this.media.currentTime = Math.max(0, Math.min(this.media.duration || 0, this.media.currentTime + seconds));
  }

  frame(by) {
    if (!this.media) return;
    this.media.pause();
    this.jump((by * 1000) / Number(this.clip.dataset.fps));
  }

  setSpeed(speed) {
    for (const media of [this.video, this.audio]) {
      media.defaultPlaybackRate = speed;
      media.playbackRate = speed;
    }
  }

  get ready() {
    return this.clip?.dataset.playable === "ready" && this.root.dataset.watch === "yes";
  }

  // Show a clip at its second, or the copy of it that is preferred at that moment.
  show(chosen, play, second = 0) {
    this.chosen = chosen;
    const card = chosen.querySelector("[data-preferred]");
    return this.showVersion(card ?? chosen, play, second && card ? Math.max(0, second + this.ahead) : second);
  }

  // By how many seconds the card copy began before the live copy, as both clocks tell it.
  get ahead() {
    const card = this.chosen.querySelector("[data-preferred]");
    const ms = Date.parse(this.chosen.dataset.began) + Number(this.chosen.dataset.shift) - Date.parse(card?.dataset.began);
    return Number.isNaN(ms) ? 0 : ms / 1000;
  }

  // The same moment of the other copy, as near as its clock tells it.
  change(own, at = null) {
    const card = this.chosen.querySelector("[data-preferred]");
    const clip = own ? this.chosen : card;
    if (clip === this.clip) return;
    const playing = this.media !== null && !this.media.paused;
    const moment = this.media ? this.momentOf(this.media.currentTime) : null;
    const shift = Number(this.chosen.dataset.shift) * (own ? -1 : 1);
    const length = Number(clip.dataset.length) / 1000;
    const there = moment === null ? NaN : (moment + shift - Date.parse(clip.dataset.began)) / 1000;
    // Moments of arrival say nothing of when it was filmed.
    const wall = Number.isNaN(there) || at !== null ? null : moment + shift;
    const same = Number.isNaN(there) ? (this.media?.currentTime ?? 0) + (own ? -this.ahead : this.ahead) : there;
    const second = at ?? (same > 0 && same < length ? same : 0);
    const loaded = this.media !== null || at !== null;
    this.showVersion(clip, false);
    if (loaded && this.ready) this.load(playing, second, wall);
  }

  // Begin to play when that is asked for, else wait for the first press. A second that was asked
  // for is shown at once.
  async showVersion(clip, play, second = 0) {
    this.wish?.abort();
    clearTimeout(this.timer);
    this.stop();
    this.clip = clip;
    this.byProxy = !canDecode(clip.dataset.codec);
    this.brokeAt = null;
    this.tellVersion();
    this.tellState();
    const now = clip.dataset.playable;
    if (now === "restricted") return this.say(now);
    if (this.root.dataset.watch !== "yes") return this.say("forbidden");
    if (!this.ready) {
      this.say(now, now !== "simulated");
      if (now === "pending") this.timer = setTimeout(() => this.askAgain(), ASK_AGAIN_MS);
      return undefined;
    }
    const kind = clip.dataset.kind;
    if (play || second || kind === "picture") return this.load(play, second);
    // The address is asked for when it is needed: looking at a list is not watching.
    if (clip.dataset.poster) {
      this.picture.src = clip.dataset.poster;
      this.picture.hidden = false;
    }
    this.face.hidden = kind !== "audio";
    this.start.hidden = false;
    this.controls.hidden = false;
    this.find(".now").textContent = written(0);
    this.find(".whole").textContent = written(this.knownLength());
    return undefined;
  }

  // `wall`: the moment to show instead of a second, where what is shown tells its moments.
  async load(play, at = 0, wall = null) {
    const clip = this.clip;
    this.wish?.abort();
    this.wish = new AbortController();
    let given;
    try {
      given = await this.ask(clip, this.wish.signal);
      if (given.mediaType === PLAYLIST && this.byProxy) await this.place(proxyOf(given.url));
    } catch (error) {
      if (error.name === "AbortError" || clip !== this.clip) return;
      this.refused(error);
      return;
    }
    if (clip !== this.clip) return;
    this.start.hidden = true;
    this.hideWords();
    if (given.mediaType.startsWith("image/")) {
      this.picture.src = given.url;
      this.picture.alt = clip.dataset.name;
      this.picture.hidden = false;
      this.controls.hidden = true;
      return;
    }
    this.lasts(given);
    const sound = given.mediaType.startsWith("audio/");
    this.media = sound ? this.audio : this.video;
    this.picture.hidden = true;
    this.face.hidden = !sound;
    this.video.hidden = sound;
    this.controls.hidden = false;
    if (clip.dataset.poster) this.video.poster = clip.dataset.poster;
    else this.video.removeAttribute("poster");
    if (given.mediaType === PLAYLIST) {
      this.stream?.stop();
      this.stream = null;
      const stream = await playStream(this.video, this.address(given), (why) => this.failed(why), at, wall);
      if (clip !== this.clip) { stream.stop(); return; }
      this.stream = stream;
    } else {
      this.media.src = given.url;
      if (at) this.media.currentTime = at;
    }
    this.setSpeed(Number(this.speed.value));
    if (play) this.play();
    this.renewLater();
  }

  // A frame of another system asks under the address that it has.
  ask(clip, signal) {
    return grant(clip.dataset.clip, signal, "recordings", this.root.dataset.api);
  }

  address(given) {
    return this.byProxy ? proxyOf(given.url) : given.url;
  }

  // Only so many are converted at a time.
  async place(url) {
    const answer = await fetch(url, { signal: this.wish.signal });
    if (!answer.ok) throw new NotNow((await answer.json().catch(() => ({}))).code ?? "http-error");
  }

  renewLater() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.renewIfDue(), this.renewAt - performance.now() + 100);
  }

  // A file is loaded anew where it stands; what is made of segments goes on under the next ticket.
  async renew(play) {
    if (!this.stream) {
      await this.load(play, this.media.currentTime);
      return;
    }
    const { clip, stream } = this;
    // Asked for once, however often it is found to be due meanwhile.
    this.renewAt = Infinity;
    try {
      const given = await this.ask(clip);
      if (stream !== this.stream) return;
      this.lasts(given);
      stream.renew(this.address(given));
    } catch (error) {
      if (stream !== this.stream) return;
      if (error instanceof NotNow) { this.refused(error); return; }
      this.renewAt = performance.now() + ASK_AGAIN_MS;
    }
    this.renewLater();
    if (play) this.media.play().catch(() => {});
  }

  lasts(given) {
    this.renewAt = performance.now() + Math.max(given.lastsMs - RENEW_BEFORE_MS, given.lastsMs / 2);
  }

  // The address ends soon, and not all that is left has arrived already.
  get due() {
    if (!this.media || performance.now() < this.renewAt) return false;
    const { buffered, duration } = this.media;
    for (let i = 0; i < buffered.length; i += 1) {
      if (buffered.start(i) <= 0.1 && buffered.end(i) >= duration - 0.1) return false;
    }
    return true;
  }

  // While paused nobody watches: then the next press takes the new address, and its event.
  renewIfDue() {
    if (this.due && !this.media.paused) this.renew(true);
  }

  // An address that has ended and a service that restarts look like a broken file. A new address
  // tells them apart: a file that is broken breaks at the same place again.
  broken(at = this.media.currentTime, playing = !this.media.paused) {
    if (this.brokeAt === null || at > this.brokeAt + 1) {
      this.brokeAt = at;
      this.load(playing, at);
      return;
    }
    this.say("broken", true);
    this.controls.hidden = true;
  }

  failed(why) {
    const { currentTime, paused } = this.media;
    if (why === "decode") this.byProxy = true;
    this.stream?.stop();
    this.stream = null;
    this.broken(currentTime, !paused);
  }

  refused(error) {
    if (!(error instanceof NotNow)) {
      this.say("away");
      this.timer = setTimeout(() => this.load(true), ASK_AGAIN_MS);
    } else if (error.code === "playback-not-ready") {
      this.say("pending", true);
      this.timer = setTimeout(() => this.askAgain(), ASK_AGAIN_MS);
    } else if (error.code === "live-proxies-busy") {
      this.say("busy", true);
      this.timer = setTimeout(() => this.load(true), ASK_FOR_PLACE_MS);
    } else if (error.code === "playback-impossible") this.say("none", true);
    else if (error.code === "session-ended" || error.code === "credentials-missing") location.reload();
    else if (error.code === "embed-ended") this.say("ended");
    else this.say("broken", true);
  }

  async askAgain() {
    const clip = this.clip;
    try {
      await this.ask(clip);
    } catch (error) {
      if (clip === this.clip) this.refused(error);
      return;
    }
    if (clip !== this.clip) return;
    clip.dataset.playable = "ready";
    this.load(false);
  }

  // Chromium plays the sound of H.265 and shows no picture, without any error.
  check() {
    if (this.media === this.video && this.clip.dataset.kind === "video" && this.video.videoWidth === 0) {
      this.notice("no-picture", "warn");
    } else if (this.stream && this.byProxy && this.find(".screen-notice").hidden) {
      this.notice("converted", "info");
    } else if (this.clip.dataset.periods > 1 && this.media.duration < this.knownLength() - SHORT_S
      && this.find(".screen-notice").hidden) {
      this.notice("short", "warn");
    }
  }

  // What the probe measured, for the time before anything is loaded.
  knownLength() {
    return Number(this.clip?.dataset.length ?? 0) / 1000;
  }

  tell(media) {
    if (media !== this.media) return;
    const { currentTime, duration } = media;
    this.find(".now").textContent = written(currentTime);
    this.find(".whole").textContent = written(Number.isFinite(duration) ? duration : this.knownLength());
    this.seek.value = duration ? Math.round((currentTime / duration) * 1000) : 0;
    this.seek.style.setProperty("--share", `${this.seek.value / 10}%`);
    this.seek.setAttribute("aria-valuetext", written(currentTime));
    this.tellMoment(currentTime);
    const second = Math.max(0, this.clip === this.chosen ? currentTime : currentTime - this.ahead);
    this.dispatchEvent(new CustomEvent("time", { detail: { clip: this.chosen, second } }));
  }

  tellMoment(seconds) {
    const box = this.find(".screen-moment");
    box.hidden = !this.media;
    const moment = this.momentOf(seconds);
    this.find(".screen-moment-text").textContent = moment === null
      ? this.words["unknown-begin"].textContent
      : written8(new Date(moment));
  }

  // Wall time of the picture: of segments as their playlist says it, over all gaps; else counted on.
  momentOf(seconds) {
    const shown = this.stream?.moment?.getTime();
    if (this.stream) return shown ?? null;
    const began = Date.parse(this.clip.dataset.began);
    return Number.isNaN(began) ? null : began + seconds * 1000;
  }

  tellVersion() {
    const own = this.clip === this.chosen;
    this.versions.hidden = !this.chosen.querySelector("[data-preferred]");
    for (const button of this.versions.querySelectorAll("[data-version]")) {
      button.setAttribute("aria-pressed", String((button.dataset.version === "own") === own));
    }
    for (const text of this.versions.querySelectorAll("[data-of]")) text.hidden = (text.dataset.of === "own") !== own;
    this.dispatchEvent(new CustomEvent("length"));
  }

  tellState() {
    const { state, integrity, fixity } = this.clip.dataset;
    if (integrity === "mismatched") this.notice("mismatched", "bad");
    else if (integrity === "simulated") this.notice("simulated", "warn");
    else if (fixity === "failing") this.notice("failing", "bad");
    else if (state === "quarantined") this.notice("quarantined", "warn");
    else if (integrity === "received") this.notice("verifying", "info");
    else if (fixity === "restored") this.notice("restored", "warn");
    else this.find(".screen-notice").hidden = true;
  }

  notice(name, tone) {
    const box = this.find(".screen-notice");
    box.textContent = this.words[name].textContent;
    box.dataset.tone = tone;
    box.hidden = false;
  }

  say(name, original = false) {
    this.find(".screen-title").textContent = this.words[name].dataset.title;
    this.find(".screen-text").textContent = this.words[name].textContent;
    const link = this.find("[data-original]");
    link.hidden = !original || this.root.dataset.watch !== "yes" || "api" in this.root.dataset;
    link.href = `/api/v1/recordings/${this.clip.dataset.clip}/original`;
    this.find(".screen-words").hidden = false;
    this.start.hidden = true;
    this.controls.hidden = true;
    this.picture.hidden = true;
    this.face.hidden = true;
  }

  hideWords() {
    this.find(".screen-words").hidden = true;
  }

  stop() {
    this.stream?.stop();
    this.stream = null;
    this.media = null;
    for (const media of [this.video, this.audio]) {
      media.pause();
      if (media.getAttribute("src")) {
        media.removeAttribute("src");
        media.load();
      }
    }
    this.video.hidden = true;
    this.picture.hidden = true;
    this.picture.removeAttribute("src");
    this.face.hidden = true;
    this.start.hidden = true;
    this.controls.hidden = true;
    this.find(".screen-moment").hidden = true;
    this.hideWords();
    this.seek.value = 0;
    this.seek.style.setProperty("--share", "0%");
  }
}
