"""The part of a model that is exported, as a single module."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn

from mmcmd.errors import InputError
from mmcmd.inference import ActionInferencer, SkeletonEncoderInferencer
from mmcmd.inference.checkpoints import Recipe
from mmcmd.io.checkpoint import check_architecture
from mmcmd.models import ProjectionNeck, SkeletonClassifier, StreamModel
from mmcmd.registry import MODELS

OUTPUTS = ('feature', 'projection', 'scores')
_NECK = ('hidden.weight', 'hidden.bias', 'out.weight', 'out.bias')


class ExportableModel(nn.Module):
    """All streams of a model in one module, which returns one output per stream.

    Args:
        model (StreamModel): The model.
        output (str): ``'feature'`` is the feature before the projection. ``'projection'`` is the
            embedding that a contrastive method compares. ``'scores'`` are the class probabilities
            of each stream and, if there are n > 1 streams, of their fusion, with the name ``{n}s``.
        necks (Mapping[str, nn.Module], optional): Projections by stream, for ``'projection'``.
        normalize (bool): Divide projections by their length. Defaults to True.
    """

    def __init__(
        self,
        model: StreamModel,
        output: str = 'feature',
        necks: Mapping[str, nn.Module] | None = None,
        normalize: bool = True,
    ) -> None:
        super().__init__()
        self.model = model
        self.output = output
        self.necks = nn.ModuleDict(necks or {})
        self.normalize = normalize

    @property
    def output_names(self) -> list[str]:
        """Names of the outputs, in their order."""
        streams = list(self.model.evaluated_streams)
        fused = self.output == 'scores' and len(streams) > 1
        return [*streams, f'{len(streams)}s'] if fused else streams

    @property
    def clip_shape(self) -> tuple[int, int, int]:
        """Persons, joints and coordinates of a clip: (M, V, C)."""
        return self.model.encoders[self.model.streams[0]].frame_shape

    def forward(self, keypoint: Tensor, valid_frames: Tensor | None = None) -> dict[str, Tensor]:
        """Encode clips.

        Args:
            keypoint (Tensor): Joint coordinates after the pre-processing, float32, shape
                (N, M, T, V, C).
            valid_frames (Tensor, optional): Number of valid frames of each clip, int64, shape (N,).

        Returns:
            dict[str, Tensor]: Features (N, D), projections (N, D) or probabilities (N, classes), by
            :attr:`output_names`.
        """
        outputs = {
            name: self.model.extract_feat(keypoint, name, valid_frames)
            for name in self.model.evaluated_streams
        }
        if self.output == 'projection':
            outputs = {name: self.necks[name](x) for name, x in outputs.items()}
            if self.normalize:
                outputs = {name: F.normalize(x, dim=1) for name, x in outputs.items()}
        elif self.output == 'scores':
            scores = {name: self.model.heads[name](x) for name, x in outputs.items()}
            outputs = {name: x.softmax(dim=1) for name, x in scores.items()}
            if len(scores) > 1:
                outputs[f'{len(scores)}s'] = self.model.fuse(scores)
        return outputs


def load_exportable(
    checkpoint: str | Path,
    output: str | None = None,
    streams: Sequence[str] | None = None,
    config: str | Path | Config | None = None,
) -> tuple[ExportableModel, Recipe]:
    """Build the module that is exported from a checkpoint.

    Args:
        checkpoint (str | Path): Checkpoint of a training, or a published checkpoint.
        output (str, optional): One of :data:`OUTPUTS`. Defaults to ``'scores'`` for a classifier,
            and to ``'feature'`` for any other model.
        streams (Sequence[str], optional): Names of the streams. Defaults to all that an evaluation
            takes.
        config (str | Path | Config, optional): Config that the checkpoint was trained with. It is
            needed if the checkpoint is from before version 0.2 and does not describe its encoders.

    Returns:
        tuple[ExportableModel, Recipe]: The module in ``eval()`` and without gradients, and the
        recipe for its inputs.

    Raises:
        InputError: If the checkpoint cannot be loaded, or has no such output.
    """
    if output not in (None, *OUTPUTS):
        raise InputError(f'output must be one of {", ".join(OUTPUTS)}, but got {output!r}')
    name = str(checkpoint)
    loaded = CheckpointLoader.load_checkpoint(name, 'cpu', logger='silent')
    method = ((loaded.get('meta') or {}).get('encoder') or {}).get('method')
    if output is None:
        output = 'scores' if method == SkeletonClassifier.__name__ else 'feature'
    inferencer = ActionInferencer if output == 'scores' else SkeletonEncoderInferencer
    used = inferencer(name, device='cpu', streams=streams, config=config)
    model, recipe = used.model, used.recipe
    necks, normalize = {}, True
    if output == 'projection':
        state = loaded.get('state_dict', loaded)
        necks = {x: _neck_of(name, state, x, recipe.method) for x in model.evaluated_streams}
        normalize = getattr(MODELS.get(recipe.method), 'normalize', True)
    exportable = ExportableModel(model, output, necks, normalize)
    return exportable.eval().requires_grad_(False), recipe


def _neck_of(source: str, state: Mapping[str, Tensor], stream: str, method: str) -> ProjectionNeck:
    """Build the projection of a stream with the sizes of its weights.

    Raises:
        InputError: If there is no projection, or it is not a :class:`ProjectionNeck`.
    """
    prefix = f'necks.{stream}.'
    found = {key.removeprefix(prefix): x for key, x in state.items() if key.startswith(prefix)}
    if not found:
        raise InputError(
            f'{source} has no projection of the stream {stream!r}; give the checkpoint of a '
            'contrastive pre-training (`mmcmd publish` keeps projections only with --keep-all), '
            'or export the feature'
        )
    if not set(_NECK) <= set(found):
        raise InputError(
            f'the projection of {method} for the stream {stream!r} is not a ProjectionNeck and '
            'cannot be exported; export the feature'
        )
    sizes: dict[str, Any] = {
        'in_channels': found['hidden.weight'].shape[1],
        'hidden_channels': len(found['hidden.bias']),
        'out_channels': len(found['out.bias']),
        'with_norm': any(key.startswith('norm.') for key in found),
    }
    neck = ProjectionNeck(**sizes)
    check_architecture(neck.state_dict(), found, f'{source} (necks.{stream})')
    neck.load_state_dict(found)
    return neck


def example_inputs(
    exportable: ExportableModel, batch: int, num_frames: int, counts_valid: bool, seed: int = 0
) -> dict[str, Tensor]:
    """Draw random clips. In the last clip, all persons except the first are missing.

    Args:
        exportable (ExportableModel): The module, which gives the shape (M, V, C) of a clip.
        batch (int): Number of clips N.
        num_frames (int): Number of frames T.
        counts_valid (bool): Whether there is an input ``valid_frames``.
        seed (int): Random seed. Defaults to 0.

    Returns:
        dict[str, Tensor]: Arguments of :meth:`ExportableModel.forward`.
    """
    generator = torch.Generator().manual_seed(seed)
    persons, joints, channels = exportable.clip_shape
    shape = batch, persons, num_frames, joints, channels
    keypoint = torch.randn(shape, generator=generator)
    keypoint[-1, 1:] = 0
    inputs = {'keypoint': keypoint}
    if counts_valid:
        inputs['valid_frames'] = torch.randint(1, num_frames + 1, (batch,), generator=generator)
    return inputs
