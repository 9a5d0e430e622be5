"""Load the model and the gallery, while the page shows the progress."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmcmd.errors import InputError
from mmcmd.inference import ActionInferencer, PickleRecordings, SkeletonEncoderInferencer
from mmcmd.io.encoders import read_description
from mmcmd.io.publish import CLASSIFIER
from mmcmd.retrieval import MotionIndex
from mmcmd.serving.catalogue import FRAMES, Catalogue
from mmcmd.serving.uploads import UploadReader

_CHUNK = 32  # number of motions that are encoded between two messages


class NotReady(Exception):
    """The server is still loading, or loading failed; the message says which."""


class Loader:
    """Loads a catalogue in a separate thread.

    Args:
        checkpoint (str): Checkpoint of a training.
        gallery (Path): Annotation pickle of the motions to search in.
        cache (Path, optional): Folder for features and maps. Defaults to ``GALLERY.page``.
        split (str, optional): Name of a split of the gallery. Defaults to all motions.
        index (Path, optional): Index that ``tools/index.py`` built from the gallery.
        classifier (str, optional): Checkpoint of a classifier. Defaults to ``checkpoint``, if this
            is a classifier.
        device (str, optional): Device of the models. Defaults to the accelerator, if there is one.
        map_joints (str, optional): ``'nearest'`` uses the nearest joint for a joint of the encoder
            that a recording lacks, see :class:`mmcmd.datasets.transforms.MapLayout`.

    Attributes:
        state (str): ``'loading'``, ``'ready'`` or ``'failed'``.
        message (str): The current step, or the reason of a failure.
    """

    def __init__(
        self,
        checkpoint: str,
        gallery: Path,
        cache: Path | None = None,
        split: str | None = None,
        index: Path | None = None,
        classifier: str | None = None,
        device: str | None = None,
        map_joints: str | None = None,
    ) -> None:
        self._options = {'device': device, 'show_progress': False, 'map_joints': map_joints}
        self.checkpoint, self.gallery, self.split = str(checkpoint), Path(gallery), split
        self.cache = cache or self.gallery.with_name(f'{self.gallery.name}.page')
        self.index_folder, self.classifier = index, classifier
        self.state, self.message = 'loading', 'the model is being loaded'
        self._catalogue: Catalogue | None = None
        self._reader: UploadReader | None = None

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue.

        Raises:
            NotReady: If it is not loaded.
        """
        if self._catalogue is None:
            raise NotReady(self.message)
        return self._catalogue

    @property
    def reader(self) -> UploadReader:
        """The reader of uploads.

        Raises:
            NotReady: If it is not ready yet.
        """
        if self._reader is None or self._catalogue is None:
            raise NotReady(self.message)
        return self._reader

    def start(
        self,
        on_failure: Callable[[], Any] | None = None,
        on_success: Callable[[], Any] | None = None,
    ) -> threading.Thread:
        """Start the thread that loads.

        Args:
            on_failure (Callable, optional): Called if the checkpoint or the gallery cannot be used.
            on_success (Callable, optional): Called in the same thread when the server is ready.
        """
        thread = threading.Thread(target=self._load, args=(on_failure, on_success), daemon=True)
        thread.start()
        return thread

    def _load(
        self, on_failure: Callable[[], Any] | None, on_success: Callable[[], Any] | None
    ) -> None:
        try:
            self._catalogue = self._make_catalogue()
            if on_success is not None:
                on_success()
            self.state, self.message = 'ready', ''
            return
        except InputError as error:
            self.message = str(error)
        except Exception as error:
            self.message = f'the server failed to load: {error}'
            print_log(self.message, 'current', logging.ERROR)
        self.state = 'failed'
        if on_failure is not None:
            on_failure()

    def _make_catalogue(self) -> Catalogue:
        encoder = SkeletonEncoderInferencer(self.checkpoint, **self._options)
        classifier = self._classifier()
        self._reader = UploadReader(encoder.recipe.layout)
        threading.Thread(target=self._reader.warm_up, daemon=True).start()
        self.message = 'the gallery is being opened'
        gallery = PickleRecordings(self.gallery, self.split)
        if not len(gallery):
            raise InputError(f'{self.gallery} holds no motions')
        index = self._index(encoder, gallery)
        catalogue = Catalogue(encoder, index, gallery, self.cache / 'maps', classifier)
        catalogue.wrong(catalogue.streams[-1])  # the first list and map wait for it
        return catalogue

    def _classifier(self) -> ActionInferencer | None:
        source = self.classifier or self.checkpoint
        if self.classifier is None and read_description(source).get('method') != CLASSIFIER:
            return None
        return ActionInferencer(source, **self._options)

    def _index(self, encoder: SkeletonEncoderInferencer, gallery: PickleRecordings) -> MotionIndex:
        if self.index_folder is not None:
            index = MotionIndex.open(self.index_folder, encoder.hashes)
            if index.names != gallery.names:
                raise InputError(
                    f'{self.index_folder} is the index of other motions than those of '
                    f'{self.gallery}; build it again with `mmcmd index`, or leave --index out'
                )
            return index
        folder = self.cache / f'features-{"-".join(x[:8] for x in encoder.hashes.values())}'
        status = self.gallery.stat()
        facts = {'size': status.st_size, 'time': status.st_mtime_ns, 'split': self.split or ''}
        if folder.is_dir():
            try:
                index = MotionIndex.open(folder, encoder.hashes)
                if index.facts == facts:
                    return index
            except InputError:  # the stored index is damaged, so it is made again
                pass
        index = self._encode(encoder, gallery, facts)
        try:
            index.save(folder)
        except OSError as error:
            print_log(
                f'{folder} cannot be written, so the next start encodes the gallery again: {error}',
                'current',
                logging.WARNING,
            )
        return index

    def _encode(
        self, encoder: SkeletonEncoderInferencer, gallery: PickleRecordings, facts: dict[str, Any]
    ) -> MotionIndex:
        parts, labels, fields = [], [], []
        for first in range(0, len(gallery), _CHUNK):
            self.message = f'the gallery is being encoded: {first} of {len(gallery)} motions'
            chunk = [gallery[row] for row in range(first, min(first + _CHUNK, len(gallery)))]
            parts.append(encoder(chunk).streams)
            labels += [x.label for x in chunk]
            fields += [{FRAMES: x.num_frames} for x in chunk]
        vectors = {x: np.concatenate([part[x] for part in parts]) for x in parts[0]}
        classes = gallery.classes or encoder.recipe.classes
        return MotionIndex(
            vectors, gallery.names, np.array(labels), fields, classes, encoder.hashes, facts
        )
