// Plays an HLS playlist: by hls.js where the browser has media source extensions, else by itself.
// The ticket in the addresses may be replaced while it plays.
async function library() {
  try {
    const { default: Hls } = await import("./hls.light.min.mjs");
    return Hls.isSupported() ? Hls : null;
  } catch {
    return null;
  }
}

// Two moments that are one to the eye.
const NEAR_S = 0.05;
// Two places at which playing breaks off for reasons of their own.
const APART_S = 5;

const source = () => globalThis.ManagedMediaSource ?? globalThis.MediaSource;

const ticketIn = (url) => /\/watch\/([^/]+)\//.exec(url)?.[1] ?? "";

// The second of media at a moment; where nothing was recorded then, the next one. Null without dates.
function secondAt(moment, fragments) {
  const found = fragments.find((each) => each.programDateTime && each.programDateTime + each.duration * 1000 > moment);
  return found ? found.start + Math.max(0, moment - found.programDateTime) / 1000 : null;
}

class OverMse {
  constructor(Hls, video, url, at, onFailure, moment) {
    this.video = video;
    this.ticket = ticketIn(url);
    this.Hls = Hls;
    this.tries = 0;
    this.brokeAt = -Infinity;
    this.resting = false;
    this.hls = new Hls({
      // Pages have no workers: the policy allows none.
      enableWorker: false,
      ...(at > 0 ? { startPosition: at } : {}),
      // One target duration behind the edge: segments last a second or two.
      liveSyncDurationCount: 1,
      maxLiveSyncPlaybackRate: 1.1,
      backBufferLength: 300,
      xhrSetup: (xhr, asked) => xhr.open("GET", asked.replace(/\/watch\/[^/]+\//, `/watch/${this.ticket}/`), true),
    });
    this.over = new AbortController();
    // Whether somebody wants it to play: a browser that begins anew with a medium forgets it.
    this.plays = false;
    for (const is of ["play", "pause"]) {
      video.addEventListener(is, () => { this.plays = is === "play"; }, { signal: this.over.signal });
    }
    this.hls.on(Hls.Events.MEDIA_ATTACHED, () => this.plays && video.play().catch(() => {}));
    // The library would begin anew for ever where a device goes on in what this browser cannot decode.
    this.hls.on(Hls.Events.BUFFER_CODECS, (_, tracks) => {
      const all = Object.values(tracks).filter((track) => track?.codec);
      if (all.every(({ container, codec }) => source().isTypeSupported(`${container};codecs="${codec}"`))) return;
      setTimeout(() => this.over.signal.aborted || onFailure("decode"));
    });
    this.hls.on(Hls.Events.ERROR, (_, error) => {
      if (!error.fatal) return;
      const decoding = error.type === Hls.ErrorTypes.MEDIA_ERROR;
      // What comes next may be what this browser cannot decode: it breaks at the same place again.
      if (this.video.currentTime > this.brokeAt + APART_S) this.tries = 0;
      this.brokeAt = Math.max(this.brokeAt, this.video.currentTime);
      if (decoding && this.tries < 2) {
        this.tries += 1;
        this.hls.recoverMediaError();
      } else onFailure(decoding ? "decode" : "network");
    });
    if (moment !== null) {
      this.hls.once(Hls.Events.LEVEL_LOADED, (_, { details }) => {
        const second = secondAt(moment, details.fragments);
        if (second === null || Math.abs(second - at) < NEAR_S) return;
        // It begins where it was told to, and goes from there.
        video.addEventListener("canplay", () => { video.currentTime = second; }, { once: true, signal: this.over.signal });
      });
    }
    this.hls.loadSource(url);
    this.hls.attachMedia(video);
  }

  renew(url) {
    this.ticket = ticketIn(url);
  }

  // Where the newest picture that can be played smoothly is.
  get edge() {
    return this.hls.liveSyncPosition;
  }

  // Wall time of what is shown, from EXT-X-PROGRAM-DATE-TIME. The library goes by the segment that
  // played last, also just behind a jump over a gap.
  get moment() {
    const { currentTime } = this.video;
    const listed = this.hls.latestLevelDetails?.fragments ?? [];
    const shown = listed.findLast((each) => each?.programDateTime && each.start <= currentTime + 0.001);
    return shown ? new Date(shown.programDateTime + (currentTime - shown.start) * 1000) : null;
  }

  get latency() {
    return this.hls.latency;
  }

  // Nothing is asked for until it goes on.
  rest() {
    this.resting = true;
    this.hls.stopLoad();
  }

  goOn() {
    if (!this.resting) return;
    this.resting = false;
    this.hls.startLoad(this.video.currentTime, true);
  }

  atNextList(then) {
    this.hls.once(this.Hls.Events.LEVEL_UPDATED, then);
  }

  stop() {
    this.over.abort();
    this.hls.destroy();
  }
}

class ByItself {
  constructor(video, url, at, onFailure) {
    this.video = video;
    this.failed = () => onFailure("network");
    video.addEventListener("error", this.failed);
    video.src = url;
    if (at > 0) video.currentTime = at;
  }

  renew(url) {
    const { currentTime, paused } = this.video;
    this.video.src = url;
    this.video.currentTime = currentTime;
    if (!paused) this.video.play().catch(() => {});
  }

  get edge() {
    const { seekable } = this.video;
    return seekable.length ? Math.max(0, seekable.end(seekable.length - 1) - 3) : null;
  }

  get moment() {
    const began = this.video.getStartDate?.();
    return began && !Number.isNaN(began.getTime()) ? new Date(began.getTime() + this.video.currentTime * 1000) : null;
  }

  get latency() {
    const { seekable, currentTime } = this.video;
    return seekable.length ? seekable.end(seekable.length - 1) - currentTime : 0;
  }

  // The browser itself asks for what it wants.
  rest() {}

  goOn() {}

  atNextList(then) {
    then();
  }

  stop() {
    this.video.removeEventListener("error", this.failed);
    this.video.removeAttribute("src");
    this.video.load();
  }
}

export const PLAYLIST = "application/vnd.apple.mpegurl";

// `at`: seconds of media to begin behind; of what still runs, 0 is near its end. `moment`: wall
// time to begin at instead, where the playlist tells it.
export async function play(video, url, onFailure, at = 0, moment = null) {
  const Hls = await library();
  return Hls ? new OverMse(Hls, video, url, at, onFailure, moment) : new ByItself(video, url, at, onFailure);
}

// The same livestream, made playable segment by segment; a ticket serves for both.
export function proxyOf(url) {
  return url.replace(/(\/proxy)?\/index\.m3u8$/, "/proxy/index.m3u8");
}

export function canDecode(codec) {
  if (!codec) return true;
  // The four letters alone are no codec to a browser: asked is for the main profile.
  const type = `video/mp4; codecs="${/^(hvc1|hev1)$/.test(codec) ? `${codec}.1.6.L93.B0` : codec}"`;
  return source() ? source().isTypeSupported(type) : document.createElement("video").canPlayType(type) !== "";
}
