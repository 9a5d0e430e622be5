"""`tools/misc/browse_dataset.py` draws each view of each sequence in each modality."""

import os
import pickle

import pytest
from matplotlib.figure import Figure
from PIL import Image

TOOL = 'misc/browse_dataset.py'


def test_animations_have_a_frame_for_each_of_the_clip(run_tool, tiny_command, tmp_path):
    out = tmp_path / 'pictures'
    status, text, stderr = run_tool(TOOL, *tiny_command('--out', out, '--number', '2'))
    assert status == 0, stderr
    assert f'2 pictures in {out}' in text
    assert sorted(os.listdir(out)) == ['00000_sample00.gif', '00014_sample14.gif']
    with Image.open(out / '00000_sample00.gif') as image:
        assert image.n_frames == 8
        assert image.size[0] < image.size[1], 'two views beside each other, three modalities below'


def test_pictures_depend_on_seed_and_epoch_alone(run_tool, tiny_command, tmp_path):
    def picture(name, *options):
        out = tmp_path / name
        options = '--out', out, '--number', '1', '--format', 'png', *options
        command = tiny_command(*options, **{'model.modalities': '[joint]'})
        assert run_tool(TOOL, *command)[0] == 0
        (file,) = out.iterdir()
        assert file.name == '00000_sample00.png'
        return file.read_bytes()

    assert picture('a') == picture('b')
    assert picture('a') != picture('c', '--epoch', '1')
    assert picture('a') != picture('d', '--seed', '1')


@pytest.mark.parametrize(('loader', 'last'), [('val', 'sample23'), ('gallery', 'sample14')])
def test_other_loaders_have_one_view(loader, last, run_tool, tiny_command, tmp_path):
    options = '--out', tmp_path / 'x', '--number', '2', '--loader', loader, '--format', 'png'
    assert run_tool(TOOL, *tiny_command(*options))[0] == 0
    file = sorted((tmp_path / 'x').iterdir())[-1]
    assert file.stem.endswith(last)
    with Image.open(file) as image:
        assert image.size[0] > image.size[1], 'eight frames beside each other, three rows'


def test_mistakes(root, run_tool, tiny_command, tmp_path, check_mistake):
    for options, part in (
        (('--loader', 'smell'), "invalid choice: 'smell'"),
        (('--number', '0'), '--number must be at least 1, got 0'),
    ):
        outcome = run_tool(TOOL, *tiny_command('--out', tmp_path / 'x', *options))
        check_mistake(outcome, 'browse_dataset.py', part)
    linear = root / 'configs/benchmarks/linear.py'
    outcome = run_tool(TOOL, linear, '--out', tmp_path / 'x', '--loader', 'gallery')
    check_mistake(outcome, 'browse_dataset.py', 'no test_cfg.gallery_dataloader')
    assert not (tmp_path / 'x').exists()


def test_titles_have_class_names_and_rows_say_what_is_augmented(
    run_tool, tiny_command, tiny_pickle, tmp_path, monkeypatch
):
    data = pickle.loads(tiny_pickle.read_bytes()) | {'classes': ['wave', 'sit', 'jump', 'clap']}
    named = tmp_path / 'named.pkl'
    named.write_bytes(pickle.dumps(data, protocol=4))
    texts, save = [], Figure.savefig

    def savefig(figure, *args, **kwargs):
        rows = [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()]
        texts.append((figure.get_suptitle(), rows))
        save(figure, *args, **kwargs)

    monkeypatch.setattr(Figure, 'savefig', savefig)
    for loader in ('train', 'val'):
        files = {f'{loader}_dataloader.dataset.ann_file': named, 'model.modalities': '[joint]'}
        options = '--out', tmp_path / 'x', '--number', '1', '--loader', loader, '--format', 'png'
        status, _, err = run_tool(TOOL, *tiny_command(*options, **files))
        assert status == 0, err
    assert texts == [
        (
            'sample00, wave (label 0)',
            ['view 1, augmented\njoint', 'view 2, augmented\njoint'],
        ),
        ('sample15, clap (label 3)', ['view 1, not augmented\njoint']),
    ]


def test_file_in_place_of_the_folder_is_told(run_tool, tiny_command, tmp_path, check_mistake):
    file = tmp_path / 'README.md'
    file.write_text('kept')
    outcome = run_tool(TOOL, *tiny_command('--out', file))
    check_mistake(outcome, 'browse_dataset.py', f'--out {file} is a file, expected a folder')
    assert file.read_text() == 'kept'
