// The main module: it connects the server, the figures, the player, the map and the time line.
import * as api from './api.js';
import { onKeys } from './keys.js';
import { GalleryMap } from './map.js';
import { makePanels, sampleItem, showClasses } from './panels.js';
import { Player } from './player.js';
import { Stage } from './stage.js';
import { Timeline } from './timeline.js';

const $ = (id) => document.getElementById(id);
const state = {
  info: null, stream: null, query: null, window: null, uploads: [], listed: [],
  recording: null, // the latest long recording
  gesture: null, // the motion that is looked for in it
};
let stage = null, loading = new AbortController();

function say(text, isError = false) {
  $('message').textContent = text;
  $('message').hidden = !text;
  $('message').classList.toggle('error', isError);
}

// Run a function that may fail. If it fails, show its message.
async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    if (error.name !== 'AbortError') say(error.message, true);
    return undefined;
  }
}

const player = new Player(
  { play: $('play'), scrub: $('scrub'), clock: $('clock'), speed: $('speed'), stretch: $('stretch') },
  (phase, frame, stretch) => stage?.draw(phase, frame, stretch),
);
const map = new GalleryMap($('map'), $('map-tip'), (id) => choose(id));
const timeline = new Timeline($('timeline'), $('timeline-legend'), $('timeline-note'), (window) => {
  state.window = window;
  attempt(showAnswer);
});

async function choose(id) {
  Object.assign(state, { query: id, window: null, gesture: null });
  await attempt(showAnswer);
  await attempt(showTimeline);
}

// Look for a motion in the latest long recording. With null, compare with the whole gallery again.
async function find(motion) {
  Object.assign(state, { query: state.recording.id, window: null, gesture: motion });
  state.window = await attempt(showTimeline);
  await attempt(showAnswer);
}

async function showAnswer() {
  loading.abort();
  loading = new AbortController();
  const { signal } = loading;
  const part = state.window ? { start: state.window.start, stop: state.window.stop } : {};
  const values = { stream: state.stream, k: $('k').value, ...part };
  const answer = await api.getAnswer(state.query, values, signal);
  const { start, stop } = answer;
  const frames = await Promise.all([
    api.getFrames(answer.query.id, { start, stop }),
    ...answer.neighbours.map(({ id }) => api.getFrames(id)),
  ]);
  if (signal.aborted) return;
  if (answer.query.long) state.recording = answer.query;
  const elements = makePanels(answer, choose, state.recording, find);
  $('panels').replaceChildren(...elements);
  stage?.show(elements.map((element, index) => (
    { element, frames: frames[index], layout: index ? state.info.layout : answer.layout }
  )));
  player.load(frames[0].shape[1], answer.query.fps);
  showClasses($('classes'), $('answer-title'), answer);
  $('answer').hidden = false;
  map.mark(answer.query.id, answer.neighbours.map(({ id }) => id));
  if (answer.query.frames > stop - start) timeline.mark(start);
  markCurrent();
  say('');
  document.documentElement.dataset.query = answer.query.id;
}

async function showTimeline() {
  const id = state.query;
  const motion = await api.getMotion(id);
  $('timeline-box').hidden = !motion.long;
  if (!motion.long) return undefined;
  const { gesture } = state, name = gesture?.name;
  $('timeline-all').hidden = !gesture;
  $('timeline-note').textContent = `Comparing the windows of the recording with ${name ?? 'the gallery'} ...`;
  const found = await api.getTimeline(id, { stream: state.stream, gesture: gesture?.id });
  if (state.query !== id || state.gesture !== gesture) return undefined;
  const best = timeline.load(found, name);
  timeline.mark((state.window ?? best)?.start ?? 0);
  return best;
}

function markCurrent() {
  for (const button of $('samples').querySelectorAll('button')) {
    if (button.dataset.id === state.query) button.setAttribute('aria-current', 'true');
    else button.removeAttribute('aria-current');
  }
}

async function listSamples() {
  const values = { text: $('text').value, wrong: $('wrong-only').checked, stream: state.stream, limit: 200 };
  const found = await api.getMotions(values);
  state.listed = [...state.uploads, ...found.motions];
  $('samples').replaceChildren(...state.listed.map((motion) => sampleItem(motion, state.query, choose)));
  const shown = found.motions.length < found.total ? `, the first ${found.motions.length} are listed` : '';
  $('counted').textContent = `${found.total} motions${shown}`;
}

