"""The motions of the page: those of the gallery, and the latest uploads."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from mmcmd.inference import Recording
from mmcmd.skeletons import Layout

FPS = 30.0
"""Frames per second of a motion whose file does not store this number."""
MOST_UPLOADS = 100
"""Number of uploaded motions that are kept. The one that was not used for longest is dropped."""


@dataclass(frozen=True)
class Motion:
    """One motion.

    Attributes:
        id (str): ``gN`` is row N of the gallery, ``uN`` the Nth upload.
        recording (Recording): Its coordinates and label.
        layout (Layout): Its joint layout.
        class_name (str): Name of its class; empty if it has none.
    """

    id: str
    recording: Recording
    layout: Layout
    class_name: str

    @property
    def fps(self) -> float:
        """Frames per second."""
        return float(self.recording.fields.get('fps') or FPS)


class UnknownMotion(KeyError):
    """There is no motion with this id, or it was dropped."""


class Motions:
    """All motions by id.

    Args:
        gallery (Sequence[Recording]): Recordings, read one by one.
        class_names (Sequence[str]): Name of the class of each recording.
        layout (Layout): Joint layout of the gallery.
        encoder_layout (Layout): Joint layout of the encoder.
    """

    def __init__(
        self,
        gallery: Sequence[Recording],
        class_names: Sequence[str],
        layout: Layout,
        encoder_layout: Layout,
    ) -> None:
        self.gallery, self.class_names, self.layout = gallery, class_names, layout
        self.encoder_layout = encoder_layout
        self._uploads: OrderedDict[str, Motion] = OrderedDict()
        self._count = 0
        self._lock = threading.Lock()

    def row(self, motion_id: str) -> int | None:
        """Return the row of a motion of the gallery; None for an upload.

        Raises:
            UnknownMotion: If there is no such row.
        """
        if not motion_id.startswith('g'):
            return None
        number = motion_id[1:]
        if not (number.isascii() and number.isdecimal() and len(number) < 10):
            raise UnknownMotion(motion_id)
        if int(number) >= len(self.gallery):
            raise UnknownMotion(motion_id)
        return int(number)

    def get(self, motion_id: str) -> Motion:
        """Return a motion.

        Raises:
            UnknownMotion: If there is no motion with this id.
        """
        row = self.row(motion_id)
        if row is not None:
            recording = self.gallery[row]
            return Motion(f'g{row}', recording, self.layout, self.class_names[row])
        with self._lock:
            if motion_id not in self._uploads:
                raise UnknownMotion(motion_id)
            self._uploads.move_to_end(motion_id)
            return self._uploads[motion_id]

    def add(self, recording: Recording, class_name: str = '') -> Motion:
        """Keep an uploaded motion.

        Args:
            recording (Recording): If it has no layout, the layout of the encoder is used.
            class_name (str): Name of its class.
        """
        with self._lock:
            self._count += 1
            layout = recording.layout or self.encoder_layout
            motion = Motion(f'u{self._count}', recording, layout, class_name)
            self._uploads[motion.id] = motion
            while len(self._uploads) > MOST_UPLOADS:
                self._uploads.popitem(last=False)
        return motion
