/** The stage: three.js, a light studio, one mesh that is replaced while the camera stays. Drawn only when needed. */

import * as THREE from "three";
import { OrbitControls } from "three/addons/controls/OrbitControls.js";
import { RoomEnvironment } from "three/addons/environments/RoomEnvironment.js";
import { darkScheme, reducedMotion, token } from "./dom.js";
import { Sketch } from "./sketch.js";

/** As in the gallery's pictures: degrees from the front, and up. */
const VIEW = { azimuth: 35, elevation: 20, distance: 5.05 };
const AIM = new THREE.Vector3(0, -0.02, 0);
/** Milliseconds between frames from which on a turn does not fade out: it would do so frame by frame, for many seconds. */
const SLOW_MS = 150;
/** Milliseconds that a frame takes, LATE times in a row, from which on what moves is sketched. */
const LATE_MS = 60;
const LATE = 3;
/** Milliseconds of rest until a sketch is drawn finely. */
const REST_MS = 250;
/** @type {Record<string, [right: number, down: number]>} */
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** What follows from a mesh, for as long as somebody has it. @type {WeakMap<import("./mesh.js").Mesh, THREE.BufferGeometry>} */
const GEOMETRIES = new WeakMap();

/** With normals and bounds. @param {import("./mesh.js").Mesh} mesh */
function geometryOf(mesh) {
  const known = GEOMETRIES.get(mesh);
  if (known) return known;
  const geometry = new THREE.BufferGeometry();
  geometry.setAttribute("position", new THREE.BufferAttribute(mesh.positions, 3));
  geometry.setIndex(new THREE.BufferAttribute(mesh.indices, 1));
  geometry.computeVertexNormals();
  geometry.computeBoundingBox();
  GEOMETRIES.set(mesh, geometry);
  return geometry;
}

export class Viewer {
  #queued = false;
  /** When the last frame was drawn, where it turned. */
  #turnedAt = 0;
  /** Frames in a row that were late, up to LATE: then this machine draws so slowly that what moves is sketched. */
  #late = 0;
  /** Whether the shadow is of a shape before. */
  #stale = false;
  #settling = 0;
  /** Only on such a machine. @type {Sketch|null} */
  #sketch = null;
  /** @type {Viewer[]} viewers that look from where this one does */
  #linked = [];

  disposed = false;
  scene = new THREE.Scene();
  camera = new THREE.PerspectiveCamera(28, 1, 0.1, 40);
  key = new THREE.DirectionalLight(0xffffff, 1.7);
  fill = new THREE.DirectionalLight(0xffffff, 0.35);
  material = new THREE.MeshPhysicalMaterial({ roughness: 0.58, clearcoat: 0.18, clearcoatRoughness: 0.55 });
  mesh = new THREE.Mesh(new THREE.BufferGeometry(), this.material);
  floor = new THREE.Mesh(new THREE.CircleGeometry(6, 48), new THREE.ShadowMaterial());
  /** Of the shape at A, at B, and what is mixed in between. */
  inks = { a: new THREE.Color(), b: new THREE.Color(), grey: new THREE.Color() };

