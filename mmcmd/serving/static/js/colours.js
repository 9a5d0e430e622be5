// One colour for each class. Classes with neighbouring numbers have very different colours.

export function classColour(label, dark) {
  if (label < 0) return dark ? '#777' : '#aaa';
  const hue = (label * 137.508) % 360;
  return `hsl(${hue.toFixed(0)} 60% ${dark ? 62 : 44}%)`;
}

// Fill a list with the colour, the name and the number of the classes, the most frequent first.
// Items are { label, class_name }.
export function nameColours(list, items) {
  const dark = isDark(), counted = new Map();
  for (const { label, class_name: name } of items) {
    const entry = counted.get(label) ?? { label, name, count: 0 };
    entry.count += 1;
    counted.set(label, entry);
  }
  const entries = [...counted.values()].sort((a, b) => b.count - a.count);
  list.replaceChildren(...entries.map(({ label, name, count }) => {
    const item = document.createElement('li'), swatch = document.createElement('span');
    swatch.style.background = classColour(label, dark);
    item.append(swatch, `${name || 'no class'} (${count})`);
    return item;
  }));
}

export const isDark = () => matchMedia('(prefers-color-scheme: dark)').matches;

export function cssColour(name) {
  const probe = document.createElement('span'); // it resolves light-dark(), but a canvas cannot
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

// Fit a canvas to its size on the screen, and return its context in CSS pixels.
export function prepare(canvas) {
  const { width, height } = canvas.getBoundingClientRect();
  const ratio = Math.min(window.devicePixelRatio, 2);
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext('2d');
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}
