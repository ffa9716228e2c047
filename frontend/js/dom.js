/** Small helpers for the DOM. Data becomes text, never markup. */

/**
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export const byId = (id) => /** @type {T} */ (document.getElementById(id));

/**
 * An element with attributes or properties, and children. Strings become text nodes.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} [values] `class`, `data-*`, `aria-*` and `role` are attributes; the rest are properties
 * @param {...(Node|string|number|null|undefined|false)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(tag, values = {}, ...children) {
  const node = document.createElement(tag);
  const properties = /** @type {Record<string, any>} */ (/** @type {unknown} */ (node));
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined || value === null) continue;
    if (name === "class") node.className = value;
    else if (name in node && !name.includes("-")) properties[name] = value;
    else node.setAttribute(name, String(value));
  }
  node.append(.../** @type {(Node|string)[]} */ (children.filter((child) => child || child === 0)));
  return node;
}

/**
 * Says this, where something else was said: a text that is set anew is laid out and painted anew, the same one too.
 * @param {Element} node @param {string} text
 */
export function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** One of the page's own icons, by the id of its symbol. @param {string} name */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

export const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

/** Whether the page is dark; `theme.js` decides. */
export const darkScheme = {
  get matches() {
    return document.documentElement.dataset.theme === "dark";
  },
  /** @param {() => void} listener called after every change */
  onChange: (listener) => document.addEventListener("theme", () => listener()),
  /** Dark instead of light or the other way round; kept for the next visit, unless it is what the device says anyway. */
  toggle() {
    const theme = this.matches ? "light" : "dark";
    const device = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    try {
      if (theme === device) localStorage.removeItem("netspace.theme");
      else localStorage.setItem("netspace.theme", theme);
    } catch {
      // a browser that keeps nothing follows the device
    }
    document.dispatchEvent(new Event("retheme"));
  },
};

/** Resolves once what was changed before is painted. @returns {Promise<void>} */
export const painted = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));

/** The value of a custom property of the page. @param {string} name */
export const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
