"""The inputs of a method: views in groups, valid frames, ids, and the training progress."""

from typing import ClassVar

import numpy as np
import pytest
import torch
from mmaction.datasets.transforms import PackActionInputs
from torch.utils.data import DataLoader

from mmcmd.datasets import SkeletonDataset, stack_inputs
from mmcmd.datasets.transforms import MultiView
from mmcmd.errors import InputError
from mmcmd.models import BasePretrainer, FeatureExtractor, SkeletonDataPreprocessor
from mmcmd.structures import get_sample_ids, get_valid_frames

GRU = {'type': 'GRU', 'hidden_size': 4, 'num_layers': 1, 'readout': 'mean'}
CLIP = {'type': 'FormatGCNInput', 'num_person': 2}
META = ('frame_dir', 'sample_idx', 'valid_frames')


class Grouped(BasePretrainer):
    """Takes two long views and three short ones."""

    views: ClassVar = {'long': 2, 'short': 3}

    def loss(self, inputs, data_samples=None):
        self.seen = inputs, data_samples
        features = [
            self.extract_feat(view) for views in inputs.values() for view in views.unbind(dim=1)
        ]
        return {'loss': torch.stack(features).var()}


class Padded(BasePretrainer):
    """Takes one view with padded frames."""

    views: ClassVar = ('view',)

    def loss(self, inputs, data_samples=None):
        self.valid = get_valid_frames(data_samples, inputs.device)
        self.ids = get_sample_ids(data_samples, inputs.device)
        return {'loss': self.extract_feat(inputs[:, 0], valid_frames=self.valid[:, 0]).mean()}


def build(cls):
    torch.manual_seed(0)
    return cls(modalities=('joint',), backbone=GRU)


def batches(pickle, pipeline, keys=((0, 0, 3), (0, 0, 7), (0, 0, 1), (0, 0, 9)), workers=0):
    """Return the batches of four samples from a loader with this pipeline."""
    dataset = SkeletonDataset(str(pickle), pipeline, split='xsub_train', clip_len=25)
    loader = DataLoader(
        dataset, batch_size=4, sampler=keys, collate_fn=stack_inputs, num_workers=workers
    )
    to_device = SkeletonDataPreprocessor()
    return [to_device(batch) for batch in loader]


def view(length, **options):
    crop = {'type': 'TemporalCropResize', 'ratio': (0.5, 1.0), 'min_frames': 1}
    transforms = [crop, {'type': 'Shear'}, {'type': 'ResizeFrames', 'num_frames': length}, CLIP]
    return {'transforms': transforms, **options}


def grouped(long=2, short=3):
    views = [view(12, num_views=long, group='long'), view(5, num_views=short, group='short')]
    return [
        {'type': 'MultiView', 'views': views},
        {'type': 'PackActionInputs', 'collect_keys': ('long', 'short'), 'meta_keys': META},
    ]


@pytest.mark.parametrize('workers', [0, 1])
def test_groups_of_different_length_reach_the_model(tiny_pickle, mmcmd_scope, workers):
    (batch,) = batches(tiny_pickle, grouped(), workers=workers)
    shapes = {name: tuple(x.shape) for name, x in batch['inputs'].items()}
    assert shapes == {'long': (4, 2, 2, 12, 25, 3), 'short': (4, 3, 2, 5, 25, 3)}
    assert {x.dtype for x in batch['inputs'].values()} == {torch.float32}
    short = batch['inputs']['short'].flatten(2)
    assert torch.pdist(short.flatten(0, 1)).min() > 1e-3, 'no two views are alike'

    model = build(Grouped)
    loss = model(**batch, mode='loss')['loss']
    loss.backward()
    assert all(x.grad is not None for x in model.parameters())
    assert model.seen[0] is batch['inputs']
    ids = get_sample_ids(batch['data_samples'], torch.device('cpu'))
    assert ids.tolist() == [3, 7, 1, 9]


def test_training_step_of_mmengine_takes_groups(tiny_pickle, mmcmd_scope):
    from mmengine.optim import OptimWrapper

    model = build(Grouped)
    dataset = SkeletonDataset(str(tiny_pickle), grouped(), split='xsub_train', clip_len=12)
    data = stack_inputs([dataset[0, 0, index] for index in range(4)])
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    before = [x.clone() for x in model.parameters()]
    logged = model.train_step(data, wrapper)
    assert logged['loss'].isfinite()
    assert not all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_a_view_does_not_change_with_the_views_after_it(tiny_pickle, mmcmd_scope):
    (few,), (more,) = (batches(tiny_pickle, grouped(short=n)) for n in (1, 3))
    assert torch.equal(few['inputs']['long'], more['inputs']['long'])
    assert torch.equal(few['inputs']['short'], more['inputs']['short'][:, :1])


def test_views_of_several_pipelines_without_groups_are_one_tensor():
    plain = {'transforms': [{'type': 'ResizeFrames', 'num_frames': 6}, CLIP]}
    other = {'transforms': [{'type': 'Shear'}, *plain['transforms']], 'num_views': 2}
    keypoint = np.random.default_rng(0).normal(size=(2, 10, 25, 3)).astype(np.float32)
    sample = {'keypoint': keypoint, 'rng': np.random.default_rng(0)}
    result = MultiView([plain, other])(dict(sample))['keypoint']
    assert result.shape == (3, 2, 6, 25, 3)
    untouched = MultiView([plain])({**sample, 'rng': np.random.default_rng(0)})['keypoint'][0]
    np.testing.assert_array_equal(result[0], untouched)
    assert not np.array_equal(result[1], result[2])


