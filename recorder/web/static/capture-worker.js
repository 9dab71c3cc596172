// Lets the page /capture open in a tunnel: its last form and the files it named, nothing else.
// Answers of the API are never kept and never taken from here.
const KEPT = "capture-1";
const PAGE = "/capture";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

// The page says which files it is made of.
self.addEventListener("message", (event) => {
  if (Array.isArray(event.data?.keep)) event.waitUntil(keep(event.data.keep));
});

async function keep(addresses) {
  const cache = await caches.open(KEPT);
  const wanted = new Set(addresses.map((one) => new URL(one, location.href).href));
  wanted.add(new URL(PAGE, location.href).href);
  for (const address of wanted) {
    const known = address.includes("/static/") && (await cache.match(address));
    if (known) continue;
    const answer = await fetch(address, { credentials: "same-origin" });
    if (answer.ok && answer.type === "basic") await cache.put(address, answer);
  }
  for (const request of await cache.keys()) {
    if (!wanted.has(request.url)) await cache.delete(request);
  }
}

self.addEventListener("fetch", (event) => {
  const address = new URL(event.request.url);
  if (event.request.method !== "GET" || address.origin !== location.origin) return;
  const ours = address.pathname === PAGE || address.pathname.startsWith("/static/");
  if (ours) event.respondWith(fresh(event.request, address.origin + address.pathname));
});

// The line first: whoever was signed out must see that.
async function fresh(request, address) {
  try {
    return await fetch(request);
  } catch (failure) {
    const kept = await caches.match(address);
    if (kept) return kept;
    throw failure;
  }
}
