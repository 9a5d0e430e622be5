"""`tools/misc/extract_features.py` writes the features of the API with names of sequences."""

import numpy as np
import pytest
from mmengine.config import Config

from mmcmd.apis import build_loader, extract_features, init_model

TOOL = 'misc/extract_features.py'


def test_file_holds_features_labels_and_names(
    root, run_tool, tiny_command, tiny_options, pretrained, tmp_path
):
    checkpoint, out = pretrained / 'epoch_2.pth', tmp_path / 'new' / 'features.npz'
    status, text, stderr = run_tool(TOOL, *tiny_command(checkpoint, '--out', out))
    assert status == 0, stderr
    assert 'joint (9, 8), motion (9, 8), bone (9, 8)' in text
    with np.load(out) as file:  # without pickle
        found = dict(file)
    assert found['names'].tolist() == [f'sample{index:02d}' for index in range(15, 24)]
    assert found['labels'].tolist() == [index % 4 for index in range(15, 24)]

    config = Config.fromfile(root / 'configs/cmd/cmd_bigru_ntu60_xsub.py')
    config.merge_from_dict(dict(tiny_options))
    features, _ = extract_features(init_model(config, checkpoint), build_loader(config))
    for name, rows in features.items():
        np.testing.assert_array_equal(found[name], rows.numpy())


@pytest.mark.parametrize(('loader', 'number'), [('gallery', 15), ('train', 15)])
def test_names_belong_to_their_sequences(
    loader, number, run_tool, tiny_command, pretrained, tmp_path
):
    out = tmp_path / 'features.npz'
    command = tiny_command(pretrained / 'epoch_2.pth', '--out', out, '--loader', loader)
    assert run_tool(TOOL, *command)[0] == 0
    with np.load(out) as file:
        names, labels = file['names'].tolist(), file['labels'].tolist()
    assert len(names) == len(set(names)) == number
    assert [int(name[-2:]) % 4 for name in names] == labels
    assert (names == sorted(names)) == (loader == 'gallery'), 'training data are shuffled'


def test_published_file_gives_the_same_features(run_tool, tiny_command, pretrained, tmp_path):
    checkpoint = pretrained / 'epoch_2.pth'
    assert run_tool('model_converters/publish_model.py', checkpoint, tmp_path / 'x.pth')[0] == 0
    (small,) = tmp_path.glob('x-*.pth')
    found = []
    for source in (checkpoint, small):
        out = tmp_path / f'{source.stem}.npz'
        assert run_tool(TOOL, *tiny_command(source, '--out', out))[0] == 0
        with np.load(out) as file:
            found.append(dict(file))
    for name, values in found[0].items():
        np.testing.assert_array_equal(values, found[1][name])


def test_mistakes(run_tool, tiny_command, tmp_path, check_mistake, pretrained):
    (tmp_path / 'text.pth').write_text('no checkpoint')
    out = tmp_path / 'x.npz'
    for source, options, part in (
        (tmp_path / 'no.pth', ('--out', out), 'no.pth does not exist'),
        (tmp_path / 'text.pth', ('--out', out), 'text.pth is not a readable checkpoint'),
        (pretrained / 'epoch_2.pth', ('--out', tmp_path / 'x.txt'), 'must end in .npz'),
        (tmp_path / 'no.pth', ('--out', out, '--loader', 'smell'), "invalid choice: 'smell'"),
    ):
        outcome = run_tool(TOOL, *tiny_command(source, *options))
        check_mistake(outcome, 'extract_features.py', part)
    assert not out.exists()
