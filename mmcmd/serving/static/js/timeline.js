// The time line of a long recording: a bar for each window. Its colour is the class of its best
// match in the gallery, or, while one gesture is looked for, shows the places most similar to it.
import { classColour, cssColour, isDark, nameColours, prepare } from './colours.js';

const STEPS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600]; // seconds between two marks

export class Timeline {
  constructor(canvas, legend, note, choose) {
    this.canvas = canvas;
    this.legend = legend;
    this.note = note;
    this.choose = choose;
    this.windows = [];
    this.chosen = -1;
    canvas.addEventListener('click', (event) => {
      const frame = (event.offsetX / this.width) * this.frames;
      this.#choose(this.#at(frame));
    });
    canvas.addEventListener('pointermove', (event) => {
      this.#tell((event.offsetX / this.width) * this.frames);
    });
    canvas.addEventListener('keydown', (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      this.#choose(Math.min(Math.max(this.chosen + step, 0), this.windows.length - 1));
    });
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  // windows: [{ start, stop, label, class_name, similarity, rank }]; frames from start to stop - 1
  // gesture: name of the motion that is looked for, or undefined. Return the most similar window.
  load({ frames, fps, windows }, gesture) {
    Object.assign(this, { frames, fps: fps || 30, windows, gesture, chosen: -1 });
    this.places = windows.filter(({ rank }) => rank).sort((a, b) => a.rank - b.rank);
    const seconds = (frame) => (frame / this.fps).toFixed(1);
    const places = this.places.map(({ rank, start, stop, similarity }) => (
      `${rank}: ${seconds(start)} to ${seconds(stop)} s (${similarity.toFixed(2)})`
    ));
    const what = gesture
      ? `The places most similar to ${gesture}, with their similarity: ${places.join(', ')}.`
      : `${windows.length} windows. A higher bar means a more similar best match.`;
    const how = 'A bar stands at the middle of its window. Click it to see the neighbours of the window.';
    this.note.textContent = windows.length ? `${what} ${how}` : '';
    this.draw();
    nameColours(this.legend, this.gesture ? [] : this.windows);
    return this.places[0];
  }

  mark(start) {
    this.chosen = this.windows.findIndex((window) => window.start === start);
    this.draw();
  }

  #at(frame) {
    let best = -1, least = Infinity;
    this.windows.forEach(({ start, stop }, index) => {
      const distance = Math.abs((start + stop) / 2 - frame);
      if (distance < least) [best, least] = [index, distance];
    });
    return best;
  }

  #choose(index) {
    if (index < 0 || index >= this.windows.length) return;
    this.chosen = index;
    this.draw();
    this.choose(this.windows[index]);
  }

  draw() {
    const { context, width, height } = prepare(this.canvas);
    Object.assign(this, { width, height });
    if (!this.windows.length) return;
    const dark = isDark(), ink = cssColour('--ink'), faint = cssColour('--faint');
    const accent = cssColour('--accent'), rest = cssColour('--line');
    const low = Math.min(...this.windows.map((window) => window.similarity));
    const high = Math.max(...this.windows.map((window) => window.similarity));
    const base = height - 32;
    const edges = this.#edges(width);
    this.windows.forEach((window, index) => {
      const left = edges[index], right = edges[index + 1];
      const share = high > low ? (window.similarity - low) / (high - low) : 1;
      const tall = (base - 6) * (0.25 + 0.75 * share);
      context.fillStyle = this.gesture
        ? (window.rank ? accent : rest) : classColour(window.label, dark);
      context.globalAlpha = this.gesture && window.rank ? 0.3 + 0.7 * share : 1;
      context.fillRect(left, base - tall, Math.max(right - left - 1, 1), tall);
      context.globalAlpha = 1;
      if (index === this.chosen) {
        context.strokeStyle = ink;
        context.lineWidth = 3;
        context.strokeRect(left + 1, 2, Math.max(right - left - 3, 2), base - 2);
      }
    });
    if (this.gesture) this.#ranks(context, edges, base, ink);
    else this.#names(context, edges, base, ink);
    context.fillStyle = faint;
    context.font = '11px system-ui, sans-serif';
    this.#seconds(context, width, height);
  }

  // Write the seconds below the bars, at round numbers that leave room for the text.
  #seconds(context, width, height) {
    const total = this.frames / this.fps;
    const step = STEPS.find((seconds) => (seconds / total) * width > 60) ?? total;
    for (let second = 0; second <= total; second += step) {
      const text = `${second} s`, wide = context.measureText(text).width;
      const middle = (second / total) * width;
      context.fillRect(Math.min(middle, width - 1), height - 18, 1, 4);
      context.fillText(text, Math.min(Math.max(middle - wide / 2, 2), width - wide - 2), height - 4);
    }
  }

  // Windows overlap. The edge between two bars is in the middle between the centres of their windows.
  #edges(width) {
    const middles = this.windows.map(({ start, stop }) => (start + stop) / 2);
    const between = middles.slice(1).map((middle, index) => (middles[index] + middle) / 2);
    const last = this.windows.at(-1).stop;
    return [this.windows[0].start, ...between, last].map((frame) => (frame / this.frames) * width);
  }

  // Write the class below each run of windows of one class, where there is room.
  #names(context, edges, base, ink) {
    context.font = '12px system-ui, sans-serif';
    context.fillStyle = ink;
    let first = 0;
    for (let index = 1; index <= this.windows.length; index += 1) {
      if (index < this.windows.length && this.windows[index].label === this.windows[first].label) continue;
      const left = edges[first], right = edges[index];
      const name = this.windows[first].class_name, wide = context.measureText(name).width;
      if (wide + 4 < right - left) context.fillText(name, (left + right - wide) / 2, base + 13);
      first = index;
    }
  }

  // Write the ranks of the places of a gesture below their bars.
  #ranks(context, edges, base, ink) {
    context.font = '12px system-ui, sans-serif';
    context.fillStyle = ink;
    this.windows.forEach(({ rank }, index) => {
      if (!rank) return;
      const wide = context.measureText(rank).width;
      context.fillText(rank, (edges[index] + edges[index + 1] - wide) / 2, base + 13);
    });
  }

  // Show the best match of the window under the pointer.
  #tell(frame) {
    const window = this.windows[this.#at(frame)];
    if (!window) return;
    const [from, to] = [window.start, window.stop].map((x) => (x / this.fps).toFixed(1));
    this.canvas.title = `${from} to ${to} s: ${window.class_name || 'no class'}, similarity ${window.similarity.toFixed(3)}`;
  }
}
