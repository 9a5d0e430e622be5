"""Arrays and files give the same features as the loaders."""

import numpy as np
import pytest
import torch

from mmcmd.apis import build_loader, extract_features, init_model, load_config
from mmcmd.datasets.transforms.map_layout import MapLayout
from mmcmd.errors import InputError
from mmcmd.inference import PickleRecordings, Recording, SkeletonEncoderInferencer
from mmcmd.io.publish import published
from mmcmd.skeletons import get_layout

STGCN = {
    'type': 'STGCN',
    'base_channels': 4,
    'num_stages': 2,
    'graph_cfg': {'mode': 'stgcn_spatial'},
}


@pytest.fixture(scope='module')
def encoder(encoder_file):
    return SkeletonEncoderInferencer(encoder_file, 'cpu')


def same(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ('encoder', 'pipelines', 'backbone'),
    [
        ('bigru', 'cmd', {'hidden_size': 4, 'num_layers': 1}),
        ('stgcn_clr', 'frame50', {'_delete_': True, **STGCN}),
        ('bigru_ms2l', 'ms2l', {'hidden_size': 4, 'num_layers': 1}),  # with valid frames
        ('lstm_ascal', 'ascal', {'hidden_size': 4}),
    ],
)
def test_features_are_those_of_the_loader(
    make_config, save_checkpoint, tiny_pickle, encoder, pipelines, backbone
):
    cfg = make_config(encoder, pipelines, **{'model.backbone': backbone})
    file = save_checkpoint(cfg)
    wanted, labels = extract_features(init_model(cfg, file), build_loader(cfg))
    found = SkeletonEncoderInferencer(file, 'cpu', batch_size=4)(tiny_pickle, split='xsub_val')
    assert list(found.streams) == list(wanted) == ['joint', 'motion', 'bone']
    assert found.labels.tolist() == labels.tolist()
    assert found.names == [f'sample{index:02d}' for index in range(15, 24)]
    for name, rows in wanted.items():
        same(found[name], rows.numpy())
        assert rows.std(dim=0).max() > 1e-4  # the sequences differ


def test_features_are_those_of_a_training_s_checkpoint(pretrained, root, tiny_options, tiny_pickle):
    cfg_file = root / 'configs/cmd/cmd_bigru_ntu60_xsub.py'
    cfg = load_config(cfg_file, options=tiny_options | {'clip_len': 64})
    file = pretrained / 'epoch_2.pth'
    wanted, _ = extract_features(init_model(cfg, file), build_loader(cfg))
    found = SkeletonEncoderInferencer(file, 'cpu')(tiny_pickle, split='xsub_val')
    for name, rows in wanted.items():
        same(found[name], rows.numpy())


def test_an_array_a_list_a_tensor_and_a_recording_give_the_same(encoder, joints):
    wanted = encoder(joints)
    assert (len(wanted), wanted['joint'].shape) == (1, (1, 8))
    for form in (
        [joints],
        joints[None],
        joints.astype(np.float64),
        torch.from_numpy(joints),
        Recording(joints[None], 'mine'),
        [Recording(joints[None], 'mine', get_layout('ntu'))],
    ):
        same(encoder(form)['bone'], wanted['bone'])


def test_input_is_not_changed(encoder, joints):
    before = joints.copy()
    encoder(joints)
    np.testing.assert_array_equal(joints, before)


def test_mixed_inputs_keep_their_order(encoder, joints, tiny_pickle):
    part = PickleRecordings(tiny_pickle, 'xsub_val')
    found = encoder([joints, str(tiny_pickle), part[2], joints * 2])
    assert len(found) == 1 + 24 + 1 + 1
    same(found['joint'][25], encoder(part[2])['joint'][0])
    same(found['joint'][0], encoder(joints)['joint'][0])
    assert (found.names[0], found.names[26]) == ('array 0', 'array 3')


def test_numbers_do_not_depend_on_the_batch(encoder, tiny_pickle):
    whole, single = encoder(tiny_pickle), encoder(tiny_pickle, batch_size=1)
    for name in whole.streams:
        same(whole[name], single[name])


def test_no_recordings_give_no_rows(encoder):
    assert encoder([])['joint'].shape == (0, 8)


def test_one_stream_is_encoded_alone(encoder, encoder_file, joints):
    alone = SkeletonEncoderInferencer(encoder_file, 'cpu', streams=['motion'])
    found = alone(joints)
    assert list(found.streams) == ['motion']
    same(found['motion'], encoder(joints)['motion'])
    assert alone.hashes == {'motion': encoder.hashes['motion']}


def test_products_of_fused_features_are_mean_cosine_similarities(encoder, tiny_pickle):
    features = encoder(tiny_pickle)
    cosines = []
    for rows in features.streams.values():
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        cosines.append(rows @ rows.T)
    same(features.fused @ features.fused.T, np.mean(cosines, axis=0))
    assert list(features.to_dict()) == ['joint', 'motion', 'bone', '3s']


