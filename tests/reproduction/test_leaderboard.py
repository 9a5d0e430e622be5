"""The leaderboard plans every method once, and its figures show the results of the runs."""

import json
from collections import Counter

import pytest

from mmcmd.reproduction import leaderboard
from mmcmd.reproduction.papers import METHODS, TABLES
from mmcmd.reproduction.runs import Reproduction

TABLE = TABLES['leaderboard']


@pytest.fixture(autouse=True)
def in_repository(root, monkeypatch):
    monkeypatch.chdir(root)


@pytest.fixture
def small(tmp_path):
    return Reproduction('synthetic_xsub', tmp_path, (0, 1), encoder='bigru')


def test_every_method_of_the_toolbox_is_there_once(root):
    trained = [label for label in TABLE.rows if label not in TABLE.baselines]
    folders = {METHODS[name].config.split('/')[1] for name in trained}
    methods = {path.parent.name for path in root.glob('configs/*/metafile.yml')}
    # MoCo is CMD without distillation, and STARS needs a checkpoint of MAMP.
    assert folders - {'recipes'} == methods - {'moco', 'stars'}
    assert {'MoCo', 'CMD', 'CrosSCLR', 'CrosSCLR-B'} <= set(trained)
    assert all({cell.method for cell in TABLE.rows[name] if cell} == {name} for name in trained)


@pytest.fixture(scope='module')
def planned(root, tmp_path_factory):
    """Return the runs without pre-training and of two methods, with one seed."""
    folder = tmp_path_factory.mktemp('planned')
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        plan = Reproduction('synthetic_xsub', folder, (1,), encoder='bigru_mean', clip_len=32)
        return plan.runs(TABLE.only(['raw', 'random', 'CMD', 'recipe']))


def test_each_run_of_a_row_is_planned_once(planned):
    names = Counter(one.stage.name for one in planned)
    assert set(names.values()) == {1}
    for method in ('CMD', 'recipe'):
        assert [name for name in names if name.startswith(f'{method}, ')] == [
            f'{method}, seed 1',
            f'{method}, linear_whitened, seed 1',
            *(f'{method}, linear_small{labels}, seed 1' for labels in (1, 5, 10)),
        ]
    assert {'raw, dtw, seed 1', 'raw, euclidean10, seed 1', 'raw, minirocket1, seed 1'} <= {*names}


def test_all_encoders_have_the_same_clips(planned):
    own = {'raw, dtw', 'raw, euclidean', 'raw, minirocket'}
    for one in planned:
        frames = 64 if one.stage.name.split(', seed')[0].rstrip('015') in own else 32
        assert one.config.clip_len == frames, one.stage.name
        assert one.config.test_dataloader.dataset.clip_len == frames, one.stage.name
        backbone = one.config.model.get('backbone') or {}
        if backbone.get('type') == 'RawCoordinates':
            assert backbone.clip_len == frames


def test_what_needs_no_training_is_tested_with_its_labels_in_the_gallery(planned):
    stages = {one.stage.name: one for one in planned}
    one = stages['raw, dtw5, seed 1']
    assert one.stage.command[:2] == ['tools/test.py', 'configs/baselines/time_warping.py']
    assert '--encoder' not in one.stage.command
    gallery = one.config.test_cfg.gallery_dataloader.dataset
    assert gallery.subset == {'per_class': 5, 'seed': 1}
    assert gallery.split == 'xsub_train'
    assert 'subset' not in one.config.test_dataloader.dataset
    assert one.config.model.backbone == {'type': 'RawCoordinates', 'clip_len': 64}
    assert gallery.clip_len == one.config.test_dataloader.dataset.clip_len == 64
    assert stages['raw, euclidean, seed 1'].config.test_evaluator.band == 0
    assert stages['raw, minirocket, seed 1'].config.test_evaluator.seed == 1


def test_supervised_training_starts_from_scratch_on_both_encoders(tmp_path):
    others = {}
    for encoder in ('bigru', 'stgcnpp'):
        others[encoder] = Reproduction(
            'synthetic_xsub', tmp_path / encoder, encoder=encoder, others=others
        )
    rows = [TABLE.rows[name][4] for name in ('supervised', 'supervised, ST-GCN++')]
    models = [others['bigru'].chain(cell, 0)[-1].config.model for cell in rows]
    assert [model.backbone.type for model in models] == ['BiGRU', 'STGCN']
    assert {(model.pretrained, model.frozen) for model in models} == {('random', False)}


