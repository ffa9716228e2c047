import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import test from "node:test";
import { asCommands, asCurl, asPython, quoted } from "../js/snippets.js";

/** In parts: no file of the page names another host. */
const ORIGIN = ["http:", "", "127.0.0.1:8000"].join("/");
const latents = [
  { id: "chairs.chair-1", origin: "gallery" },
  { id: "chairs.chair-2", origin: "gallery" },
  { id: "upload-7", origin: "upload" },
];
const scene = (spot) => ({ origin: ORIGIN, space: "chairs", detail: 128, latents, spot: { a: "chairs.chair-1", b: "chairs.chair-2", t: 0.25, of: "latent", at: null, ...spot } });
const place = (at) => scene({ a: at, b: at, t: 0.5, at });

/** The words of a command, as a shell takes them apart. */
const words = (line) => execFileSync("sh", ["-c", `for word in ${line}; do printf '%s\\0' "$word"; done`]).toString().split("\0").slice(0, -1);
const lines = (text) => text.split("\n").filter((line) => line && !line.startsWith("#"));

test("a quoted word is one word of a shell, and the same", () => {
  for (const text of ["chair-1", "a b", "it's", "$HOME `ls` \"x\"", "é\\n", "*", "a:0.5,~seat:-1"]) assert.deepEqual(words(quoted(text)), [text]);
});

test("a point of a line is asked for by its ends and its t", () => {
  const [mesh, network, line] = lines(asCurl(scene({}))).map(words);
  const url = new URL(mesh.at(-1));
  assert.deepEqual(Object.fromEntries(url.searchParams), { a: "chairs.chair-1", b: "chairs.chair-2", t: "0.25", of: "latent", resolution: "128", format: "glb" });
  assert.deepEqual(JSON.parse(network[network.indexOf("-d") + 1]), { space: "chairs", at: "chairs.chair-1:0.75,chairs.chair-2:0.25", format: "pt" });
  assert.equal(line.at(-1), `${ORIGIN}/interpolate`);
  assert.equal(JSON.parse(line[line.indexOf("-d") + 1]).steps, 21);
});

test("a place is asked for as it is, in every language", () => {
  const at = "chairs.chair-1:0.3,chairs.chair-2:0.7,~seat_height:0.05";
  assert.equal(new URL(words(lines(asCurl(place(at)))[0]).at(-1)).searchParams.get("at"), at);
  const python = asPython(place(at));
  assert.match(python, /z = space\.blend\(torch\.tensor\(\[\[0\.3, 0\.7\]\]\), torch\.stack\(\[gallery\.latent\("chair-1"\), gallery\.latent\("chair-2"\)\]\)\)\[0\]\nz\[: space\.code\] \+= 0\.05 \* along\["seat_height"\]\.step/);
  assert.match(python, /from netspace\.directions import directions/);
  const [decode, mesh] = lines(asCommands(place(at))).map(words);
  assert.deepEqual(decode.slice(0, 3), ["netspace", "decode", "chair-1:0.3,chair-2:0.7,~seat_height:0.05"]);
  assert.deepEqual(mesh.slice(0, 3), ["netspace", "mesh", "shape.pt"]);
});

test("what only the server knows is fetched from it", () => {
  const python = asPython(scene({ b: "upload-7" }));
  assert.match(python, /\[\[0\.75, 0\.25\]\]\), torch\.stack\(\[gallery\.latent\("chair-1"\), served\("upload-7"\)\]/);
  assert.match(python, /urlopen\(url\)/);
  const [network, mesh, ...more] = lines(asCommands(scene({ b: "upload-7" })));
  assert.match(network, /^curl .*\/decode$/);
  assert.match(mesh, /^netspace mesh/);
  assert.deepEqual(more, []);
  assert.doesNotMatch(asPython(scene({})), /served|urlopen/);
});

test("the end of a line is one latent, and the weight of the other is not mentioned", () => {
  assert.match(asPython(scene({ t: 1 })), /z = gallery\.latent\("chair-2"\)\n/);
  assert.deepEqual(words(lines(asCommands(scene({ t: 0 })))[0]).slice(0, 3), ["netspace", "decode", "chair-1"]);
});

test("beyond the ends weights are negative, and no line is walked on the command line", () => {
  assert.match(asPython(scene({ t: -0.5 })), /\[\[1\.5, -0\.5\]\]\), torch\.stack\(\[gallery\.latent\("chair-1"\), gallery\.latent\("chair-2"\)\]/);
  assert.doesNotMatch(asCommands(scene({ t: -0.5 })), /interpolate/);
  assert.match(asCommands(scene({})), /netspace interpolate chair-1 chair-2/);
});

test("averaged raw weights are made of the networks themselves", () => {
  const python = asPython(scene({ of: "weights" }));
  assert.match(python, /gallery\.network\("chair-1"\), gallery\.network\("chair-2"\)/);
  assert.match(python, /weight_line\(arch, a, b, \[0\.25\]\)/);
  assert.equal(lines(asCurl(scene({ of: "weights" }))).length, 2);
  assert.match(asCommands(scene({ of: "weights" })), /^#.*raw weights/);
  assert.match(asCommands(scene({ of: "weights", t: 1 })), /network\?of=input/);
  assert.match(asPython(scene({ of: "weights", b: "upload-7" })), /read_network\(urlopen/);
});