@pytest.mark.parametrize(('layout', 'missing'), [('azure_kinect', None), ('kinect_v1', 'nearest')])
def test_joints_of_another_layout_are_mapped(encoder_file, layout, missing):
    rng = np.random.default_rng(0)
    joints = rng.normal(size=(1, 12, get_layout(layout).num_joints, 3)).astype(np.float32)
    mapped = MapLayout('ntu', missing)({'keypoint': joints, 'layout': layout})['keypoint']
    encoder = SkeletonEncoderInferencer(encoder_file, 'cpu', map_joints=missing)
    same(encoder(joints, layout=layout)['joint'], encoder(mapped)['joint'])


def test_layout_that_lacks_joints_is_told(encoder):
    with pytest.raises(InputError, match=r"the array: layout 'kinect_v1' cannot .* hand_tip_left"):
        encoder(np.ones((4, 20, 3)), layout='kinect_v1')


def test_checkpoint_from_before_version_02_needs_a_config(
    encoder_file, make_config, tiny_bigru, tmp_path, joints
):
    state = torch.load(encoder_file, weights_only=True)['state_dict']
    torch.save({'state_dict': state}, tmp_path / 'old.pth')
    with pytest.raises(InputError, match=r'old\.pth does not describe its encoders.*config='):
        SkeletonEncoderInferencer(tmp_path / 'old.pth', 'cpu')
    cfg = make_config(**tiny_bigru)
    old = SkeletonEncoderInferencer(tmp_path / 'old.pth', 'cpu', config=cfg)
    new = SkeletonEncoderInferencer(encoder_file, 'cpu')
    same(old(joints)['joint'], new(joints)['joint'])
    assert old.hashes == new.hashes


def test_hash_tells_encoders_apart(
    encoder, encoder_file, classifier_file, make_config, save_checkpoint, tiny_bigru, tmp_path
):
    whole = torch.load(encoder_file, weights_only=True)
    torch.save(published(whole, 'x'), tmp_path / 'published.pth')
    assert SkeletonEncoderInferencer(tmp_path / 'published.pth', 'cpu').hashes == encoder.hashes
    others = (
        save_checkpoint(make_config(**tiny_bigru), seed=1),
        save_checkpoint(make_config(clip_len=9, **tiny_bigru)),
        save_checkpoint(make_config(pipelines='small', **tiny_bigru)),
    )
    hashes = [SkeletonEncoderInferencer(file, 'cpu').hashes['joint'] for file in others]
    assert encoder.hashes['joint'] not in hashes  # the pipelines of small data do not turn bodies
    # The classifier was built with the same seed, so its encoders are the same.
    assert SkeletonEncoderInferencer(classifier_file, 'cpu').hashes == encoder.hashes


def nan_at(joints):
    broken = joints.copy()
    broken[4, 7, 1] = np.nan
    return broken


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda x: x[0], r'the array has shape \(25, 3\), expected \(T, V, C\)'),
        (lambda x: x[None, None], r'give several recordings as a list'),
        (lambda x: x[:, :20], r'20 joints, .* 25 joints .*=NAME \(layouts with 20: kinect_v1'),
        (lambda x: x[..., :2], 'has 2 coordinates per joint, but the encoder takes 3'),
        (nan_at, r'NaN or infinite \(person 0, frame 4, joint 7\)'),
        (lambda x: x[:0], 'has no frames'),
        (lambda x: x * 0, 'all coordinates are zero'),
        (lambda x: x.astype('U9'), 'holds <U9, expected numbers'),
        (lambda x: [x, x[:0]], 'array 1 has no frames'),
        (lambda x: Recording(x[None] * np.inf, 'mine'), 'mine: a coordinate is NaN'),
    ],
)
def test_array_that_is_no_recording_is_told(encoder, joints, change, message):
    with np.errstate(invalid='ignore'), pytest.raises(InputError, match=message) as error:
        encoder(change(joints))
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'streams': ['bones']}, "no stream 'bones'; it has joint, motion, bone"),
        ({'batch_size': 0}, 'batch_size must be at least 1'),
    ],
)
def test_wrong_option_is_told(encoder_file, options, message):
    with pytest.raises(InputError, match=message):
        SkeletonEncoderInferencer(encoder_file, 'cpu', **options)


def test_random_numbers_of_the_program_go_on_as_before(encoder_file, joints):
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    SkeletonEncoderInferencer(encoder_file, 'cpu')(joints)
    assert torch.equal(torch.rand(3), expected)


def test_file_without_encoders_is_told(tmp_path):
    torch.save({'state_dict': {'fc.weight': torch.zeros(2)}}, tmp_path / 'other.pth')
    with pytest.raises(InputError, match=r'other\.pth holds no encoders'):
        SkeletonEncoderInferencer(tmp_path / 'other.pth', 'cpu')


def test_long_work_shows_progress_on_stderr(encoder_file, tiny_pickle, joints, capfd):
    encoder = SkeletonEncoderInferencer(encoder_file, 'cpu', batch_size=8)
    encoder(joints)
    assert capfd.readouterr() == ('', '')
    encoder(tiny_pickle)
    out, err = capfd.readouterr()
    assert (out, 'encoding' in err) == ('', True)
    quiet = SkeletonEncoderInferencer(encoder_file, 'cpu', batch_size=8, show_progress=False)
    quiet(tiny_pickle)
    assert capfd.readouterr() == ('', '')
