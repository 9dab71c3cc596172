// Which uploads this browser has begun and not finished: by the fingerprint of their file.
const NAME = "recorder-uploads";
// By then the service has sealed what came of it.
const OLDEST_MS = 30 * 24 * 3_600_000;

function all() {
  try {
    const found = Object.entries(JSON.parse(localStorage.getItem(NAME)) ?? {});
    return Object.fromEntries(found.filter(([, one]) => Date.now() - one.at < OLDEST_MS));
  } catch {
    // Storage is refused or was written by another hand: uploads begin anew.
    return {};
  }
}

function write(known) {
  try {
    localStorage.setItem(NAME, JSON.stringify(known));
  } catch {
    // As above.
  }
}

export function find(print) {
  return all()[print] ?? null;
}

export function keep(print, { account, name, address }) {
  write({ ...all(), [print]: { account, name, address, at: Date.now() } });
}

export function forget(print) {
  const known = all();
  delete known[print];
  write(known);
}

// Names of what this account has not finished.
export function unfinished(account) {
  return Object.values(all()).filter((one) => one.account === account).map((one) => one.name);
}
