// Server-sent events that go on whatever happens: a browser gives up for good where a proxy answers
// in the service's place, and does not notice a line that has died.
const AGAIN_MS = 3_000;
// The service tells something at least each 15 s (web/live_updates.py).
const SILENT_MS = 20_000;

// `onState` is told "on" with each word of the service and "off" when there may be newer ones.
export function listen(address, name, onNews, onState) {
  let source = null;
  let timer = 0;
  // Whether whoever listened wants no more.
  let over = false;

  function wait(then, ms) {
    clearTimeout(timer);
    timer = setTimeout(then, ms);
  }

  function open() {
    source = new EventSource(address);
    source.addEventListener("error", (event) => {
      if (event.target.readyState === EventSource.CLOSED) lost();
      else onState("off");
    });
    source.addEventListener(name, (event) => {
      wait(lost, SILENT_MS);
      onState("on");
      onNews(JSON.parse(event.data));
    });
    wait(lost, SILENT_MS);
  }

  function lost() {
    onState("off");
    close();
    wait(again, AGAIN_MS);
  }

  // Only an answer tells whether somebody has to sign in again.
  async function again() {
    const answer = await fetch("/api/v1/me").catch(() => null);
    if (answer?.status === 401) location.reload();
    else if (!over) open();
  }

  function close() {
    clearTimeout(timer);
    source?.close();
  }

  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && !over && open());
  open();
  return {
    close() {
      over = true;
      close();
    },
  };
}
