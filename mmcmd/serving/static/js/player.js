// The player of all figures: play, pause, position and speed.

export class Player {
  constructor(elements, draw) {
    Object.assign(this, elements); // play, scrub, clock, speed, stretch
    this.drawFrame = draw;
    this.length = 1;
    this.fps = 30;
    this.frame = 0;
    this.playing = false;
    this.play.addEventListener('click', () => this.toggle());
    this.scrub.addEventListener('input', () => {
      this.toggle(false);
      this.frame = (this.scrub.value / this.scrub.max) * (this.length - 1);
    });
    let before = performance.now();
    const step = (now) => {
      const passed = Math.min((now - before) / 1000, 0.25);
      before = now;
      if (this.playing && this.length > 1) {
        this.frame += passed * this.fps * Number(this.speed.value);
        if (this.frame > this.length - 1) this.frame = 0;
      }
      this.#show(now);
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  // Start a motion. length: number of frames.
  load(length, fps) {
    this.length = Math.max(length, 1);
    this.fps = fps || 30;
    this.frame = 0;
  }

  toggle(on = !this.playing) {
    this.playing = on;
    this.play.textContent = on ? '❚❚' : '▶';
    this.play.setAttribute('aria-pressed', String(on));
  }

  step(frames) {
    this.toggle(false);
    this.frame = Math.min(Math.max(Math.round(this.frame) + frames, 0), this.length - 1);
  }

  faster(steps) {
    const last = this.speed.options.length - 1;
    this.speed.selectedIndex = Math.min(Math.max(this.speed.selectedIndex + steps, 0), last);
  }

  get phase() { return this.length > 1 ? this.frame / (this.length - 1) : 0; }

  #show(now) {
    const text = `frame ${Math.round(this.frame) + 1} / ${this.length}`;
    // While it plays, ten changes a second are enough, because each one repaints a part of the page.
    const isDue = !this.playing || now - (this.shown ?? 0) > 100;
    if (isDue && text !== this.clock.textContent) {
      this.shown = now;
      this.scrub.value = String(Math.round(this.phase * this.scrub.max));
      this.clock.textContent = text;
    }
    this.drawFrame(this.phase, this.frame, this.stretch.checked);
  }
}
