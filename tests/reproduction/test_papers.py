"""The papers' entries fit together: methods, configs, protocols, numbers and sources."""

import pytest

from mmcmd.apis import load_config
from mmcmd.cli import parse_options
from mmcmd.errors import InputError
from mmcmd.reproduction.paper import KNN, PROTOCOLS, STREAMS
from mmcmd.reproduction.papers import METHODS, PAPERS, TABLES, get_method


def test_papers_do_not_overwrite_each_other():
    for names, kind in ((METHODS, 'METHODS'), (TABLES, 'TABLES')):
        assert len(names) == sum(len(getattr(paper, kind)) for paper in PAPERS)


@pytest.mark.parametrize('name', TABLES)
def test_every_cell_can_be_run_and_every_number_has_a_source(name):
    table = TABLES[name]
    for row in table.rows.values():
        assert len(row) == len(table.columns)
    for cell in table.cells:
        assert cell.method in METHODS
        assert cell.protocol in {KNN, *PROTOCOLS}
        assert cell.stream in {*STREAMS, '2s'}
        assert bool(cell.paper) == bool(cell.source)
        assert all(0 < number < 100 for number in cell.paper.values())
        assert 'memory' not in cell.source


@pytest.mark.parametrize('name', METHODS)
def test_overrides_of_a_method_fit_its_config(root, name):
    method = METHODS[name]
    for path in (method.config, *method.configs.values()):
        config = load_config(root / path, data='ntu60_xsub')
        options = method.options(config) if callable(method.options) else method.options
        changed = load_config(root / path, data='ntu60_xsub', options=parse_options(options))
        assert (changed.model != config.model) == bool(options)


def test_table_5_has_the_paper_s_rows_and_numbers():
    table = TABLES['table5']
    assert list(table.rows) == [
        *('Baseline', 'J<-B', 'J<->B', 'J<-M', 'J<->M', 'J<-M, J<-B', 'J<->M<->B')
    ]
    for cells in table.rows.values():
        for column, cell in zip(table.columns, cells, strict=True):
            assert cell is None or column == f'{cell.protocol}, {cell.stream}'
    numbers = [cell.paper['ntu60_xsub'] for cell in table.rows['J<->M<->B']]
    assert numbers == [77.8, 77.1, 79.4, 69.5, 68.7, 70.6]


def test_a_table_can_be_cut_to_some_methods():
    table = TABLES['baselines'].only(['CMD'])
    assert {cell.method for cell in table.cells} == {'CMD'}
    assert list(table.rows) == list(TABLES['baselines'].rows)
    assert list(TABLES['methods'].only(['raw', 'CMD']).rows) == ['raw', 'CMD']


def test_unknown_method_is_told():
    with pytest.raises(InputError, match="no method 'SimCLR'; methods are MoCo; J<-B"):
        get_method('SimCLR')
