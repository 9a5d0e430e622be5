"""The notebook runs from its first to its last cell, and finds what it says."""

import json
import sys
from types import ModuleType

import pytest


@pytest.fixture
def cells(root):
    """Return the code cells of the notebook."""
    cells = json.loads((root / 'docs/notebooks/arrays_to_retrieval.ipynb').read_text())['cells']
    return [''.join(cell['source']) for cell in cells if cell['cell_type'] == 'code']


@pytest.fixture
def display(monkeypatch):
    """Return what a notebook shows pictures with, if IPython is not installed."""
    module = ModuleType('IPython.display')
    module.Image = lambda path: path
    monkeypatch.setitem(sys.modules, 'IPython.display', module)


@pytest.mark.usefixtures('display')
def test_notebook_runs_and_beats_raw_coordinates(cells, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {'__name__': 'notebook'}
    for cell in cells:
        exec(cell, names)
    assert names['accuracy'] > names['raw_accuracy'] > 1 / 6
    assert [x.class_name for x in names['found']] == [names['labels'][-1]] * 2
    assert (tmp_path / 'found.gif').stat().st_size > 10_000