  /** @param {HTMLElement} host the element that holds the canvas and carries `data-*` about what is shown */
  constructor(host) {
    this.host = host;
    this.renderer = new THREE.WebGLRenderer({ antialias: true, alpha: true });
    this.renderer.toneMapping = THREE.NeutralToneMapping;
    this.renderer.shadowMap.enabled = true;
    this.renderer.shadowMap.type = THREE.VSMShadowMap;
    this.renderer.shadowMap.autoUpdate = false; // the light stands still: only another shape throws another shadow
    this.renderer.domElement.setAttribute("aria-hidden", "true");
    host.prepend(this.renderer.domElement);
    this.controls = new OrbitControls(this.camera, this.renderer.domElement);
    this.#build();
    this.#control();
    new ResizeObserver(() => this.#resize()).observe(host);
    darkScheme.onChange(() => this.#dress());
    this.#dress();
    this.reset();
  }

  #build() {
    const studio = new THREE.PMREMGenerator(this.renderer);
    this.scene.environment = studio.fromScene(new RoomEnvironment(), 0.04).texture;
    studio.dispose();

    this.key.position.set(2.6, 4.4, 1.9);
    this.key.castShadow = true;
    this.key.shadow.mapSize.set(1024, 1024);
    this.key.shadow.radius = 14;
    this.key.shadow.blurSamples = 20;
    this.key.shadow.bias = -0.0006;
    this.key.shadow.normalBias = 0.02;
    Object.assign(this.key.shadow.camera, { left: -2, right: 2, top: 2, bottom: -2, near: 1, far: 10 });
    this.fill.position.set(-3, 1.2, 2);
    this.scene.add(this.key, this.fill);

    this.mesh.castShadow = this.mesh.receiveShadow = true;
    this.floor.rotation.x = -Math.PI / 2;
    this.floor.position.y = -0.9;
    this.floor.receiveShadow = true;
    this.scene.add(this.mesh, this.floor);
  }

  #control() {
    const { controls } = this;
    Object.assign(controls, { enableDamping: !reducedMotion.matches, dampingFactor: 0.12, enablePan: false });
    Object.assign(controls, { minDistance: 2.4, maxDistance: 9, maxPolarAngle: Math.PI * 0.92, enableZoom: false });
    controls.target.copy(AIM);
    controls.addEventListener("start", () => (controls.enableDamping = !reducedMotion.matches));
    controls.addEventListener("change", () => {
      for (const other of this.#linked) other.lookFrom(this.camera.position);
      this.draw();
    });
    this.renderer.domElement.style.touchAction = "pan-y"; // a finger still scrolls the page; two zoom
    // The wheel scrolls the page until the stage was chosen.
    this.host.addEventListener("focus", () => (controls.enableZoom = true));
    this.host.addEventListener("blur", () => (controls.enableZoom = false));
    this.host.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "touch") controls.enableZoom = true;
      else this.host.focus({ preventScroll: true });
    });
    this.host.addEventListener("keydown", (event) => this.#onKey(event));
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.target !== this.host || event.ctrlKey || event.metaKey || event.altKey) return;
    if (KEYS[event.key]) this.turn(...KEYS[event.key]);
    else if (event.key === "+" || event.key === "=") this.zoom(0.9);
    else if (event.key === "-") this.zoom(1.1);
    else if (event.key === "Home" || event.key === "0") this.reset();
    else return;
    event.preventDefault();
  }

  /** Colours of the page's scheme. */
  #dress() {
    this.inks.a.set(token("--shape-a"));
    this.inks.b.set(token("--shape-b"));
    this.inks.grey.set(token("--shape-mid"));
    this.floor.material.opacity = darkScheme.matches ? 0.55 : 0.2;
    this.scene.environmentIntensity = darkScheme.matches ? 0.3 : 0.4;
    this.key.intensity = darkScheme.matches ? 1.9 : 2.0;
    this.#tint(Number(this.host.dataset.t ?? 0));
    this.draw();
  }

  /** Between the two inks, a little greyer halfway, so that neither end's colour is mistaken for another. @param {number} t */
  #tint(t) {
    const halfway = 4 * t * (1 - t);
    this.material.color.lerpColors(this.inks.a, this.inks.b, t).lerp(this.inks.grey, 0.18 * halfway);
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.host;
    if (!width || !height) return;
    this.camera.aspect = width / height;
    this.camera.fov = width < height ? 28 * Math.min(1.5, height / width) : 28; // narrow stages keep the whole shape
    this.camera.updateProjectionMatrix();
    this.renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
    this.renderer.setSize(width, height, false);
    this.#render();
  }

  /** The same camera for everybody who has not moved it. */
  reset() {
    const [a, e] = [THREE.MathUtils.degToRad(VIEW.azimuth), THREE.MathUtils.degToRad(VIEW.elevation)];
    this.camera.position.set(Math.sin(a) * Math.cos(e), Math.sin(e), Math.cos(a) * Math.cos(e)).multiplyScalar(VIEW.distance).add(AIM);
    this.controls.target.copy(AIM);
    this.controls.update();
    this.draw();
  }

  /** Turns the camera by steps of 6 degrees, to the right and down. @param {number} right @param {number} down */
  turn(right, down) {
    const offset = new THREE.Spherical().setFromVector3(this.camera.position.clone().sub(this.controls.target));
    offset.theta += THREE.MathUtils.degToRad(6 * right);
    offset.phi = THREE.MathUtils.clamp(offset.phi + THREE.MathUtils.degToRad(6 * down), 0.05, this.controls.maxPolarAngle);
    this.camera.position.setFromSpherical(offset).add(this.controls.target);
    this.controls.update();
    this.draw();
  }

  /** From now on both look from one place, whichever is turned. @param {Viewer} other */
  link(other) {
    if (this.#linked.includes(other)) return;
    this.#linked.push(other);
    other.#linked.push(this);
    other.lookFrom(this.camera.position);
  }

  /** @param {THREE.Vector3} position */
  lookFrom(position) {
    if (this.camera.position.distanceToSquared(position) < 1e-10) return;
    this.camera.position.copy(position);
    this.controls.update();
    this.draw();
  }

  /** Draws at once, from so many radians further around; for films. @param {number} angle @returns {HTMLCanvasElement} */
  shoot(angle) {
    if (this.#sketching) this.#render();
    const before = this.camera.position.clone();
    this.camera.position.sub(this.controls.target).applyAxisAngle(this.camera.up, angle).add(this.controls.target);
    this.camera.lookAt(this.controls.target);
    this.renderer.render(this.scene, this.camera);
    this.camera.position.copy(before);
    this.camera.lookAt(this.controls.target);
    return this.renderer.domElement;
  }

  /** Gives back what the graphics card holds; nothing can be shown afterwards. */
  dispose() {
    this.disposed = true;
    clearTimeout(this.#settling);
    this.controls.dispose();
    this.mesh.geometry.dispose();
    this.#sketch?.dispose();
    this.renderer.dispose();
    this.renderer.forceContextLoss();
  }

  /** @param {number} factor */
  zoom(factor) {
    const offset = this.camera.position.clone().sub(this.controls.target);
    const { minDistance, maxDistance } = this.controls;
    offset.setLength(THREE.MathUtils.clamp(offset.length() * factor, minDistance, maxDistance));
    this.camera.position.copy(this.controls.target).add(offset);
    this.controls.update();
    this.draw();
  }

  /**
   * Replaces the shape; the camera stays. An empty mesh clears the stage.
   * @param {import("./mesh.js").Mesh|null} mesh
   * @param {number} t
   */
  show(mesh, t) {
    this.mesh.geometry.dispose(); // what the graphics card holds of it; it may be shown again
    this.mesh.geometry = mesh ? geometryOf(mesh) : new THREE.BufferGeometry();
    this.floor.position.y = this.mesh.geometry.boundingBox?.min.y ?? 0;
    this.mesh.visible = this.floor.visible = Boolean(mesh);
    this.#stale = true;
    this.#tint(t);
    this.draw();
  }

  /** Draws in the next animation frame, once however often it is asked. */
  draw() {
    if (this.#queued) return;
    this.#queued = true;
    requestAnimationFrame((now) => {
      this.#queued = false;
      if (this.#turnedAt && now - this.#turnedAt > SLOW_MS) this.controls.enableDamping = false;
      const turning = this.controls.update(); // damping goes on
      this.#turnedAt = turning ? now : 0;
      this.#render(this.#late >= LATE);
      if (this.#late < LATE) requestAnimationFrame((after) => (this.#late = after - now > LATE_MS ? this.#late + 1 : 0));
      this.host.dataset.turning = String(turning);
      if (turning) this.draw();
    });
  }

  get #sketching() {
    return this.host.dataset.sketch === "true";
  }

  /** What is sketched is drawn finely once nothing has moved for a while. @param {boolean} [sketch] */
  #render(sketch = false) {
    clearTimeout(this.#settling);
    if (sketch) {
      this.#settling = setTimeout(() => this.disposed || this.#queued || this.#render(), REST_MS);
      (this.#sketch ??= new Sketch(this)).render(!this.#sketching);
    } else {
      this.renderer.shadowMap.needsUpdate = this.#stale;
      this.#stale = false;
      this.renderer.render(this.scene, this.camera);
    }
    this.host.dataset.sketch = String(sketch);
    this.host.dataset.camera = this.camera.position.toArray().map((x) => x.toFixed(3)).join(" ");
  }
}
