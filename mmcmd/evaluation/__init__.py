from .knn import KNNMetric, knn_predict
from .multi_stream_accuracy import MultiStreamAccuracy

__all__ = ['KNNMetric', 'MultiStreamAccuracy', 'knn_predict']
