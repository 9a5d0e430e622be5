// Keyboard shortcuts of the page. While the user writes in a field, they are off.

const $ = (id) => document.getElementById(id);

export function onKeys({ player, stage, stream, next }) {
  const actions = {
    ' ': () => player.toggle(),
    ArrowLeft: () => player.step(-1),
    ArrowRight: () => player.step(1),
    '-': () => player.faster(-1),
    '+': () => player.faster(1),
    n: () => next(1),
    p: () => next(-1),
    o: () => $('file').click(),
    r: () => stage()?.reset(),
    '/': () => $('text').focus(),
    '?': () => $('help').showModal(),
  };
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || $('help').open) return;
    const target = event.target;
    if (target.matches('input[type=search], select')) {
      if (event.key === 'Escape') target.blur();
      return;
    }
    // The space bar presses the button that has the focus. The arrow keys move a slider.
    if (event.key === ' ' && target.matches('button, input[type=checkbox]')) return;
    if (event.key.startsWith('Arrow') && target.matches('input[type=range]')) return;
    if (event.key.startsWith('Arrow') && target.matches('[role=radio]')) return moveChoice(event);
    const action = actions[event.key] ?? actions[event.key.toLowerCase()];
    if (action) action();
    else if (/^[1-9]$/.test(event.key)) stream(Number(event.key) - 1);
    else return;
    event.preventDefault();
  });
}

// The arrow keys move between the streams, as in any group of radio buttons.
function moveChoice(event) {
  const all = [...event.target.parentElement.children];
  const step = event.key === 'ArrowLeft' || event.key === 'ArrowUp' ? -1 : 1;
  const chosen = all[(all.indexOf(event.target) + step + all.length) % all.length];
  chosen.focus();
  chosen.click();
  event.preventDefault();
}
