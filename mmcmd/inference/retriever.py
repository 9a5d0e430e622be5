"""Nearest neighbours of recordings in a gallery."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmcmd.errors import InputError
from mmcmd.inference.base import Source
from mmcmd.inference.encoder import Features, SkeletonEncoderInferencer
from mmcmd.retrieval import MotionIndex, Neighbour, combine
from mmcmd.retrieval.files import DESCRIPTION


class MotionRetriever:
    """Find the motions of a gallery that are most similar to a recording.

    Args:
        checkpoint (str | Path | SkeletonEncoderInferencer): The encoder, or a checkpoint of it.
        gallery (MotionIndex | Source): An index, the folder of an index, or recordings (a file or
            arrays) from which an index is made.
        layout (str | Mapping | Layout, optional): Joint layout of the gallery's recordings, if the
            files do not store it.
        split (str, optional): Name of a split of the gallery's pickle, such as ``'xsub_train'``.
        **options: Further arguments of :class:`SkeletonInferencer`, such as ``device``.

    Attributes:
        encoder (SkeletonEncoderInferencer): Encodes the queries.
        index (MotionIndex): The gallery.

    Raises:
        InputError: If the checkpoint or the gallery cannot be used, or the gallery was made with
            another checkpoint.

    Example:
        >>> retriever = MotionRetriever('encoder.pth', 'gallery.pkl')
        >>> for neighbour in retriever(joints, k=5)[0]:
        ...     neighbour.name, neighbour.distance, neighbour.class_name
    """

    def __init__(
        self,
        checkpoint: str | Path | SkeletonEncoderInferencer,
        gallery: MotionIndex | Source,
        layout: Any = None,
        split: str | None = None,
        **options: Any,
    ) -> None:
        if not isinstance(checkpoint, SkeletonEncoderInferencer):
            checkpoint = SkeletonEncoderInferencer(checkpoint, **options)
        self.encoder = checkpoint
        if isinstance(gallery, MotionIndex):
            gallery.check_encoder(self.encoder.hashes)
            self.index = gallery
        elif isinstance(gallery, (str, os.PathLike)) and Path(gallery, DESCRIPTION).is_file():
            self.index = MotionIndex.open(gallery, self.encoder.hashes)
        else:
            self.index = build_index(self.encoder, gallery, layout=layout, split=split)

    def __call__(
        self,
        inputs: Source | Features,
        k: int = 5,
        stream: str | None = None,
        together: bool = False,
        without: Sequence[str] = (),
        exact: bool = True,
        **options: Any,
    ) -> list[list[Neighbour]]:
        """Return the nearest neighbours of each recording, the nearest first.

        Args:
            inputs (Source | Features): Recordings (arrays, files), or their features.
            k (int): Number of neighbours. Defaults to 5.
            stream (str, optional): Stream that is compared. Defaults to all streams together.
            together (bool): Treat all recordings as examples of one query, which is the mean of
                their unit vectors. Defaults to False.
            without (Sequence[str]): Names of entries that are left out.
            exact (bool): See :meth:`MotionIndex.search`. Defaults to True.
            **options: ``layout``, ``fmt`` and ``split`` of :meth:`SkeletonInferencer.__call__`.

        Raises:
            InputError: If an input cannot be read, or there is no such stream or entry.
        """
        features = inputs if isinstance(inputs, Features) else self.encoder(inputs, **options)
        queries = combine(features.streams) if together else features.streams
        return self.index.search(queries, k, stream, without, exact)

    def like(
        self,
        *names: str,
        k: int = 5,
        stream: str | None = None,
        keep_examples: bool = False,
        exact: bool = True,
    ) -> list[Neighbour]:
        """Return the nearest neighbours of one or several entries of the gallery.

        Args:
            *names (str): Names of entries.
            k (int): Number of neighbours. Defaults to 5.
            stream (str, optional): See :meth:`__call__`.
            keep_examples (bool): Whether the examples themselves may be found. Defaults to False.
            exact (bool): See :meth:`MotionIndex.search`. Defaults to True.

        Raises:
            InputError: If there is no entry with a name, or no name is given.
        """
        if not names:
            raise InputError('give the name of at least one entry')
        rows = [self.index.row(name) for name in names]
        query = combine({stream: x[rows] for stream, x in self.index.vectors.items()})
        without = () if keep_examples else names
        return self.index.search(query, k, stream, without, exact)[0]

    def like_class(
        self, label: int | str, k: int = 5, stream: str | None = None, exact: bool = True
    ) -> list[Neighbour]:
        """Return the entries that are nearest to the mean of a class.

        Args:
            label (int | str): Class number or name.
            k (int): Number of neighbours. Defaults to 5.
            stream (str, optional): See :meth:`__call__`.
            exact (bool): See :meth:`MotionIndex.search`. Defaults to True.

        Raises:
            InputError: If there is no such class, or no entry has it.
        """
        return self.index.search(self.index.of_class(label), k, stream, exact=exact)[0]


def build_index(
    encoder: SkeletonEncoderInferencer,
    inputs: Source,
    layout: Any = None,
    fmt: str | None = None,
    split: str | None = None,
) -> MotionIndex:
    """Encode recordings and make an index from them.

    Args:
        encoder (SkeletonEncoderInferencer): The encoder.
        inputs (Source): Arrays, files or recordings.
        layout (str | Mapping | Layout, optional): See :meth:`SkeletonInferencer.__call__`.
        fmt (str, optional): See :meth:`SkeletonInferencer.__call__`.
        split (str, optional): See :meth:`SkeletonInferencer.__call__`.

    Raises:
        InputError: If an input cannot be read, there are no recordings, or two recordings have the
            same name.
    """
    groups = encoder.recordings(inputs, layout, fmt, split)
    features = encoder(groups)
    if not len(features):
        raise InputError('there is no recording to make an index from')
    found = [getattr(group, 'classes', None) for group in groups]
    return MotionIndex(
        features.streams,
        features.names,
        features.labels,
        features.fields,
        next((x for x in found if x), encoder.recipe.classes),
        encoder.hashes,
        {'method': encoder.recipe.method, 'layout': encoder.recipe.layout.name},
    )
