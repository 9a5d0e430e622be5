// The panels of the query and its neighbours, the class probabilities, and the items of the gallery.
import { isDropped } from './api.js';

const SAME = 1e-6; // a smaller distance is rounding

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function panel(kind, title, motion, foot) {
  const made = element('article', `panel ${kind}`);
  const label = element('div', 'label');
  label.append(element('b', '', title), element('span', '', motion.class_name || 'no class'));
  made.append(label, foot);
  made.title = motion.name;
  return made;
}

function actionButton(text, title, action) {
  const made = element('button', '', text);
  Object.assign(made, { title, type: 'button' });
  made.addEventListener('click', action);
  return made;
}

// Return the panels, the query first. A click on a button calls `choose` with the id of a motion, or
// `find` with a motion that is looked for in the latest long recording (null if there is none).
export function makePanels(answer, choose, recording, find) {
  const { query, neighbours } = answer;
  const footer = element('div', 'foot');
  const isPart = answer.stop - answer.start < query.frames;
  const seconds = (frame) => (frame / query.fps).toFixed(1);
  const part = isPart ? `, ${seconds(answer.start)} to ${seconds(answer.stop)} s` : '';
  footer.append(element('span', '', query.name + part));
  const addFind = (foot, motion) => {
    if (!recording || recording.id === motion.id) return;
    foot.append(actionButton('find', `Find this motion in ${recording.name}`, () => find(motion)));
  };
  addFind(footer, query);
  const made = [panel('query', 'query', query, footer)];
  neighbours.forEach((neighbour, index) => {
    const foot = element('div', 'foot');
    const distance = neighbour.distance.toFixed(3), isSame = neighbour.distance < SAME;
    const text = recording ? distance : `distance ${distance}`; // two buttons need room
    const measure = element('span', '', isSame ? 'the same' : text);
    measure.title = 'cosine distance';
    foot.append(measure);
    addFind(foot, neighbour);
    foot.append(actionButton('as query', 'Show the neighbours of this motion', () => choose(neighbour.id)));
    // Without a label of the query or of the neighbour, the neighbour is neither right nor wrong.
    const isKnown = query.label >= 0 && neighbour.label >= 0;
    const kind = isKnown ? (neighbour.label === query.label ? 'same' : 'other') : '';
    const shownPanel = panel(kind, `${index + 1}`, neighbour, foot);
    shownPanel.querySelector('.label').append(element('span', 'name', neighbour.name));
    if (kind === 'other') shownPanel.querySelector('.label').append(element('span', 'bad', 'other class'));
    made.push(shownPanel);
  });
  return made;
}

export function showClasses(list, title, answer) {
  const { query, classes, source, predicted } = answer;
  const voters = answer.neighbours.filter(({ class_name: name }) => name).length;
  const how = source === 'classifier'
    ? 'Classes by the classifier'
    : `Classes by the votes of the neighbours with a class (${voters} of ${answer.neighbours.length})`;
  title.replaceChildren(how);
  if (query.label >= 0 && predicted !== null) {
    const right = predicted === query.label;
    title.append(element('span', right ? 'good' : 'bad', right ? ' - right' : ` - wrong: it is ${query.class_name}`));
  }
  list.replaceChildren(...classes.map(({ label, class_name: name, probability }) => {
    const item = element('li', label === query.label ? 'true' : '');
    const track = element('span', 'track'), fill = element('span', 'fill');
    fill.style.width = `${(100 * probability).toFixed(1)}%`;
    track.append(fill);
    item.append(element('span', 'name', name), track, element('span', 'share', `${(100 * probability).toFixed(0)} %`));
    item.title = name;
    return item;
  }));
}

export function sampleItem(motion, current, choose, recording, find) {
  const item = element('li', motion.wrong ? 'wrong' : '');
  const button = element('button');
  button.type = 'button';
  button.dataset.id = motion.id;
  button.title = motion.wrong ? `${motion.name}: its nearest neighbour has another class` : motion.name;
  if (motion.id === current) button.setAttribute('aria-current', 'true');
  const name = `${motion.wrong ? '✗ ' : ''}${motion.class_name}`;
  const shown = isDropped(motion) ? `${motion.name} (dropped)` : motion.name;
  button.append(element('span', 'name', shown), element('span', 'class', name));
  button.addEventListener('click', () => choose(motion.id));
  item.append(button);
  if (recording && recording.id !== motion.id) {
    item.append(actionButton('find', `Find this motion in ${recording.name}`, () => find(motion)));
  }
  return item;
}
