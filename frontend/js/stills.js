/** Small pictures of shapes, drawn by one renderer that nobody sees. */

import * as THREE from "three";
import { token } from "./dom.js";

/** Pixels a side. */
export const SIDE = 128;
/** Degrees from the front, and up: as in the gallery's pictures. */
const VIEW = { azimuth: 35, elevation: 20, distance: 4.6 };

export class Stills {
  constructor() {
    this.renderer = new THREE.WebGLRenderer({ antialias: true, alpha: true });
    this.renderer.setSize(SIDE, SIDE, false);
    this.renderer.toneMapping = THREE.NeutralToneMapping;
    this.scene = new THREE.Scene();
    this.camera = new THREE.PerspectiveCamera(28, 1, 0.1, 20);
    const [a, e] = [VIEW.azimuth, VIEW.elevation].map(THREE.MathUtils.degToRad);
    this.camera.position.set(Math.sin(a) * Math.cos(e), Math.sin(e), Math.cos(a) * Math.cos(e)).multiplyScalar(VIEW.distance);
    this.camera.lookAt(0, 0, 0);
    const key = new THREE.DirectionalLight(0xffffff, 2.4);
    key.position.set(2.6, 4.4, 1.9);
    this.scene.add(key, new THREE.HemisphereLight(0xffffff, 0x8f8a94, 1.5));
    this.material = new THREE.MeshLambertMaterial();
    this.mesh = new THREE.Mesh(new THREE.BufferGeometry(), this.material);
    this.scene.add(this.mesh);
  }

  /**
   * The shape in the colour of its place on the line, SIDE x SIDE, as the address of an image: a canvas would be a layer of the
   * page, laid anew over the others in every frame.
   * @param {import("./mesh.js").Mesh} mesh @param {number} t @returns {string}
   */
  draw(mesh, t) {
    const geometry = new THREE.BufferGeometry();
    geometry.setAttribute("position", new THREE.BufferAttribute(mesh.positions, 3));
    geometry.setIndex(new THREE.BufferAttribute(mesh.indices, 1));
    geometry.computeVertexNormals();
    this.mesh.geometry = geometry;
    const within = Math.min(1, Math.max(0, t));
    const grey = 0.18 * 4 * within * (1 - within);
    this.material.color.lerpColors(new THREE.Color(token("--shape-a")), new THREE.Color(token("--shape-b")), within).lerp(new THREE.Color(token("--shape-mid")), grey);
    this.renderer.render(this.scene, this.camera);
    geometry.dispose();
    return this.renderer.domElement.toDataURL();
  }
}
