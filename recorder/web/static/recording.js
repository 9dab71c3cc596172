// The page of a recording: its player, copy buttons, and its tasks while they run.
import "./copy.js";
import { follow, ofTask, showBar } from "./live.js";
import { Marks } from "./marks.js";
import { Player, written } from "./player.js";

const clip = document.querySelector("[data-clip]");
const player = new Player(document.getElementById("player"));
player.show(clip, false);
new Marks(player, document.getElementById("marks"));

const tasks = document.getElementById("tasks");
if (tasks.dataset.working === "yes") {
  const rows = new Map([...tasks.querySelectorAll("[data-run]")].map((row) => [row.dataset.run, row]));
  let before = null;
  const source = follow((work) => {
    const own = work.tasks.filter((run) => run.subject === tasks.dataset.recording);
    for (const run of own) {
      const row = rows.get(run.id);
      if (row) showBar(row, ofTask(run, written));
    }
    // The page is not loaded by itself: every look at it is a custody event.
    const now = own.map((run) => `${run.id} ${run.state}`).sort().join();
    if (before !== null && now !== before) document.getElementById("changed").hidden = false;
    before = now;
    if (!own.length) {
      document.getElementById("changed").hidden = false;
      source.close();
    }
  });
}
