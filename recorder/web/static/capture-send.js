// Brings what this phone holds to the service, take by take, chunk by chunk, whatever happens to
// the line. One tab sends at a time; only an answer of the service makes a chunk safe.
import * as store from "./capture-store.js";

const SHORTEST_MS = 500;
const LONGEST_MS = 15_000;
// A body that gets no answer for so long is sent again.
const PATIENCE_MS = 60_000;

// What is said about a take that cannot go on; the chunks stay.
export class Refused extends Error {
  constructor(status, code) {
    super(code);
    Object.assign(this, { status, code });
  }
}

async function ask(method, path, { key, csrf, body, headers = {} }) {
  const who = key ? { Authorization: `Bearer ${key}` } : { "X-CSRF-Token": csrf ?? "" };
  const answer = await fetch(path, {
    method, body, headers: { Accept: "application/json", ...who, ...headers },
    // The key must do without the session, which may be somebody else's by now.
    credentials: key ? "omit" : "same-origin",
    cache: "no-store", redirect: "error", signal: AbortSignal.timeout?.(PATIENCE_MS),
  });
  const words = await answer.json().catch(() => ({}));
  if (answer.ok) return words;
  if (answer.status >= 500 || answer.status === 429 || answer.status === 408) {
    throw Object.assign(new Error("later"), { afterMs: 1000 * Number(answer.headers.get("Retry-After") || 0) });
  }
  throw new Refused(answer.status, words.code ?? "http-error");
}

// What a service says of a body that it has; whoever else answers "OK" on the way does not know it.
function isKept(words, digest) {
  const bytes = Array.from(atob(digest), (letter) => letter.charCodeAt(0).toString(16).padStart(2, "0"));
  return words.sha256 === bytes.join("");
}

const json = (words) => ({ body: JSON.stringify(words), headers: { "Content-Type": "application/json" } });

export class Sender {
  // `account` and `csrf` are those of the session of this page; empty on the page that signs in.
  constructor({ account = "", csrf = "", onChange = () => {} } = {}) {
    Object.assign(this, { account, csrf, onChange, pauseMs: SHORTEST_MS, problem: null });
    this.wake = () => {};
  }

  // Sends as long as the page lives; another tab's Sender waits for its turn.
  run() {
    addEventListener("online", () => this.nudge());
    addEventListener("visibilitychange", () => this.nudge());
    const alone = navigator.locks ? (work) => navigator.locks.request("capture-send", work) : (work) => work();
    return alone(() => this.forever());
  }

  nudge() {
    this.pauseMs = SHORTEST_MS;
    this.wake();
  }

  async forever() {
    for (;;) {
      let pauseMs = LONGEST_MS;
      try {
        if (await this.sendAll()) continue;
        this.pauseMs = SHORTEST_MS;
      } catch (failure) {
        // No line, no answer, or "later": the same again.
        pauseMs = Math.max(failure.afterMs ?? 0, this.pauseMs);
        this.pauseMs = Math.min(LONGEST_MS, this.pauseMs * 2);
        this.tell("away");
      }
      await new Promise((resolve) => {
        this.wake = resolve;
        setTimeout(resolve, pauseMs);
      });
    }
  }

  tell(problem) {
    this.problem = problem;
    this.onChange(problem);
  }

  // One chunk, opening or closing of each take; whether anything was done.
  async sendAll() {
    let done = false;
    let problem = null;
    for (const take of await store.allTakes()) {
      try {
        done = (await this.step(take)) || done;
      } catch (refusal) {
        if (!(refusal instanceof Refused)) throw refusal;
        problem = await this.mend(take, refusal);
        done ||= problem === null;
      }
    }
    this.tell(problem);
    return done;
  }

  async step(take) {
    if (take.closed) return false;
    const chunk = await store.firstChunk(take.id);
    const mark = take.marks?.[0];
    if (!chunk && !(take.livestream && (mark || take.ended))) return this.drop(take);
    if (!take.livestream) return this.openAt(take);
    if (!take.key) return this.askKey(take);
    if (!chunk) return mark ? this.mark(take, mark) : this.close(take);
    try {
      const words = await ask("PUT", `/api/v1/livestreams/${take.livestream}/periods/${chunk.period}/chunks/${chunk.number}?cause=${chunk.cause}`, {
        key: take.key, body: chunk.body,
        headers: {
          "Content-Type": "application/octet-stream",
          "Content-Digest": `sha-256=:${chunk.digest}:`,
          "Recorder-Device-Time": new Date(chunk.at).toISOString(),
        },
      });
      if (!isKept(words, chunk.digest)) throw new Error("somebody else answered");
    } catch (refusal) {
      // The service keeps it beside the first body of that number: it is there.
      if (refusal.code !== "segment-conflicting") throw refusal;
    }
    await store.chunkIsSafe(chunk);
    this.pauseMs = SHORTEST_MS;
    return true;
  }

  // A take that ended before its first chunk is none.
  async drop(take) {
    return take.ended ? store.forgetTake(take.id) : false;
  }

  async openAt(take) {
    if (take.account !== this.account) throw new Refused(401, "other-account");
    const said = { title: take.title, case_numbers: take.cases, media_type: take.mediaType, device_clock_at: new Date().toISOString() };
    if (take.stage) said.stage = take.stage;
    const opened = await ask("POST", "/api/v1/livestreams", { csrf: this.csrf, ...json({ ...said, ...take.place }) });
    if (!opened.id) throw new Error("somebody else answered");
    await store.changeTake(take.id, { livestream: opened.id });
    return true;
  }

  async askKey(take) {
    if (take.account !== this.account) throw new Refused(401, "other-account");
    const made = await ask("POST", `/api/v1/livestreams/${take.livestream}/push-keys`, { csrf: this.csrf });
    if (!made.key) throw new Error("somebody else answered");
    await store.changeTake(take.id, { key: made.key });
    return true;
  }

  // By the phone's clock, as its chunks; said twice it is one mark.
  async mark(take, { kind, at }) {
    try {
      const words = await ask("POST", `/api/v1/livestreams/${take.livestream}/marks`, { key: take.key, ...json({ kind, shown_at: new Date(at).toISOString() }) });
      if (words.kind !== kind) throw new Error("somebody else answered");
    } catch (refusal) {
      // What no clock shows is no mark; the footage goes on.
      if (refusal.code !== "mark-time-invalid") throw refusal;
    }
    await store.markIsSafe(take.id, { kind, at });
    return true;
  }

  async close(take) {
    const closed = await ask("POST", `/api/v1/livestreams/${take.livestream}/close`, { key: take.key, ...json({ last: take.number }) });
    if (closed.id !== take.livestream) throw new Error("somebody else answered");
    await store.changeTake(take.id, { closed: true });
    return true;
  }

  // What can be done about a refusal: null, or the word for the person.
  async mend(take, { status, code }) {
    if (code === "push-key-expired" || code === "token-unknown") {
      if (take.account !== this.account) return "sign-in";
      await store.changeTake(take.id, { key: null });
      return null;
    }
    return status === 401 || status === 403 ? "sign-in" : "refused";
  }
}
