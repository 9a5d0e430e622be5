"""Use an encoder: arrays or files in, features, classes and neighbours out; see docs/use.md."""

from mmcmd.inference.classifier import ActionInferencer, Prediction
from mmcmd.inference.encoder import Features, SkeletonEncoderInferencer
from mmcmd.inference.reading import PickleRecordings, RecordingList, read_file
from mmcmd.inference.recordings import Recording, from_array
from mmcmd.inference.retriever import MotionRetriever, build_index

__all__ = [
    'ActionInferencer',
    'Features',
    'MotionRetriever',
    'PickleRecordings',
    'Prediction',
    'Recording',
    'RecordingList',
    'SkeletonEncoderInferencer',
    'build_index',
    'from_array',
    'read_file',
]
