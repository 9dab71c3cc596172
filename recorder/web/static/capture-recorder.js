// A camera and its recorder: slices, each with its time, put down in their order.
// What the recorder hands out is evidence as it is; nothing here looks into it.

// The first that the browser can write. H.264 in MP4 is shown as it comes; WebM is converted for that.
const TYPES = [
  "video/mp4;codecs=avc1.42E01F,mp4a.40.2",
  "video/mp4;codecs=avc1.42E01F,opus",
  "video/webm;codecs=vp8,opus",
  "video/webm",
  "video/mp4",
];
const SLICE_MS = 2000;
const BITS_PER_SECOND = 2_500_000;
// A recorder that was held up hands out much at once; the service takes 64 MiB.
const LARGEST = 16 << 20;
// One that has not ended by then will not say so any more.
const ENDING_MS = 5000;

export const chosenType = () => TYPES.find((type) => MediaRecorder.isTypeSupported(type));

export function openCamera(facing) {
  return navigator.mediaDevices.getUserMedia({
    video: { facingMode: { ideal: facing }, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } },
    audio: { echoCancellation: false, noiseSuppression: false },
  });
}

export function closeCamera(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

async function digestOf(body) {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", body));
  return btoa(String.fromCharCode(...bytes));
}

// One file of the browser. `keep` is given each slice and must not lose it; slices go to it one
// after the other. `ended` resolves when the last one has been put down; `lost` is told when it
// ended by itself.
export class Recording {
  constructor(stream, type, keep, lost) {
    this.keep = keep;
    this.wanted = false;
    this.line = Promise.resolve();
    this.began = performance.now();
    this.at = Date.now();
    this.recorder = new MediaRecorder(stream, {
      mimeType: type, videoBitsPerSecond: BITS_PER_SECOND, videoKeyFrameIntervalDuration: SLICE_MS,
    });
    this.recorder.addEventListener("dataavailable", (event) => this.take(event.data));
    this.ended = new Promise((resolve) => {
      this.recorder.addEventListener("stop", () => resolve(this.drained()));
    });
    this.ended.then(() => this.wanted || lost());
    this.recorder.start(SLICE_MS);
  }

  // How long nothing has been handed out.
  get silentMs() {
    return performance.now() - this.began;
  }

  // Whether it ended by itself.
  get isOver() {
    return !this.wanted && this.recorder.state === "inactive";
  }

  take(blob) {
    const [now, at] = [performance.now(), this.at];
    const ms = Math.round(now - this.began);
    [this.began, this.at] = [now, Date.now()];
    for (let begins = 0; begins < blob.size; begins += LARGEST) {
      const part = blob.slice(begins, begins + LARGEST);
      const isLast = begins + LARGEST >= blob.size;
      this.line = this.line.then(async () => {
        const body = await part.arrayBuffer();
        await this.keep({ body, at, ms: isLast ? ms : 0, digest: await digestOf(body) });
      }).catch(() => this.breakOff());
    }
  }

  // A slice that the browser does not give out: what comes next is another file.
  breakOff() {
    if (this.recorder.state !== "inactive") this.recorder.stop();
  }

  async drained() {
    let seen;
    while (seen !== this.line) {
      seen = this.line;
      await seen;
    }
  }

  // The last slice is handed out and put down; the camera stays open.
  stop() {
    this.wanted = true;
    this.breakOff();
    const late = new Promise((resolve) => setTimeout(resolve, ENDING_MS));
    return Promise.race([this.ended, late.then(() => this.drained())]);
  }
}
