// What this phone holds of livestreams until the service has acknowledged it: IndexedDB.
// A take is one livestream; a chunk leaves only in the transaction that counts it as safe.
const NAME = "recorder-capture";

let opened = null;

// What comes next asks for another connection: this one is gone, or cannot be trusted.
function lose(database) {
  opened = null;
  database?.close();
}

function open() {
  opened ??= new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.addEventListener("upgradeneeded", () => {
      asked.result.createObjectStore("takes", { keyPath: "id" });
      asked.result.createObjectStore("chunks", { keyPath: ["take", "number"] });
    });
    asked.addEventListener("success", () => {
      // Another tab with a newer page wants to change the shape: let it. An iPhone takes the
      // connection away from a page that was in the background.
      for (const event of ["versionchange", "close"]) asked.result.addEventListener(event, () => lose(asked.result));
      resolve(asked.result);
    });
    asked.addEventListener("error", () => {
      lose(null);
      reject(asked.error);
    });
  });
  return opened;
}

// A transaction; where the connection is gone without a word, on another one.
async function begun(mode) {
  for (let tries = 2; ; tries -= 1) {
    const database = await open();
    try {
      return [database, database.transaction(["takes", "chunks"], mode, { durability: "strict" })];
    } catch (failure) {
      lose(database);
      if (tries === 1) throw failure;
    }
  }
}

// Runs `work` in one transaction and gives what it leaves in `box`; strict: on the disk, not on its way.
async function within(mode, work) {
  const [database, change] = await begun(mode);
  return new Promise((resolve, reject) => {
    const box = {};
    change.addEventListener("complete", () => resolve(box.value));
    change.addEventListener("abort", () => {
      if (change.error?.name !== "QuotaExceededError") lose(database);
      reject(change.error);
    });
    work(change.objectStore("takes"), change.objectStore("chunks"), box);
  });
}

function into(request, box) {
  request.addEventListener("success", () => { box.value = request.result; });
}

function amend(takes, id, change) {
  const asked = takes.get(id);
  asked.addEventListener("success", () => {
    if (asked.result) takes.put({ ...asked.result, ...change(asked.result) });
  });
}

export function exists() {
  return indexedDB.databases ? indexedDB.databases().then((all) => all.some((one) => one.name === NAME)) : Promise.resolve(true);
}

export const allTakes = () => within("readonly", (takes, _, box) => into(takes.getAll(), box));
export const findTake = (id) => within("readonly", (takes, _, box) => into(takes.get(id), box));
export const putTake = (take) => within("readwrite", (takes) => takes.put(take));
export const changeTake = (id, change) => within("readwrite", (takes) => amend(takes, id, () => change));

const ofTake = (id) => IDBKeyRange.bound([id], [id, []]);

export const firstChunk = (id) => within("readonly", (_, chunks, box) => {
  const asked = chunks.openCursor(ofTake(id));
  asked.addEventListener("success", () => { box.value = asked.result?.value; });
});
export const waiting = (id) => within("readonly", (_, chunks, box) => into(chunks.count(ofTake(id)), box));

// The chunk and what the take says of it, together or not at all.
export const keepChunk = (chunk) => within("readwrite", (takes, chunks) => {
  chunks.add(chunk);
  amend(takes, chunk.take, (take) => ({
    number: chunk.number, period: chunk.period, keptMs: take.keptMs + chunk.ms, lastAt: chunk.at + chunk.ms,
  }));
});

// A mark lies in its take: set without a line it goes up with the rest.
export const keepMark = (id, mark) => within("readwrite", (takes) => {
  amend(takes, id, (take) => ({ marks: [...(take.marks ?? []), mark] }));
});

export const markIsSafe = (id, mark) => within("readwrite", (takes) => {
  amend(takes, id, (take) => ({ marks: take.marks.filter((one) => one.at !== mark.at || one.kind !== mark.kind) }));
});

export const chunkIsSafe = (chunk) => within("readwrite", (takes, chunks) => {
  chunks.delete([chunk.take, chunk.number]);
  amend(takes, chunk.take, (take) => ({ safeMs: take.safeMs + chunk.ms }));
});

export const forgetTake = (id) => within("readwrite", (takes, chunks, box) => {
  // Only what is safe is forgotten: a chunk that is still here keeps its take.
  const asked = chunks.count(ofTake(id));
  asked.addEventListener("success", () => {
    if (asked.result === 0) takes.delete(id);
    box.value = asked.result === 0;
  });
});
