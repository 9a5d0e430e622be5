// The map of the gallery: a point for each motion. Similar motions are close together.
import { classColour, cssColour, isDark, nameColours, prepare } from './colours.js';

export class GalleryMap {
  constructor(canvas, tip, legend, choose) {
    this.canvas = canvas;
    this.tip = tip;
    this.legend = legend;
    this.points = [];
    this.query = null;
    this.neighbours = new Set();
    this.focus = -1;
    canvas.addEventListener('click', (event) => {
      const index = this.#nearest(event.offsetX, event.offsetY, 12);
      if (index >= 0) choose(this.points[index].id);
    });
    canvas.addEventListener('pointermove', (event) => {
      this.#point(this.#nearest(event.offsetX, event.offsetY, 12));
    });
    canvas.addEventListener('pointerleave', () => this.#point(-1));
    canvas.addEventListener('blur', () => this.#point(-1));
    canvas.addEventListener('keydown', (event) => {
      const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
      if (event.key in moves) this.#move(moves[event.key]);
      else if (event.key === 'Enter' && this.focus >= 0) choose(this.points[this.focus].id);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      nameColours(this.legend, this.points);
      this.draw();
    });
  }

  // points: [{ id, x, y, label, name, class_name, wrong }], x and y from 0 to 1
  setPoints(points) {
    this.points = points;
    this.focus = -1;
    this.tip.hidden = true;
    nameColours(this.legend, points);
    this.draw();
  }

  mark(query, neighbours) {
    this.query = query;
    this.neighbours = new Set(neighbours);
    this.draw();
  }

  #place(point) {
    const { width, height } = this;
    return [12 + point.x * (width - 24), 12 + (1 - point.y) * (height - 24)];
  }

  #nearest(x, y, reach) {
    let best = -1, least = reach * reach;
    this.points.forEach((point, index) => {
      const [px, py] = this.#place(point);
      const distance = (px - x) ** 2 + (py - y) ** 2;
      if (distance < least) [best, least] = [index, distance];
    });
    return best;
  }

  #move([dx, dy]) {
    const start = this.focus >= 0 ? this.focus : this.points.findIndex(({ id }) => id === this.query);
    if (start < 0) return this.#point(this.points.length ? 0 : -1);
    const [x, y] = this.#place(this.points[start]);
    let best = start, least = Infinity;
    this.points.forEach((point, index) => {
      const [px, py] = this.#place(point);
      const along = (px - x) * dx + (py - y) * dy;
      const beside = Math.abs((px - x) * dy) + Math.abs((py - y) * dx);
      if (along > 0.5 && along + 2 * beside < least) [best, least] = [index, along + 2 * beside];
    });
    return this.#point(best);
  }

  #point(index) {
    if (index === this.focus) return;
    this.focus = index;
    this.tip.hidden = index < 0;
    if (index >= 0) {
      const point = this.points[index], [x, y] = this.#place(point);
      this.tip.textContent = `${point.name}: ${point.class_name}${point.wrong ? ' (wrong)' : ''}`;
      this.tip.style.top = `${y + 10}px`;
      this.tip.style.left = `${Math.min(Math.max(x - 60, 0), Math.max(this.width - 190, 0))}px`;
    }
    this.draw();
  }

  draw() {
    const { context, width, height } = prepare(this.canvas);
    Object.assign(this, { width, height });
    const bad = cssColour('--bad'), ink = cssColour('--ink'), dark = isDark();
    const size = this.points.length > 1500 ? 2 : 3;
    for (const point of this.points) {
      const [x, y] = this.#place(point);
      context.beginPath();
      context.arc(x, y, size, 0, 7);
      context.fillStyle = classColour(point.label, dark);
      context.fill();
      if (point.wrong) ring(context, x, y, size + 1, bad, 1);
    }
    this.points.forEach((point, index) => {
      const [x, y] = this.#place(point);
      if (this.neighbours.has(point.id)) ring(context, x, y, size + 3, ink, 1.5);
      if (point.id === this.query) ring(context, x, y, size + 5, ink, 3);
      if (index === this.focus) ring(context, x, y, size + 4, cssColour('--accent'), 2);
    });
  }
}

function ring(context, x, y, radius, colour, width) {
  context.beginPath();
  context.arc(x, y, radius, 0, 7);
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.stroke();
}
