/** What a pointer and the keyboard do on the map: point, look, draw a line from one point to another, pan and zoom. */

/** @typedef {import("./scatter.js").Dot} Dot */
/**
 * @typedef {object} Acts
 * @property {(dot: Dot|null, x: number, y: number) => void} hover
 * @property {(dot: Dot) => void} look
 * @property {(x: number, y: number) => void} place    a click where no point is, in data
 * @property {(from: Dot, to: Dot) => void} line
 * @property {(drag: {from: Dot, x: number, y: number, to: Dot|null}|null) => void} drag
 * @property {() => Dot|null} current                  the point that the keyboard is at
 * @property {(end: "a"|"b", dot: Dot) => void} end
 */

/** A pointer that moved less than this, in pixels, has clicked. */
const CLICK = 5;
/** @type {Record<string, number[]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** @param {HTMLElement} host @param {import("./scatter.js").Scatter} scatter @param {Acts} acts */
export function pointing(host, scatter, acts) {
  /** @type {Map<number, {x: number, y: number}>} */
  const down = new Map();
  /** @typedef {{dot: Dot|null, x: number, y: number, moved: boolean}} Press */
  /** @type {Press|null} */
  let press = null;

  /** @param {MouseEvent} event */
  const at = (event) => {
    const box = host.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  host.addEventListener("pointerdown", (event) => {
    if (event.target !== scatter.over || event.button > 0) return;
    const here = at(event);
    down.set(event.pointerId, here);
    scatter.over.setPointerCapture(event.pointerId);
    press = down.size === 1 ? { dot: scatter.dotAt(here.x, here.y), ...here, moved: false } : null;
    acts.drag(null);
  });

  host.addEventListener("pointermove", (event) => {
    const here = at(event);
    const last = down.get(event.pointerId);
    if (!last) return acts.hover(event.target === scatter.over ? scatter.dotAt(here.x, here.y) : null, here.x, here.y);
    if (down.size === 2) pinch(event.pointerId, here);
    else if (press && (press.moved ||= Math.hypot(here.x - press.x, here.y - press.y) > CLICK)) dragTo(press, here, last);
    down.set(event.pointerId, here);
  });

  /** @param {Press} press @param {{x: number, y: number}} here @param {{x: number, y: number}} last */
  function dragTo(press, here, last) {
    acts.hover(null, 0, 0);
    if (!press.dot) return scatter.pan(here.x - last.x, here.y - last.y);
    const to = scatter.dotAt(here.x, here.y, 20);
    acts.drag({ from: press.dot, ...here, to: to && to.id !== press.dot.id ? to : null });
  }

  /** Two fingers zoom about their middle, and move with it. @param {number} id @param {{x: number, y: number}} here */
  function pinch(id, here) {
    const before = down.get(id);
    const [, other] = [...down].find(([key]) => key !== id) ?? [];
    if (!before || !other) return;
    const [was, is] = [Math.hypot(before.x - other.x, before.y - other.y), Math.hypot(here.x - other.x, here.y - other.y)];
    scatter.zoom(is / Math.max(1, was), (here.x + other.x) / 2, (here.y + other.y) / 2);
    scatter.pan((here.x - before.x) / 2, (here.y - before.y) / 2);
  }

  host.addEventListener("pointerup", (event) => {
    if (!down.delete(event.pointerId) || !press) return;
    const { dot, x, y, moved } = press;
    press = null;
    const here = at(event);
    acts.drag(null);
    if (!moved) return dot ? acts.look(dot) : acts.place(...scatter.toData(x, y));
    const to = dot && scatter.dotAt(here.x, here.y, 20);
    if (to && to.id !== dot.id) acts.line(dot, to);
  });
  host.addEventListener("pointercancel", (event) => {
    down.delete(event.pointerId);
    press = null;
    acts.drag(null);
  });
  host.addEventListener("pointerleave", () => acts.hover(null, 0, 0));

  // The wheel scrolls the page until the map was chosen.
  host.addEventListener("wheel", (event) => {
    if (document.activeElement !== host && !event.ctrlKey) return;
    event.preventDefault();
    const { x, y } = at(event);
    scatter.zoom(Math.exp(-event.deltaY / 400), x, y);
  }, { passive: false });

  host.addEventListener("keydown", (event) => {
    if (event.target !== host || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!onKey(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
  });

  /** Whether the map knows the key. @param {string} key */
  function onKey(key) {
    const dot = acts.current();
    if (ARROWS[key]) walk(dot, ARROWS[key]);
    else if (key === "+" || key === "=") scatter.zoom(1.25);
    else if (key === "-") scatter.zoom(0.8);
    else if (key === "Home" || key === "0") scatter.fit();
    else if (key === "Enter" && dot) acts.look(dot);
    else if ((key === "a" || key === "b") && dot) acts.end(key, dot);
    else return false;
    return true;
  }

  /** @param {Dot|null} from @param {number[]} way */
  function walk(from, [right, up]) {
    const next = from ? neighbour(scatter.dots, from, right, up) : scatter.dots[0];
    if (next) acts.hover(next, ...scatter.toScreen(next.x, next.y));
  }
}

/**
 * The next point in a direction: near, and rather ahead than aside. Pure.
 * @template {{id: string, x: number, y: number}} T
 * @param {T[]} dots @param {T} from @param {number} right @param {number} up
 * @returns {T|null}
 */
export function neighbour(dots, from, right, up) {
  /** @type {T|null} */
  let best = null;
  let least = Infinity;
  for (const dot of dots) {
    const [dx, dy] = [dot.x - from.x, dot.y - from.y];
    const ahead = dx * right + dy * up;
    const aside = Math.abs(dx * up) + Math.abs(dy * right);
    if (dot.id === from.id || ahead <= 0 || aside > 2 * ahead) continue;
    const cost = ahead + 2 * aside;
    if (cost < least) [best, least] = [dot, cost];
  }
  return best;
}
