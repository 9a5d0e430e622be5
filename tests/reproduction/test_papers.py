"""The entries of the papers are consistent: methods, configs, protocols, numbers, sources."""

import pytest

from mmcmd.apis import choices, load_config
from mmcmd.cli import parse_options
from mmcmd.errors import InputError
from mmcmd.reproduction.paper import STREAMS
from mmcmd.reproduction.papers import METHODS, PAPERS, TABLES, get_method
from mmcmd.reproduction.protocols import KNN, PROTOCOLS


def test_papers_do_not_overwrite_each_other():
    for names, kind in ((METHODS, 'METHODS'), (TABLES, 'TABLES')):
        assert len(names) == sum(len(getattr(paper, kind)) for paper in PAPERS)


@pytest.mark.parametrize('name', TABLES)
def test_every_cell_can_be_run_and_every_number_has_a_source(name):
    table = TABLES[name]
    for row in table.rows.values():
        assert len(row) == len(table.columns)
        for cell in filter(None, row):
            assert bool(cell.reason) == (not cell.can_run)
            assert bool(cell.paper) == bool(cell.source)
    for cell in table.cells:
        assert cell.method in METHODS
        assert cell.protocol in {KNN, *PROTOCOLS}
        assert cell.stream in {*STREAMS, '2s'}
        assert cell.encoder in {None, *choices('encoders')}
        assert all(0 < number < 100 for number in cell.paper.values())
        assert 'memory' not in cell.source


@pytest.mark.parametrize('name', METHODS)
def test_overrides_of_a_method_fit_its_config(root, name):
    method = METHODS[name]
    for path in (method.config, *method.configs.values()):
        config = load_config(root / path, data='ntu60_xsub')
        options = method.options(config) if callable(method.options) else method.options
        changed = load_config(root / path, data='ntu60_xsub', options=parse_options(options))
        assert (changed.pretty_text != config.pretty_text) == bool(options)


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


def test_tables_1_to_4_have_all_rows_of_the_paper():
    joint = {'LongT GAN', 'ISC', 'CrosSCLR-B', 'CMD'}
    three = {'3s-CrosSCLR', '3s-AimCLR', '3s-CMD'}
    rows = {name: set(TABLES[name].rows) for name in ('table1', 'table2', 'table3', 'table4')}
    own = {'MoCo', '3s-MoCo', 'CMD, J<->M'}  # rows of our own, or from Table 5
    assert rows['table1'] - own == joint | three | {
        *('MS2L', 'P&C', 'AS-CAL', 'SeBiReNet', 'AimCLR', '3s-CrosSCLR-B')
    }
    assert rows['table2'] - own == joint | {'P&C'}
    assert rows['table3'] - own == joint | {'MS2L'}
    assert rows['table4'] == joint | three | {'MS2L', 'ASSL', '3s-Colorization'}


def test_rows_stand_in_the_order_and_with_the_numbers_of_the_paper():
    numbers = {
        name: {label: row[0].paper.get('ntu60_xview') for label, row in TABLES[name].rows.items()}
        for name in ('table1', 'table2', 'table4')
    }
    published = [x for x in numbers['table1'].values() if x]
    assert published == [48.1, 76.3, 64.8, 79.7, 79.7, 85.2, 85.1, 86.9, 83.4, 83.8, 89.2, 90.9]
    assert [x for x in numbers['table2'].values() if x] == [48.1, 76.3, 82.6, 81.3, 85.4]
    assert [x for x in numbers['table4'].values() if x] == [
        *(38.1, 49.8, 53.0, 50.0, 52.5, 54.3, 55.5)
    ]
    pku = [row[0].paper for row in TABLES['table3'].rows.values() if row[0].paper]
    assert pku[2] == {'ntu60_xsub': 51.1, 'ntu120_xsub': 52.3}


def test_a_row_is_on_the_encoder_and_protocol_of_its_own_paper():
    (aimclr,), (isc,) = (TABLES['table1'].rows[name] for name in ('AimCLR', 'ISC'))
    assert (aimclr.encoder, aimclr.protocol) == ('stgcn_clr', 'linear_clr')
    assert (isc.encoder, isc.protocol) == ('bigru_plain', 'linear')
    assert TABLES['table4'].rows['3s-CrosSCLR'][2].protocol == 'semi_clr10'
    assert TABLES['table4'].rows['3s-CMD'][2].protocol == 'semi10'
    assert TABLES['table2'].rows['P&C'][0].protocol == 'knn_pc'
    assert TABLES['table2'].rows['CMD'][0].protocol == 'knn'
    assert TABLES['table1'].encoders >= {'stgcn_clr', 'bigru_plain'}


@pytest.mark.parametrize(
    ('table', 'label'), [('table1', 'SeBiReNet'), ('table4', 'ASSL'), ('table4', '3s-Colorization')]
)
def test_row_without_usable_code_has_a_reason_and_no_run(table, label):
    cells = TABLES[table].rows[label]
    assert {cell.method for cell in cells} == {None}
    assert all(cell.reason for cell in cells)
    assert not {cell.method for cell in TABLES[table].cells} & {label, None}


def test_a_table_can_be_cut_to_some_methods():
    table = TABLES['baselines'].only(['CMD'])
    assert {cell.method for cell in table.cells} == {'CMD'}
    assert list(table.rows) == list(TABLES['baselines'].rows)
    assert list(TABLES['methods'].only(['raw', 'CMD']).rows) == ['raw', 'CMD']


def test_unknown_method_is_told():
    with pytest.raises(InputError, match="no method 'SimCLR'; methods are MoCo; J<-B"):
        get_method('SimCLR')