@pytest.mark.parametrize(
    ('views', 'message'),
    [
        ([{'transforms': [CLIP], 'number': 2}], 'a view of MultiView is dict'),
        ([{'transforms': []}], 'a view of MultiView is dict'),
        ([{'transforms': [CLIP], 'num_views': 0}], 'a view of MultiView is dict'),
        ([{'transforms': [CLIP]}, {'transforms': [CLIP], 'group': 'b'}], 'have a group or none'),
    ],
)
def test_views_that_make_no_sense_are_told(views, message, mmcmd_scope):
    with pytest.raises(InputError, match=message):
        MultiView(views)


def test_views_of_different_length_need_groups(mmcmd_scope):
    sample = {'keypoint': np.ones((2, 20, 25, 3), np.float32), 'clip_len': 8}
    sample['rng'] = np.random.default_rng(0)
    with pytest.raises(InputError, match='must be in different groups'):
        MultiView([view(6), view(4)])(sample)


def test_wrong_number_of_views_is_one_sentence(tiny_cmd):
    with pytest.raises(InputError) as error:
        tiny_cmd()(torch.zeros(2, 3, 2, 6, 25, 3), mode='loss')
    text = str(error.value)
    assert text.startswith('CMD takes 2 views (query, key) of each sample, but the pipeline makes')
    assert '3 views; set the views of MultiView in train_dataloader.dataset.pipeline' in text
    assert '\n' not in text


@pytest.mark.parametrize(
    ('inputs', 'said'),
    [
        ({'long': 2, 'short': 2}, r'makes the groups long \(2 views\), short \(2 views\)'),
        ({'long': 2}, r'makes the groups long \(2 views\);'),
        (5, 'makes 5 views;'),
    ],
)
def test_wrong_groups_are_one_sentence(inputs, said):
    one = lambda count: torch.zeros(2, count, 2, 6, 25, 3)  # noqa: E731
    given = {k: one(v) for k, v in inputs.items()} if isinstance(inputs, dict) else one(inputs)
    message = rf'Grouped takes the groups long \(2 views\), short \(3 views\) of each .*{said}'
    with pytest.raises(InputError, match=message):
        build(Grouped)(given, mode='loss')


def test_one_tensor_method_refuses_groups(tiny_cmd):
    views = {'long': torch.zeros(2, 2, 2, 6, 25, 3)}
    with pytest.raises(InputError, match=r'CMD takes 2 views .* makes the groups long'):
        tiny_cmd()(views, mode='loss')


# Padded sequences of different lengths, from the pipeline to the feature.

PAD = [{'type': 'PadFrames'}, CLIP, {'type': 'PackActionInputs', 'meta_keys': META}]


def lengths(pickle, indices):
    dataset = SkeletonDataset(str(pickle), [], split='xsub_train')
    return [dataset.get_data_info(i)['keypoint'].shape[1] for i in indices]


def test_valid_frames_reach_the_loss(tiny_pickle, mmcmd_scope):
    (batch,) = batches(tiny_pickle, PAD)
    model = build(Padded)
    model(**batch, mode='loss')
    expected = [min(x, 25) for x in lengths(tiny_pickle, (3, 7, 1, 9))]
    assert model.valid.tolist() == [[x] for x in expected]
    assert len(set(expected)) > 1, 'some are shorter than the clip'
    assert model.ids.tolist() == [3, 7, 1, 9]


def test_valid_frames_reach_the_prediction(tiny_pickle, mmcmd_scope):
    (batch,) = batches(tiny_pickle, PAD)
    torch.manual_seed(0)
    model = FeatureExtractor(('joint',), GRU).eval()
    samples = model(**batch, mode='predict')
    for sample, inputs in zip(samples, batch['inputs'], strict=True):
        valid = sample.metainfo['valid_frames']
        alone = model.extract_feat(inputs[:, :, :valid])
        torch.testing.assert_close(sample.feats['joint'], alone[0], msg='as without padding')


def test_valid_frames_of_groups_are_a_number_for_each_view(tiny_pickle, mmcmd_scope):
    pad = [{'type': 'PadFrames'}, CLIP]
    views = [
        {'transforms': pad, 'group': 'long'},
        {'transforms': pad, 'group': 'short', 'num_views': 2},
    ]
    pack = {'type': 'PackActionInputs', 'collect_keys': ('long', 'short'), 'meta_keys': META}
    (batch,) = batches(tiny_pickle, [{'type': 'MultiView', 'views': views}, pack])
    frames = get_valid_frames(batch['data_samples'], torch.device('cpu'))
    expected = [min(x, 25) for x in lengths(tiny_pickle, (3, 7, 1, 9))]
    assert frames['long'].tolist() == [[x] for x in expected]
    assert frames['short'].tolist() == [[x, x] for x in expected]


def test_pipeline_that_pads_nothing_says_nothing(tiny_pickle, mmcmd_scope):
    crop = [{'type': 'TemporalCropResize', 'ratio': 0.95}, CLIP]
    (batch,) = batches(tiny_pickle, [*crop, PackActionInputs(meta_keys=META)])
    assert get_valid_frames(batch['data_samples'], torch.device('cpu')) is None
    assert get_valid_frames(None, torch.device('cpu')) is None


def test_progress_sets_epoch_share_and_draws():
    model = build(Padded)
    assert (model.epoch, model.progress) == (0, 0.0)
    drawn = []
    for seed in (5, 6, 5):
        model.set_progress(3, 0.25, seed)
        drawn.append(torch.rand(4, generator=model.generator))
    assert (model.epoch, model.progress) == (3, 0.25)
    assert torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], drawn[1])
