"""A user's method and transform: one mask for the batch, and views of different lengths."""

from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from mmcv.transforms import BaseTransform
from mmengine.model import ModuleDict

from mmcmd.models import BasePretrainer
from mmcmd.models.encoder import build_with_features
from mmcmd.models.functional import embedding_std
from mmcmd.registry import MODELS, TRANSFORMS


@TRANSFORMS.register_module()
class ShakeJoints(BaseTransform):
    """Move every joint by its own random vector."""

    def transform(self, results):
        keypoint = results['keypoint']
        shift = results['rng'].normal(scale=0.01, size=keypoint.shape[2:])
        results['keypoint'] = keypoint + shift.astype(np.float32)
        return results


@TRANSFORMS.register_module()
class ShakeJointsGlobally(ShakeJoints):
    """Like ShakeJoints, but with numpy's global generator, which must be refused."""

    def transform(self, results):
        results['keypoint'] = results['keypoint'] + np.float32(np.random.normal())  # noqa: NPY002
        return results


@MODELS.register_module()
class MaskedGroups(BasePretrainer):
    """Short views predict the feature of a long view. In the long view, masked joints are zero."""

    views: ClassVar[dict[str, int]] = {'long': 1, 'short': 2}

    def __init__(self, predictor, **kwargs):
        super().__init__(**kwargs)
        self.predictors = ModuleDict(
            {name: build_with_features(predictor, x) for name, x in self.encoders.items()}
        )

    def loss(self, inputs, data_samples=None):
        long = inputs['long'][:, 0]
        kept = torch.rand(long.shape[3], generator=self.generator) < 0.7
        long = long * kept.to(long)[:, None]
        losses = {}
        for name, encoder in self.encoders.items():
            target = self.predictors[name](encoder(long)).detach().repeat_interleave(2, dim=0)
            predicted = self.predictors[name](encoder(inputs['short'].flatten(0, 1)))
            similarity = F.cosine_similarity(predicted, target, dim=1)
            losses[f'loss_{name}'] = 1 - similarity.mean() * (1 - self.progress)
            losses[f'acc_{name}'] = (similarity > 0).float().mean()
            losses[f'std_{name}'] = embedding_std(F.normalize(predicted, dim=1))
        return losses