async function showMap() {
  const stream = state.stream;
  const found = await api.getMap(stream);
  if (stream !== state.stream) return;
  const more = found.final ? '' : ' (t-SNE is being computed ...)';
  $('map-note').textContent = `${found.method} of the ${stream} features${more}`;
  map.setPoints(found.points);
  document.documentElement.dataset.map = found.final ? stream : '';
  if (!found.final) setTimeout(() => stream === state.stream && attempt(showMap), 3000);
}

async function setStream(stream) {
  state.stream = stream;
  for (const button of $('streams').children) {
    const isChosen = button.dataset.stream === stream;
    button.setAttribute('aria-checked', String(isChosen));
    button.tabIndex = isChosen ? 0 : -1;
  }
  delete document.documentElement.dataset.map;
  map.setPoints([]);
  if (!state.query) { // first the figures, then the map: it is large
    const { motions } = await api.getMotions({ stream, limit: 1 });
    if (motions.length) await choose(motions[0].id);
  } else {
    await attempt(showAnswer);
    if (!$('timeline-box').hidden) await attempt(showTimeline);
  }
  attempt(showMap);
  attempt(listSamples);
}

async function upload(file) {
  if (!file) return;
  const megabytes = state.info.upload_limit / 1e6;
  if (file.size > state.info.upload_limit) {
    say(`${file.name} has ${(file.size / 1e6).toFixed(1)} MB, but the limit is ${megabytes} MB.`, true);
    return;
  }
  say(`${file.name} is being read ...`);
  await attempt(async () => {
    const { motions, total } = await api.uploadFile(file, $('layout').value);
    state.uploads = [...motions, ...state.uploads].slice(0, 50);
    await choose(motions[0].id);
    attempt(listSamples);
    player.toggle(true);
    if (total > motions.length) {
      say(`${file.name} holds ${total} motions. The page has kept the first ${motions.length}.`);
    }
  });
}

function makeStreams() {
  $('streams').replaceChildren(...state.info.streams.map((stream, index) => {
    const button = document.createElement('button');
    const key = document.createElement('kbd');
    key.textContent = index + 1;
    button.append(`${stream} `, key);
    Object.assign(button, { type: 'button' }).dataset.stream = stream;
    button.setAttribute('role', 'radio');
    button.addEventListener('click', () => setStream(stream));
    return button;
  }));
}

function listen() {
  $('open').addEventListener('click', () => $('file').click());
  $('file').addEventListener('change', () => {
    upload($('file').files[0]);
    $('file').value = '';
  });
  for (const name of ['dragover', 'dragleave', 'drop']) {
    window.addEventListener(name, (event) => {
      event.preventDefault();
      $('drop').classList.toggle('over', name === 'dragover');
      if (name === 'drop') upload(event.dataTransfer.files[0]);
    });
  }
  let waiting;
  $('text').addEventListener('input', () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => attempt(listSamples), 150);
  });
  $('wrong-only').addEventListener('change', () => attempt(listSamples));
  $('k').addEventListener('change', () => state.query && attempt(showAnswer));
  $('help-button').addEventListener('click', () => $('help').showModal());
  $('timeline-all').addEventListener('click', () => find(null));
  onKeys({
    player,
    stage: () => stage,
    stream: (index) => state.info?.streams[index] && setStream(state.info.streams[index]),
    next: (step) => {
      const index = state.listed.findIndex(({ id }) => id === state.query) + step;
      if (state.listed[index]) choose(state.listed[index].id);
    },
  });
}

async function start() {
  listen();
  try {
    stage = new Stage($('view'), $('panels'));
    window.stage = stage; // for measurements
  } catch {
    say('This browser cannot show 3D (WebGL is off), so there are no figures. Everything else works.', true);
  }
  for (;;) {
    state.info = await attempt(api.getStatus);
    if (state.info?.state === 'ready') break;
    if (state.info?.state === 'failed') return say(state.info.message, true);
    if (state.info) say(state.info.message);
    await new Promise((resolve) => { setTimeout(resolve, 500); });
  }
  const { info } = state;
  say('');
  $('facts').textContent = `${info.checkpoint} on ${info.gallery}: ${info.count} motions, ${info.class_count} classes`;
  $('synthetic').hidden = !info.synthetic;
  $('formats').textContent = info.formats.join(', ');
  $('layout').append(...info.layouts.map((name) => new Option(name, name)));
  $('layout').options[0].textContent = `from the file, or ${info.layout.name}`;
  makeStreams();
  await setStream(info.streams.includes('fused') ? 'fused' : info.streams[0]);
  if (!matchMedia('(prefers-reduced-motion: reduce)').matches) player.toggle(true);
}

attempt(start);