def finish(one, value, curve=()):
    """Write the files of a finished run, with the same accuracy in all streams."""
    names = ('top1', *(f'{stream}_top1' for stream in ('joint', 'motion', 'bone', '3s')))
    metrics = {f'{prefix}/{name}': value for prefix in ('knn', 'acc') for name in names}
    folder = one.stage.work_dir
    logs = folder / '20260101_000000/vis_data'
    logs.mkdir(parents=True)
    entries = {k: {'last': v, 'best': v, 'best_epoch': 1} for k, v in metrics.items()}
    name = 'results.json' if one.epochs else 'test_results.json'
    (folder / name).write_text(json.dumps(entries))
    if one.epochs:
        one.stage.product.write_bytes(b'weights')
    (folder / 'stage.done').write_text(f'{one.stage.signature} 9\n')
    records = []
    for epoch, value in enumerate(curve, start=1):
        records.append({'epoch': epoch, 'iter': 30 * epoch, 'step': 30 * epoch, 'time': 2.0})
        records.append({'step': epoch, 'knn/3s_top1': value})
    (logs / 'scalars.json').write_text('\n'.join(map(json.dumps, records)))


@pytest.fixture
def drawn(monkeypatch):
    """Return a list that collects the drawn lines. They are still drawn."""
    seen, draw = [], leaderboard.draw_lines

    def see(lines, *args):
        seen.append(lines)
        draw(lines, *args)

    monkeypatch.setattr(leaderboard, 'draw_lines', see)
    return seen


def test_figure_of_minutes_has_the_curve_of_each_pre_training(small, drawn, tmp_path):
    table = TABLE.only(['raw', 'CMD', 'MoCo'])
    for seed in (0, 1):
        shift = 0.1 * seed
        finish(small.pretraining('CMD', seed), 0.8, [0.5 + shift, 0.7 + shift])
        finish(small.pretraining('raw', seed), 0.6)
    out = tmp_path / 'minutes.png'
    assert leaderboard.draw_minutes(small, table, small.records(table), out)
    (lines,) = drawn
    assert set(lines) == {'raw, cosine', 'CMD'}, 'MoCo was not run'
    assert list(lines['CMD'].x) == pytest.approx([1, 2]), '30 iterations of 2 s are a minute'
    assert list(lines['CMD'].mean) == pytest.approx([55, 75])
    assert list(lines['CMD'].spread) == pytest.approx([50**0.5] * 2)
    assert (list(lines['raw, cosine'].mean), lines['raw, cosine'].dashed) == ([60], True)
    assert out.stat().st_size > 5000


def test_figure_of_labels_has_a_point_for_each_number_of_labels(small, drawn, tmp_path):
    table = TABLE.only(['raw'])
    for label, value in (('', 0.9), (1, 0.3), (10, 0.6)):
        for seed in (0, 1):
            run = small.chain(_cell('raw, time warping', label), seed)[-1]
            finish(run, value)
            if label:
                run = small.chain(_cell('MiniRocket', label), seed)[-1]
                finish(run, value + 0.02 * seed)
    out = tmp_path / 'labels.png'
    assert leaderboard.draw_labels(table, small.records(table), 'synthetic_xsub', out)
    (lines,) = drawn
    assert set(lines) == {'MiniRocket', 'raw, time warping'}
    assert (list(lines['MiniRocket'].x), list(lines['MiniRocket'].mean)) == (
        [0, 2],
        pytest.approx([31, 61]),
    )
    assert list(lines['MiniRocket'].spread) == pytest.approx([2**0.5] * 2)
    assert lines['MiniRocket'].dashed
    assert list(lines['raw, time warping'].x) == [0, 2, 3]
    assert out.stat().st_size > 5000


def _cell(row, label):
    """Return the cell of a row for three streams, with a number of labels or with all."""
    wanted = f'{label} label{"s" * (label != 1)}, 3s' if label else None
    cells = dict(zip(TABLE.columns, TABLE.rows[row], strict=True))
    return cells[wanted] if wanted else cells['linear, 3s'] or cells['knn, 3s']


def test_nothing_is_drawn_of_nothing(small, tmp_path):
    table = TABLE.only(['CMD'])
    records = small.records(table)
    assert not leaderboard.draw_minutes(small, table, records, tmp_path / 'a.png')
    assert not leaderboard.draw_labels(table, records, 'synthetic_xsub', tmp_path / 'b.png')
    assert not list(tmp_path.glob('*.png'))
