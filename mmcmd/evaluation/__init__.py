from .knn import KNNMetric, knn_predict, knn_predict_streams
from .multi_stream_accuracy import MultiStreamAccuracy

__all__ = ['KNNMetric', 'MultiStreamAccuracy', 'knn_predict', 'knn_predict_streams']
