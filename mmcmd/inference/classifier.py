"""Classify recordings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from mmcmd.errors import InputError
from mmcmd.inference.base import SkeletonInferencer
from mmcmd.inference.recordings import Recording


@dataclass(frozen=True)
class Prediction:
    """Classes of one recording.

    Attributes:
        name (str): Name of the recording.
        label (int): The most probable class.
        class_name (str): Its name, ``'class N'`` if the names are not known.
        probability (float): Its probability.
        probabilities (np.ndarray): Probability of each class, from all streams together, shape
            (classes,).
        streams (dict[str, np.ndarray]): Probabilities by stream, each of shape (classes,).
        true_label (int): Class in the file, -1 if there is none.
    """

    name: str
    label: int
    class_name: str
    probability: float
    probabilities: np.ndarray
    streams: dict[str, np.ndarray]
    true_label: int


class ActionInferencer(SkeletonInferencer):
    """Classify recordings: turn arrays or files into labels with probabilities.

    Args:
        checkpoint (str | Path): Checkpoint of a classifier, for example of a linear evaluation.
        *args: Further arguments of :class:`SkeletonInferencer`.
        classes (Sequence[str], optional): Names of the classes. Defaults to those in the
            checkpoint.
        **kwargs: Further arguments of :class:`SkeletonInferencer`.

    Raises:
        InputError: If the checkpoint holds no classifier, or there are more or fewer names than
            classes.
    """

    classifier: ClassVar[bool] = True

    def __init__(
        self, checkpoint: str, *args: Any, classes: Sequence[str] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(checkpoint, *args, **kwargs)
        head = next(iter(self.model.heads.values()))
        self.num_classes = head.fc.out_features
        if classes is not None and len(classes) != self.num_classes:
            raise InputError(
                f'{checkpoint} has {self.num_classes} classes, but {len(classes)} names are given'
            )
        known = list(classes or self.recipe.classes)[: self.num_classes]
        self.classes = known + [f'class {x}' for x in range(len(known), self.num_classes)]

    @torch.no_grad()
    def forward(self, inputs: tuple[dict, Sequence[Recording]], **kwargs: Any) -> list[Prediction]:
        """Classify a batch.

        Args:
            inputs (tuple): A batch and its recordings, from :meth:`preprocess`.
            **kwargs: They are not used.

        Returns:
            list[Prediction]: One for each recording of the batch.
        """
        batch, recordings = inputs
        batch = self.model.data_preprocessor(batch)
        scores = self.model.scores(batch['inputs'], batch['data_samples'])
        fused = self.model.fuse(scores).cpu().numpy()
        streams = {name: x.softmax(dim=1).cpu().numpy() for name, x in scores.items()}
        return [
            Prediction(
                recording.name,
                label := int(row.argmax()),
                self.classes[label],
                float(row[label]),
                row,
                {name: x[index] for name, x in streams.items()},
                recording.label,
            )
            for index, (recording, row) in enumerate(zip(recordings, fused, strict=True))
        ]

    def postprocess(
        self, preds: list, visualization: Any, return_datasample: bool = False, **kwargs: Any
    ) -> list[Prediction]:
        """Return the predictions of all batches, one for each recording."""
        return preds
