/** Panels that fold: `<details data-panel="name">`, kept in step with the view's `shut`. */

/** @param {import("./state.js").Store} store */
export function panels(store) {
  const nodes = [.../** @type {NodeListOf<HTMLDetailsElement>} */ (document.querySelectorAll("details[data-panel]"))];
  const nameOf = (/** @type {HTMLDetailsElement} */ node) => node.dataset.panel ?? "";
  const names = new Set(nodes.map(nameOf));

  /** @param {import("./state.js").State} state */
  function draw({ view }) {
    for (const node of nodes) node.open = !view.shut.includes(nameOf(node));
  }

  for (const node of nodes) {
    node.addEventListener("toggle", () => {
      const { shut } = store.get().view;
      if (node.open !== shut.includes(nameOf(node))) return;
      const others = shut.filter((name) => name !== nameOf(node) && names.has(name));
      store.look({ shut: node.open ? others : [...others, nameOf(node)].sort() });
    });
  }
  store.subscribe((state, before) => state.view.shut !== before.view.shut && draw(state));
  draw(store.get());
}
