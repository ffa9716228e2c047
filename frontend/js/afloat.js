/** The shape stays in sight: where the stage was scrolled away and another shape comes, a small stage floats at the edge. */

import { byId, el, reducedMotion } from "./dom.js";

/** @param {import("./state.js").Store} store */
export function afloat(store) {
  const [place, stages] = ["stage-place", "stages"].map((id) => byId(id));
  let inSight = true;

  const back = el("button", { type: "button", class: "float-back", "aria-label": "Back to the 3-D view", title: "Back to the 3-D view", hidden: true });
  back.addEventListener("click", () => {
    place.scrollIntoView({ block: "center", behavior: reducedMotion.matches ? "auto" : "smooth" });
    byId("stage").focus({ preventScroll: true });
  });
  stages.append(back);

  /** @param {boolean} on */
  function float(on) {
    if (on === stages.classList.contains("afloat")) return;
    place.style.height = on ? `${place.clientHeight}px` : ""; // what is below stays where it is
    stages.classList.toggle("afloat", on);
    back.hidden = !on;
  }

  new IntersectionObserver(([entry]) => {
    inSight = entry.isIntersecting;
    if (inSight) float(false);
  }, { rootMargin: "-90px 0px" }).observe(place);
  store.subscribe((state, before) => {
    const other = state.frame?.spot !== before.frame?.spot;
    if (other && before.frame && !inSight && state.phase === "ready") float(true);
  });
}
