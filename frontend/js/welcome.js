/** The first visit: a sentence of what this is, until it is dismissed or followed. */

import { byId } from "./dom.js";
import { recall, remember } from "./memory.js";

/** @param {import("./state.js").Store} store */
export function welcome(store) {
  const host = byId("welcome");
  host.hidden = recall("localStorage", "welcomed", false);
  const close = () => {
    remember("localStorage", "welcomed", true);
    host.hidden = true;
  };
  byId("welcome-close").addEventListener("click", close);
  byId("welcome-play").addEventListener("click", () => {
    close();
    byId("stages").scrollIntoView({ block: "nearest" });
    if (store.get().view.b) store.set({ playing: true });
  });
}
