// Requests to the server. If a request fails, it throws an Error with a message of one sentence.

async function request(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error('The server does not answer. Is `mmcmd serve` still running?');
  }
  if (!response.ok) {
    let detail = `The server answered with status ${response.status}.`;
    try {
      const body = await response.json();
      if (typeof body.detail === 'string') detail = body.detail;
    } catch { /* the answer is not JSON: only the status is shown */ }
    throw Object.assign(new Error(detail), { status: response.status });
  }
  return response;
}

function query(values) {
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== null);
  return new URLSearchParams(given).toString();
}

async function json(path, values = {}, options) {
  return (await request(`api/${path}?${query(values)}`, options)).json();
}

export const getStatus = () => json('status');
export const getMotions = (values) => json('motions', values);
export const getAnswer = (id, values, signal) => json(`motions/${id}/answer`, values, { signal });
export const getTimeline = (id, values, signal) => json(`motions/${id}/timeline`, values, { signal });
export const getMap = (stream) => json('map', { stream });

// Return whether a motion was dropped. Others belong to the gallery.
export const isDropped = (motion) => Boolean(motion?.id.startsWith('u'));

export async function uploadFile(file, layout) {
  const body = new FormData();
  body.append('file', file);
  body.append('layout', layout);
  return json('motions', {}, { method: 'POST', body });
}

const kept = new Map(); // frames of the latest motions

// Return { shape: [M, T, V, 3], data: Float32Array }. A missing joint is NaN.
export async function getFrames(id, values = {}) {
  const key = `${id}?${query(values)}`;
  if (!kept.has(key)) {
    const response = await request(`api/motions/${id}/frames?${query(values)}`);
    const shape = response.headers.get('x-shape').split(',').map(Number);
    kept.set(key, { shape, data: new Float32Array(await response.arrayBuffer()) });
    if (kept.size > 60) kept.delete(kept.keys().next().value);
  }
  return kept.get(key);
}
