/** What is looked at, as commands that make it again: curl, Python with the library, the command line. Pure. */

import { partsOf, placeText, written } from "./spots.js";

/**
 * @typedef {object} Scene what is looked at
 * @property {string} origin      of the server: scheme, host and port
 * @property {string} space
 * @property {import("./state.js").Spot} spot
 * @property {number} detail      cells a side of the grid
 * @property {{id: string, origin: string}[]} latents
 */

/** Points of a line that are measured. */
const MEASURED = 21;
const NO_WEIGHT_LINE = "# The command line walks through latents only. Averaged raw weights: see curl and Python.";

/** A word of a POSIX shell. @param {string} text */
export const quoted = (text) => (/^[\w./:=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** A string of Python. @param {string} text */
const literal = (text) => JSON.stringify(text);

/** @param {Record<string, string|number>} values */
const query = (values) => String(new URLSearchParams(Object.entries(values).map(([key, value]) => [key, String(value)])));

/** The end that a spot on a line of raw weights is, or null between the ends. @param {import("./state.js").Spot} spot */
const endOf = ({ a, b, t }) => (t === 0 || a === b ? a : t === 1 ? b : null);

/** @param {string} url @param {string} [file] @param {object} [body] */
function curl(url, file, body) {
  const words = ["curl -fsS", file && `-o ${quoted(file)}`, body && `-H 'content-type: application/json' -d ${quoted(JSON.stringify(body))}`, quoted(url)];
  return words.filter(Boolean).join(" ");
}

/** @param {Scene} scene @param {string} file */
function curlNetwork({ origin, space, spot }, file) {
  if (spot.of === "latent") return curl(`${origin}/decode`, file, { space, at: placeText(spot), format: "pt" });
  const end = endOf(spot);
  return end && curl(`${origin}/latents/${encodeURIComponent(end)}/network?of=input&format=pt`, file);
}

/** The mesh, the network, and the numbers of the whole line. @param {Scene} scene */
export function asCurl(scene) {
  const { origin, spot, detail } = scene;
  const { a, b, t, of, at } = spot;
  const where = query({ ...(at ? { at } : { a, b, t, of }), resolution: detail, format: "glb" });
  const network = curlNetwork(scene, "shape.pt");
  const line = !at && a !== b && curl(`${origin}/interpolate`, "", { a, b, of, steps: MEASURED });
  const steps = [
    ["# The mesh", curl(`${origin}/mesh?${where}`, "shape.glb")],
    network && ["# The network", network],
    line && [`# ${MEASURED} networks of this line, measured`, line],
  ];
  return steps.filter((step) => step).flat().join("\n");
}

/** The entry's id in its gallery, or null for a latent that only the server knows. @param {Scene} scene @param {string} id */
function entryOf({ space, latents }, id) {
  const known = latents.find((latent) => latent.id === id);
  return known?.origin === "gallery" && id.startsWith(`${space}.`) ? id.slice(space.length + 1) : null;
}

/** @param {Scene} scene */
function pythonLatents(scene) {
  const { terms, pushes } = partsOf(scene.spot);
  /** @param {string} id */
  const latent = (id) => {
    const entry = entryOf(scene, id);
    return entry ? `gallery.latent(${literal(entry)})` : `served(${literal(id)})`;
  };
  const alone = terms.length === 1 && terms[0].weight === 1 && !pushes.length;
  const weights = terms.map(({ weight }) => weight).join(", ");
  const blended = `space.blend(torch.tensor([[${weights}]]), torch.stack([${terms.map(({ id }) => latent(id)).join(", ")}]))[0]`;
  const served = terms.some(({ id }) => !entryOf(scene, id));
  return {
    imports: [
      served && "import json", served && "from urllib.request import urlopen", (served || !alone) && "import torch",
      pushes.length && "from netspace.directions import directions",
    ],
    body: [
      ...(served ? ["", "def served(name: str) -> torch.Tensor:", `    url = f"${scene.origin}/latents/{name}?vector=true"`, '    return torch.tensor(json.load(urlopen(url))["vector"])', ""] : []),
      pushes.length && "along = directions(gallery)",
      `z = ${alone ? latent(terms[0].id) : blended}`,
      ...pushes.map(({ direction, amount }) => `z[: space.code] += ${amount} * along[${literal(direction)}].step`),
      "decoded = space.decode(z[None])",
      "arch, theta = space.architectures[int(decoded.arch_ids[0])], decoded.theta[0]",
    ],
  };
}

/** @param {Scene} scene */
function pythonWeights(scene) {
  const { a, b, t } = scene.spot;
  /** @param {string} id */
  const network = (id) => {
    const entry = entryOf(scene, id);
    return entry ? `gallery.network(${literal(entry)})` : `read_network(urlopen(${literal(`${scene.origin}/latents/${encodeURIComponent(id)}/network?of=input&format=pt`)}).read())`;
  };
  const served = [a, b].some((id) => !entryOf(scene, id));
  return {
    imports: [served && "from urllib.request import urlopen", served && "from netspace.checkpoint import read_network", "from netspace.lines import weight_line"],
    body: [`(arch, a), (_, b) = ${network(a)}, ${network(b)}`, `theta = weight_line(arch, a, b, [${t}])[0]`],
  };
}

/** `import x` before `from x import y`. @param {string} x @param {string} y */
const plainFirst = (x, y) => Number(x.startsWith("from")) - Number(y.startsWith("from")) || (x < y ? -1 : 1);

/** @param {Scene} scene */
export function asPython(scene) {
  const { imports, body } = scene.spot.of === "weights" && !scene.spot.at ? pythonWeights(scene) : pythonLatents(scene);
  const all = ["from pathlib import Path", "from netspace.checkpoint import network_bytes", "from netspace.mesh import network_mesh", "from netspace.spaces import Gallery, load_space", ...imports].filter((line) => typeof line === "string");
  /** @param {string} line */
  const own = (line) => /netspace/.test(line);
  /** @param {string} line */
  const third = (line) => /^import torch/.test(line);
  const groups = [all.filter((line) => !own(line) && !third(line)), all.filter(third), all.filter(own)].map((group) => group.sort(plainFirst).join("\n"));
  return [
    groups.filter(Boolean).join("\n\n"),
    "",
    `folder = Path(${literal(`checkpoints/${scene.space}`)})`,
    'space, gallery = load_space(folder), Gallery.open(folder / "gallery")',
    ...body.filter((line) => typeof line === "string"),
    `network_mesh(arch, theta, resolution=${scene.detail}).export("shape.glb")`,
    'Path("shape.pt").write_bytes(network_bytes(arch, theta, "pt"))',
  ].join("\n");
}

/** The network, its mesh, and the line. What only the server knows is downloaded first. @param {Scene} scene */
export function asCommands(scene) {
  const { space, spot, detail } = scene;
  const { a, b, t, of, at } = spot;
  const parts = partsOf(spot);
  const names = Object.fromEntries(parts.terms.map(({ id }) => [id, entryOf(scene, id)]));
  const folder = `--space ${quoted(`checkpoints/${space}`)}`;
  const mesh = `netspace mesh shape.pt -o shape.glb --resolution ${detail}`;
  if (of === "weights" && !at) {
    const network = curlNetwork(scene, "shape.pt");
    return network ? `${network}\n${mesh}` : NO_WEIGHT_LINE;
  }
  const mine = Object.values(names).every(Boolean);
  const alone = parts.terms.length === 1 && !parts.pushes.length && parts.terms[0].weight === 1;
  const place = alone ? names[parts.terms[0].id] : written(parts, (id) => names[id] ?? id);
  const decode = mine ? `netspace decode ${quoted(String(place))} -o shape.pt ${folder}` : curlNetwork(scene, "shape.pt");
  const ends = [a, b].map((id) => entryOf(scene, id));
  const line = !at && a !== b && t >= 0 && t <= 1 && ends.every(Boolean);
  return [decode, mesh, line && `netspace interpolate ${ends.map((end) => quoted(String(end))).join(" ")} -o line --steps ${MEASURED} --meshes ${folder}`]
    .filter(Boolean)
    .join("\n");
}
