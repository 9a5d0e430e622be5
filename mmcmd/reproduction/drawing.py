"""Draw the features of the runs of a reproduction."""

from collections.abc import Sequence
from pathlib import Path

import torch.nn.functional as F

from mmcmd.apis.inference import build_loader, extract_features, init_model
from mmcmd.reproduction.runs import Reproduction
from mmcmd.visualization import draw_tsne


def draw_features(
    reproduction: Reproduction,
    methods: Sequence[str],
    streams: Sequence[str],
    out: Path,
    title: str | None = None,
    class_names: Sequence[str] | None = None,
) -> None:
    """Draw a t-SNE of the test features of several methods and streams.

    Args:
        reproduction (Reproduction): A reproduction. The pre-trainings of its first seed must be
            finished.
        methods (Sequence[str]): Names of methods.
        streams (Sequence[str]): Names of streams that all these methods have.
        out (Path): Path of the PNG file to write.
        title (str, optional): Title of the figure. Defaults to one with the name of the data.
        class_names (Sequence[str], optional): Names of the classes. Defaults to the names in the
            annotation file, or to the labels if it has no names.
    """
    features = {}
    for method in methods:
        one = reproduction.pretraining(method, reproduction.seeds[0])
        model = init_model(one.config, one.stage.product)
        loader = build_loader(one.config)
        feats, labels = extract_features(model, loader)
        for stream in streams:
            features[f'{method}, {stream}'] = F.normalize(feats[stream], dim=1).numpy()
    numbers = [str(label) for label in range(one.config.data.num_classes)]
    names = class_names or loader.dataset.metainfo.get('classes') or numbers
    title = title or f't-SNE of test features, {reproduction.data}'
    draw_tsne(features, labels.numpy(), names, title, out)
