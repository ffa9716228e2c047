/**
 * What moves on a machine that draws slowly: at half the size, lit at its vertices, with the shadow of where the movement began.
 * By a renderer of its own: one that smooths edges spends most of its time on the thousands of tiny triangles.
 */

import * as THREE from "three";

/** Of the stage's width and height. */
const SHARE = 0.5;
/** The fine one's shadow at a quarter of its size, in pixels. */
const SHADOW = { size: 256, radius: 3.5, samples: 8 };
/** As far as the shadow reaches. */
const FLOOR = new THREE.CircleGeometry(2, 24);
/** What the studio sends down and up, as shares of its intensity: with these a sketch is as bright as what is drawn finely. */
const STUDIO = { sky: 1.4, ground: 0.95 };
/** What the varnish reflects, all around the shape. */
const VARNISH = 0.04;

const VERTEX = `
  uniform vec3 colour, keyFrom, fillFrom;
  uniform float key, fill, sky, ground;
  varying vec3 ink;
  void main() {
    float light = mix(ground, sky, 0.5 + 0.5 * normal.y);
    light += key * max(0.0, dot(normal, keyFrom)) + fill * max(0.0, dot(normal, fillFrom));
    ink = light * colour + ${VARNISH};
    gl_Position = projectionMatrix * (modelViewMatrix * vec4(position, 1.0)); // two products with a vector, none of matrices
  }`;
const FRAGMENT = `
  varying vec3 ink;
  void main() {
    gl_FragColor = vec4(ink, 1.0);
    #include <tonemapping_fragment>
    #include <colorspace_fragment>
  }`;

/** Colour and lights of a viewer, as its sketches have them. @param {import("./viewer.js").Viewer} viewer */
function uniformsOf({ material, key, fill, scene }) {
  const studio = scene.environmentIntensity;
  return {
    colour: { value: material.color }, key: { value: key.intensity / Math.PI }, fill: { value: fill.intensity / Math.PI },
    keyFrom: { value: key.position.clone().normalize() }, fillFrom: { value: fill.position.clone().normalize() },
    sky: { value: STUDIO.sky * studio }, ground: { value: STUDIO.ground * studio },
  };
}

export class Sketch {
  #scene = new THREE.Scene();
  #material = new THREE.ShaderMaterial({ vertexShader: VERTEX, fragmentShader: FRAGMENT });
  #mesh = new THREE.Mesh(new THREE.BufferGeometry(), this.#material);
  #floor;

  /** @param {import("./viewer.js").Viewer} viewer whose shape is drawn, as its camera sees it, above its canvas */
  constructor(viewer) {
    this.viewer = viewer;
    this.renderer = new THREE.WebGLRenderer({ antialias: false, alpha: true });
    this.renderer.toneMapping = viewer.renderer.toneMapping;
    Object.assign(this.renderer.shadowMap, { enabled: true, type: viewer.renderer.shadowMap.type, autoUpdate: false });
    this.renderer.domElement.className = "sketch";
    this.renderer.domElement.setAttribute("aria-hidden", "true");
    viewer.renderer.domElement.after(this.renderer.domElement);
    this.#floor = new THREE.Mesh(FLOOR, viewer.floor.material);
    this.#floor.rotation.copy(viewer.floor.rotation);
    this.#floor.receiveShadow = this.#mesh.castShadow = true;
    const light = viewer.key.clone();
    light.shadow.mapSize.setScalar(SHADOW.size);
    Object.assign(light.shadow, { radius: SHADOW.radius, blurSamples: SHADOW.samples });
    this.#scene.add(this.#mesh, this.#floor, light);
  }

  /** @param {boolean} first whether a movement begins */
  render(first) {
    const { viewer, renderer } = this;
    if (first) this.#begin();
    this.#mesh.geometry = viewer.mesh.geometry;
    this.#mesh.visible = this.#floor.visible = viewer.mesh.visible;
    this.#floor.position.copy(viewer.floor.position);
    renderer.shadowMap.needsUpdate = first;
    renderer.render(this.#scene, viewer.camera);
  }

  /** The stage's size, and the scheme's lights. */
  #begin() {
    const size = this.viewer.renderer.getSize(new THREE.Vector2()).multiplyScalar(SHARE * this.viewer.renderer.getPixelRatio());
    this.renderer.setSize(Math.floor(size.x), Math.floor(size.y), false);
    this.#material.uniforms = uniformsOf(this.viewer);
  }

  /** Gives back what the graphics card holds. */
  dispose() {
    this.renderer.dispose();
    this.renderer.forceContextLoss();
    this.renderer.domElement.remove();
  }
}
