import numpy as np
import pytest


def skeleton_text(frames, newline='\n', number='{:.7g}'):
    """Write frames, each a list of bodies (25, 3), as the text of a `.skeleton` file."""
    lines = [len(frames)]
    for bodies in frames:
        lines.append(len(bodies))
        for body in bodies:
            lines.append('72057594037931101 0 1 1 0 0 0 0.02764709 -0.05745083 2')
            lines.append(len(body))
            for x, y, z in body:
                xyz = ' '.join(number.format(value) for value in (x, y, z))
                lines.append(
                    f'{xyz} 277.419 191.8218 1036.233 519.1677 -0.2 0.05 0.9692109 -1E-02 2'
                )
    return newline.join(map(str, [*lines, '']))


@pytest.fixture
def make_text():
    return skeleton_text


@pytest.fixture
def random_frames():
    """Return a function: numbers of bodies per frame -> frames of random bodies."""

    def make(counts, seed=0):
        rng = np.random.default_rng(seed)
        return [[rng.normal(size=(25, 3)) for _ in range(count)] for count in counts]

    return make


@pytest.fixture
def make_folder(tmp_path, random_frames):
    """Return a function: file name -> text (or None for a random one) to a folder of them."""

    def make(files, name='raw'):
        for seed, (file, text) in enumerate(files.items()):
            path = tmp_path / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            text = skeleton_text(random_frames([1, 2, 1], seed)) if text is None else text
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path / name

    return make
