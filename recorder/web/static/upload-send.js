// Brings one file to the service by tus 1.0.0, slice by slice, whatever happens to the line.
// Only what an answer has counted is safe; texts and places of the page are no business of this.
const LEAST = 512 * 1024;
const MOST = 16 * 1024 * 1024;
// Slices grow and shrink until one takes about so long: the count of what is safe moves.
const BRIEF_MS = 3_000;
const LONG_MS = 12_000;
const PATIENCE_MS = 120_000;
const SHORTEST_MS = 500;
const LONGEST_MS = 15_000;
const TUS = { "Tus-Resumable": "1.0.0" };

// What cannot go on by itself.
export class Refused extends Error {
  constructor(code, status = 0) {
    super(code);
    Object.assign(this, { code, status });
  }
}

class Later extends Error {
  constructor(code, afterMs) {
    super(code);
    Object.assign(this, { code, afterMs });
  }
}

// Upload-Metadata: keys with the Base64 of UTF-8; empty values are left out.
export function metadataOf(words) {
  return Object.entries(words).filter(([, text]) => text).map(([key, text]) => {
    const bytes = new TextEncoder().encode(text);
    return `${key} ${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))}`;
  }).join(",");
}

// Browsers digest over HTTPS only; without it TCP's own sums and the reading back must do.
async function sha256(blob) {
  if (!crypto.subtle) return null;
  return new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
}

// Tells a file chosen again from another one of its name: its ends are looked at too.
export async function fingerprint(account, file) {
  const ends = await sha256(new Blob([file.slice(0, 65_536), file.slice(-65_536)]));
  const seen = ends ? Array.from(ends, (byte) => byte.toString(16).padStart(2, "0")).join("") : "";
  return [account, file.name, file.size, file.lastModified, seen].join("/");
}

export class Transfer {
  // `csrf` gives the token of the session; `onMove` hears of "sending", "away" and of what is safe.
  constructor(file, { metadata, address = null, csrf, onOpen, onMove }) {
    Object.assign(this, { file, metadata, address, csrf, onOpen, onMove, safe: 0, slice: 4 * LEAST });
    this.wake = () => {};
    addEventListener("online", () => this.wake());
  }

  // Until every byte is in the service: the recording. Raises Refused.
  async send() {
    for (let pauseMs = SHORTEST_MS; ;) {
      try {
        const before = this.safe;
        const recording = await this.sendOnce();
        if (recording) return recording;
        if (this.safe > before) pauseMs = SHORTEST_MS;
        await this.rest(pauseMs);
        pauseMs = Math.min(LONGEST_MS, pauseMs * 2);
      } catch (failure) {
        if (failure instanceof Refused) throw failure;
        // No line, no answer, or "later": the same again.
        this.onMove("away", failure.code ?? "away");
        await this.rest(Math.max(failure.afterMs ?? 0, pauseMs));
        pauseMs = Math.min(LONGEST_MS, pauseMs * 2);
      }
    }
  }

  rest(ms) {
    return new Promise((resolve) => {
      this.wake = resolve;
      setTimeout(resolve, ms);
    });
  }

  // As far as it goes without a failure; null where it has to be asked again how far that was.
  async sendOnce() {
    if (!this.address) await this.open();
    const stood = await this.ask("HEAD", this.address);
    if (!stood || (stood.get("Recorder-Recording") && Number(stood.get("Upload-Offset")) < this.file.size)) {
      // It has ended without the rest; what came of it is kept, and the file goes again as a whole.
      this.address = null;
      return null;
    }
    this.count(stood);
    while (!stood.get("Recorder-Recording") && this.safe < this.file.size) {
      const answer = await this.append();
      if (!answer) return null;
      this.count(answer);
      if (answer.get("Recorder-Recording")) return answer.get("Recorder-Recording");
    }
    // Without it all bytes are there, and the service is still joining them.
    return stood.get("Recorder-Recording");
  }

  count(answer) {
    this.safe = Number(answer.get("Upload-Offset"));
    this.onMove("sending", "");
  }

  async open() {
    const made = await this.ask("POST", "/api/v1/uploads", { "Upload-Length": String(this.file.size), "Upload-Metadata": this.metadata });
    this.address = made.get("Location");
    this.onOpen(this.address);
  }

  async append() {
    const body = this.file.slice(this.safe, this.safe + this.slice);
    const began = performance.now();
    let digest;
    try {
      digest = await sha256(body);
      if (!digest) await body.slice(0, 1).arrayBuffer();
    } catch {
      throw new Refused("file-changed");
    }
    const headers = { "Content-Type": "application/offset+octet-stream", "Upload-Offset": String(this.safe) };
    if (digest) headers["Upload-Checksum"] = `sha256 ${btoa(String.fromCharCode(...digest))}`;
    const answer = await this.ask("PATCH", this.address, headers, body);
    const took = performance.now() - began;
    if (took < BRIEF_MS) this.slice = Math.min(MOST, this.slice * 2);
    else if (took > LONG_MS) this.slice = Math.max(LEAST, this.slice / 2);
    return answer;
  }

  // The headers of the answer; null: ask how far it is. Raises Later and Refused.
  async ask(method, address, headers = {}, body = undefined) {
    let answer;
    try {
      answer = await fetch(address, {
        method, body, headers: { ...TUS, ...headers, "X-CSRF-Token": this.csrf(), Accept: "application/json" },
        cache: "no-store", redirect: "error", signal: AbortSignal.timeout(PATIENCE_MS),
      });
    } catch {
      // A line too slow for the slice breaks it each time: smaller ones get through.
      this.slice = Math.max(LEAST, this.slice / 2);
      throw new Later("away", 0);
    }
    if (answer.ok) return answer.headers;
    const { code = "http-error" } = await answer.json().catch(() => ({}));
    const gone = (answer.status === 404 || answer.status === 410) && address !== "/api/v1/uploads";
    if (gone || answer.status === 409 || answer.status === 460) return null;
    if (answer.status >= 500 || answer.status === 429 || answer.status === 408 || answer.status === 423) {
      throw new Later(answer.status === 507 ? "storage-full" : "away", 1000 * Number(answer.headers.get("Retry-After") || 0));
    }
    throw new Refused(answer.status === 401 || code === "csrf-token-invalid" ? "sign-in" : code, answer.status);
  }

  // What became of the recording: its state and its integrity.
  async became() {
    const stood = await this.ask("HEAD", this.address);
    return { state: stood?.get("Recorder-State"), integrity: stood?.get("Recorder-Integrity") };
  }
}
