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
  timeline: '', // recording, stream and gesture of the time line
  best: undefined, // promise of the place that is most similar to the gesture
  turn: 0, // number of choices that the user has made; the work for an older one stops
  waiting: null, // a file that was dropped before the server was ready
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
const map = new GalleryMap($('map'), $('map-tip'), $('map-legend'), (id) => choose(id));
const timeline = new Timeline($('timeline'), $('timeline-legend'), $('timeline-note'), (window) => {
  state.turn += 1;
  Object.assign(state, { query: state.recording.id, window });
  attempt(showAnswer);
});

async function choose(id) {
  state.turn += 1;
  const { turn } = state;
  Object.assign(state, { query: id, window: null });
  await attempt(showAnswer);
  if (turn === state.turn) await showTimeline();
}

// Look for a motion in the latest long recording. With null, compare with the whole gallery again.
async function find(motion) {
  state.turn += 1;
  const { turn } = state;
  Object.assign(state, { query: state.recording.id, window: null, gesture: motion });
  const best = await showTimeline();
  if (turn !== state.turn || state.gesture !== motion) return; // another choice, or an error
  state.window = best;
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
  // A motion of the gallery does not take the time line from a dropped recording.
  const takes = api.isDropped(answer.query) || !api.isDropped(state.recording);
  if (answer.query.long && takes && state.recording?.id !== answer.query.id) {
    Object.assign(state, { recording: answer.query, gesture: null });
    drawSamples(); // each motion can now be looked for
  }
  const elements = makePanels(answer, choose, state.recording, find);
  $('panels').replaceChildren(...elements);
  stage?.show(elements.map((element, index) => (
    { element, frames: frames[index], layout: index ? state.info.layout : answer.layout }
  )));
  player.load(frames[0].shape[1], answer.query.fps);
  showClasses($('classes'), $('answer-title'), answer);
  $('answer').hidden = false;
  map.mark(answer.query.id, answer.neighbours.map(({ id }) => id));
  timeline.mark(answer.query.id === state.recording?.id ? start : null);
  markCurrent();
  say('');
  document.documentElement.dataset.query = answer.query.id;
}

// Show the windows of the latest long recording. Return the place that is most similar to the gesture.
async function showTimeline() {
  const { recording, gesture, stream } = state;
  $('timeline-box').hidden = !recording;
  const key = [recording?.id, stream, gesture?.id].join();
  if (recording && key !== state.timeline) Object.assign(state, { timeline: key, best: loadTimeline(key) });
  return recording ? state.best : undefined;
}

async function loadTimeline(key) {
  const { recording, gesture, stream } = state, name = gesture?.name;
  timeline.load({ frames: 1, fps: 0, windows: [] });
  $('timeline-name').textContent = recording.name;
  $('timeline-all').hidden = !gesture;
  $('timeline-note').textContent = `Comparing the windows of the recording with ${name ?? 'the gallery'} ...`;
  try {
    const found = await api.getTimeline(recording.id, { stream, gesture: gesture?.id });
    if (state.timeline !== key) return undefined;
    const best = timeline.load(found, name);
    if (state.query === recording.id) timeline.mark((state.window ?? best)?.start ?? 0);
    return best;
  } catch (error) {
    if (state.timeline === key) {
      Object.assign(state, { timeline: '', gesture: null });
      $('timeline-note').textContent = error.message;
    }
    return undefined;
  }
}

function markCurrent() {
  for (const button of $('samples').querySelectorAll('button[data-id]')) {
    if (button.dataset.id === state.query) button.setAttribute('aria-current', 'true');
    else button.removeAttribute('aria-current');
  }
}

function drawSamples() {
  const { listed, query, recording } = state;
  $('samples').replaceChildren(...listed.map((motion) => sampleItem(motion, query, choose, recording, find)));
}

async function listSamples() {
  const values = { text: $('text').value, wrong: $('wrong-only').checked, stream: state.stream, limit: 200 };
  const { motions, total } = await api.getMotions(values);
  state.listed = [...state.uploads, ...motions];
  drawSamples();
  const shown = motions.length < total ? `, the first ${motions.length} are listed` : '';
  $('counted').textContent = `${total} motion${total === 1 ? '' : 's'}${shown}`;
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
    await showTimeline();
  }
  attempt(showMap);
  attempt(listSamples);
}

async function upload(file) {
  if (!file) return;
  if (state.info?.state === 'failed') return;
  if (state.info?.state !== 'ready') {
    state.waiting = file;
    say(`${file.name} will be read when the server is ready.`);
    return;
  }
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
    const later = state.waiting ? `; ${state.waiting.name} will be read after that` : '';
    if (state.info) say(state.info.message + later);
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
  const file = state.waiting;
  state.waiting = null;
  await upload(file);
}

attempt(start);
