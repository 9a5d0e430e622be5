// All figures in one canvas: each panel is a part of it. All figures have the same camera direction.
import * as THREE from '../vendor/three.module.min.js';
import { Figure } from './figure.js';

const HEAD = 20, FOOT = 26; // height in pixels of the text in a panel
const START = { turn: 0.45, lift: 0.16, zoom: 1 };

function isSoftware() {
  const context = document.createElement('canvas').getContext('webgl2');
  const known = context?.getExtension('WEBGL_debug_renderer_info');
  const name = known ? context.getParameter(known.UNMASKED_RENDERER_WEBGL) : '';
  context?.getExtension('WEBGL_lose_context')?.loseContext();
  return /swiftshader|llvmpipe|software|basic render/i.test(name);
}

export class Stage {
  constructor(canvas, panels) {
    this.canvas = canvas;
    this.panels = panels;
    this.figures = [];
    this.drawn = 0; // number of pictures that were drawn, for measurements
    this.eye = { ...START };
    // Without a GPU, smooth edges take more time than everything else.
    this.renderer = new THREE.WebGLRenderer({ canvas, antialias: !isSoftware(), alpha: true });
    this.renderer.setScissorTest(true);
    this.scene = new THREE.Scene();
    this.scene.add(new THREE.HemisphereLight(0xffffff, 0x8890a0, 2.2));
    this.light = new THREE.DirectionalLight(0xffffff, 1.6);
    this.scene.add(this.light);
    this.camera = new THREE.PerspectiveCamera(30, 1, 0.01, 1000);
    this.grid = new THREE.GridHelper(1, 10, 0x98a0ac, 0x98a0ac);
    this.grid.material.transparent = true;
    this.grid.material.opacity = 0.45;
    this.scene.add(this.grid);
    this.#listen();
  }

  // items: [{ frames, element, layout }], in the order of the panels.
  show(items) {
    for (const { figure } of this.figures) {
      this.scene.remove(figure);
      figure.dispose();
    }
    this.#arrange(items.length);
    this.figures = items.map(({ frames, element, layout }) => {
      const figure = new Figure(frames, layout);
      figure.visible = false;
      this.scene.add(figure);
      return { figure, element };
    });
  }

  // phase: position in the query, from 0 to 1. frame: the same position as a frame of the query.
  draw(phase, frame, stretch) {
    const area = this.canvas.getBoundingClientRect();
    const ratio = Math.min(window.devicePixelRatio, 2);
    if (this.width !== area.width || this.height !== area.height || this.ratio !== ratio) {
      Object.assign(this, { width: area.width, height: area.height, ratio });
      this.renderer.setPixelRatio(ratio);
      this.renderer.setSize(area.width, area.height, false);
    }
    this.renderer.setScissor(0, 0, area.width, area.height);
    this.renderer.clear();
    for (const { figure, element } of this.figures) {
      const place = element.getBoundingClientRect();
      if (place.bottom < 0 || place.top > window.innerHeight) continue;
      const last = figure.length - 1;
      figure.pose(stretch ? phase * last : Math.min(frame, last));
      const left = place.left - area.left, bottom = area.bottom - place.bottom + FOOT;
      const height = Math.max(place.height - HEAD - FOOT, 1);
      this.#look(figure, place.width / height);
      this.renderer.setViewport(left, bottom, place.width, height);
      this.renderer.setScissor(left, bottom, place.width, height);
      figure.visible = true;
      this.renderer.render(this.scene, this.camera);
      figure.visible = false;
    }
    this.drawn += 1;
  }

  #look(figure, aspect) {
    const { turn, lift, zoom } = this.eye;
    const centre = figure.box.getCenter(new THREE.Vector3());
    const distance = (figure.radius * 1.02) / Math.sin(THREE.MathUtils.degToRad(15)) / zoom / Math.min(aspect, 1);
    this.camera.aspect = aspect;
    this.camera.near = distance / 50;
    this.camera.far = distance * 10;
    this.camera.position.set(
      centre.x + distance * Math.cos(lift) * Math.sin(turn),
      centre.y + distance * Math.sin(lift),
      centre.z + distance * Math.cos(lift) * Math.cos(turn),
    );
    this.camera.lookAt(centre);
    this.camera.updateProjectionMatrix();
    this.light.position.copy(this.camera.position).add(new THREE.Vector3(0, distance, 0));
    this.light.target.position.copy(centre);
    this.light.target.updateMatrixWorld();
    this.grid.position.set(centre.x, figure.box.min.y, centre.z);
    this.grid.scale.setScalar(figure.radius * 2);
  }

  // Arrange the panels in two rows, or in more rows on a narrow screen.
  #arrange(count = this.count ?? 1) {
    this.count = count;
    const most = Math.max(Math.floor(this.panels.clientWidth / 165), 2);
    this.panels.style.setProperty('--columns', Math.min(Math.ceil(count / (count > 3 ? 2 : 1)), most));
  }

  reset() { Object.assign(this.eye, START); }

  #listen() {
    new ResizeObserver(() => this.#arrange()).observe(this.panels);
    let last = null;
    this.panels.addEventListener('pointerdown', (event) => {
      if (event.target.closest('button')) return;
      last = event;
      this.panels.setPointerCapture(event.pointerId);
    });
    this.panels.addEventListener('pointermove', (event) => {
      if (!last) return;
      this.eye.turn -= (event.clientX - last.clientX) * 0.01;
      const lift = this.eye.lift + (event.clientY - last.clientY) * 0.01;
      this.eye.lift = Math.min(Math.max(lift, -1.4), 1.4);
      last = event;
    });
    for (const name of ['pointerup', 'pointercancel']) {
      this.panels.addEventListener(name, () => { last = null; });
    }
    this.panels.addEventListener('wheel', (event) => {
      if (!event.target.closest('.panel')) return;
      event.preventDefault();
      this.eye.zoom = Math.min(Math.max(this.eye.zoom * Math.exp(-event.deltaY * 0.001), 0.4), 6);
    }, { passive: false });
  }
}
