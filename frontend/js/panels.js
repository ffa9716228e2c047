/** Panels that fold: `<details data-panel="name">`, kept in step with the view's `shut`. */

/** @param {import("./state.js").Store} store */
export function panels(store) {
  const nodes = [.../** @type {NodeListOf<HTMLDetailsElement>} */ (document.querySelectorAll("details[data-panel]"))];
  const names = new Set(nodes.map((node) => node.dataset.panel));

  function draw({ view }) {
    for (const node of nodes) node.open = !view.shut.includes(node.dataset.panel);
  }

  for (const node of nodes) {
    node.addEventListener("toggle", () => {
      const { shut } = store.get().view;
      if (node.open !== shut.includes(node.dataset.panel)) return;
      const others = shut.filter((name) => name !== node.dataset.panel && names.has(name));
      store.look({ shut: node.open ? others : [...others, node.dataset.panel].sort() });
    });
  }
  store.subscribe((state, before) => state.view.shut !== before.view.shut && draw(state));
  draw(store.get());
}
