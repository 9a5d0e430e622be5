"""Measure the page of ``tools/serve.py`` in headless Chromium: ``python -m benchmarks.page``.

It starts the server as a user does, opens the page in a new browser several times, and prints a
table: seconds until the figures are drawn, seconds from a dropped file to its neighbours, and drawn
frames a second with 9 figures. By default, the encoder is the one of the quick start, and the
gallery has 3,072 synthetic motions. It needs playwright and a Chromium, like ``make test-web``.
"""

import argparse
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mmcmd.cli import run
from mmcmd.errors import InputError

ROOT = Path(__file__).parents[1]
BROWSERS = 'chromium', 'chromium-browser', 'google-chrome'
OPTIONS = ('--no-sandbox',)
"""Root needs this. The browser itself chooses how to draw without a GPU, as on a user's machine."""
RENDERER = """() => {
    const context = document.createElement('canvas').getContext('webgl2');
    const names = context.getExtension('WEBGL_debug_renderer_info');
    return context.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : context.RENDERER);
}"""
DROP = """(bytes) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(bytes)], 'dropped.npy'));
    window.dispatchEvent(new DragEvent('drop', { dataTransfer: data, cancelable: true }));
}"""
OPENED, FOUND = 'page opened to figures drawn (s)', 'file dropped to neighbours drawn (s)'
SPEED = 'frames a second with 9 figures'
GOALS = {OPENED: '<= 2', FOUND: '<= 1', SPEED: '>= 30'}
PLAYED = 5.0
"""Seconds for which frames are counted."""
READY = 120.0
"""Most seconds for the start of the server."""


def main() -> None:
    parser = argparse.ArgumentParser(prog='python -m benchmarks.page', description=__doc__)
    parser.add_argument('--checkpoint', help='encoder (default: that of the quick start)')
    parser.add_argument('--gallery', type=Path, help='pickle (default: 3,072 synthetic motions)')
    parser.add_argument('--visits', type=int, default=3, help='number of visits (default: 3)')
    args = parser.parse_args()
    chromium = next(filter(None, map(shutil.which, BROWSERS)), None)
    if chromium is None:
        raise InputError(f'none of {", ".join(BROWSERS)} is installed; install Chromium')
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        checkpoint, gallery = args.checkpoint, args.gallery
        if checkpoint is None:
            from mmcmd.quickstart import copy_encoder

            checkpoint = folder / 'encoder'
            copy_encoder(checkpoint)
        if gallery is None:
            from mmcmd.quickstart import make_motions
            from mmcmd.synthetic import Plan

            gallery = folder / 'motions.pkl'
            print(f'{make_motions(gallery, Plan(seed=7, subjects=64))} synthetic motions')
        with serve(checkpoint, gallery, folder / 'cache') as (address, seconds):
            print(f'server ready after {seconds:.1f} s, without features of an earlier run')
            show(visit(address, chromium, dropped(gallery), args.visits))


@contextmanager
def serve(checkpoint: str | Path, gallery: Path, cache: Path) -> Iterator[tuple[str, float]]:
    """Run the server, and give its address and the seconds until it is ready."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    command = [sys.executable, ROOT / 'tools/serve.py', checkpoint, '--gallery', gallery]
    start = time.monotonic()
    process = subprocess.Popen([*command, '--cache', cache, '--port', str(port)])
    address = f'http://127.0.0.1:{port}'
    try:
        while not ready(address):
            if process.poll() is not None or time.monotonic() - start > READY:
                raise InputError('the server did not start, see its message above')
            time.sleep(0.1)
        yield address, time.monotonic() - start
    finally:
        process.terminate()
        process.wait()


def ready(address: str) -> bool:
    """Return whether the server answers a question about its first motion."""
    try:
        with urllib.request.urlopen(f'{address}/api/motions/g0/answer', timeout=10):
            return True
    except OSError:
        return False


def dropped(gallery: Path) -> bytes:
    """Return the first motion of the gallery as the content of a ``.npy`` file."""
    from mmcmd.datasets.annotations.reading import load_annotations

    with tempfile.TemporaryFile() as file:
        np.save(file, load_annotations(gallery)['annotations'][0]['keypoint'])
        file.seek(0)
        return file.read()


def visit(address: str, chromium: str, content: bytes, visits: int) -> dict[str, list[float]]:
    """Open the page in a new browser, drop a file and play. Return the measured values by name."""
    from playwright.sync_api import sync_playwright

    found: dict[str, list[float]] = {name: [] for name in GOALS}
    with sync_playwright() as playwright:
        for _ in range(visits):
            browser = playwright.chromium.launch(executable_path=chromium, args=list(OPTIONS))
            page = browser.new_page(viewport={'width': 1400, 'height': 900})
            start = time.perf_counter()
            page.goto(address)
            page.wait_for_selector('html[data-query=g0]')
            page.wait_for_function('stage.drawn > 0')
            found[OPENED].append(time.perf_counter() - start)
            # The list of bytes is sent before the clock starts.
            page.evaluate('(bytes) => { window.content = bytes; }', list(content))
            start = time.perf_counter()
            page.evaluate(f'() => ({DROP})(window.content)')
            page.wait_for_selector('html[data-query^=u]')
            found[FOUND].append(time.perf_counter() - start)
            before, start = page.evaluate('stage.drawn'), time.perf_counter()
            time.sleep(PLAYED)
            drawn = page.evaluate('stage.drawn') - before
            found[SPEED].append(drawn / (time.perf_counter() - start))
            drawn_by = page.evaluate(RENDERER)
            browser.close()
    print(f'figures drawn by {drawn_by}')
    return found


def show(found: dict[str, list[float]]) -> None:
    """Print a table of all values with their goals."""
    print('| | goal | visits |\n| --- | ---: | ---: |')
    for name, values in found.items():
        print(f'| {name} | {GOALS[name]} | {", ".join(f"{x:.3g}" for x in values)} |')


if __name__ == '__main__':
    run(main)
