// On the page that signs in: what an earlier recording left on this phone goes up with its own
// push key, whoever is signed in or nobody.
import { exists } from "./capture-store.js";
import { Sender } from "./capture-send.js";

if (await exists()) new Sender().run();
