"""Turn arrays or files into features, classes and neighbours with an encoder; see docs/use.md."""

from mmcmd.inference.classifier import ActionInferencer, Prediction
from mmcmd.inference.encoder import Features, SkeletonEncoderInferencer
from mmcmd.inference.localizer import Match, MotionLocalizer, label_timeline
from mmcmd.inference.reading import read_file
from mmcmd.inference.recordings import Recording, from_array
from mmcmd.inference.retriever import MotionRetriever, build_index
from mmcmd.inference.sources import PickleRecordings, RecordingList
from mmcmd.inference.windows import Windows, encode_windows, sliding_windows, suppress

__all__ = [
    'ActionInferencer',
    'Features',
    'Match',
    'MotionLocalizer',
    'MotionRetriever',
    'PickleRecordings',
    'Prediction',
    'Recording',
    'RecordingList',
    'SkeletonEncoderInferencer',
    'Windows',
    'build_index',
    'encode_windows',
    'from_array',
    'label_timeline',
    'read_file',
    'sliding_windows',
    'suppress',
]
