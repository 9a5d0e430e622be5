from .feature_autoencoder import FeatureAutoEncoder
from .knn import KNNMetric, knn_predict, knn_predict_streams
from .multi_stream_accuracy import MultiStreamAccuracy

__all__ = [
    'FeatureAutoEncoder',
    'KNNMetric',
    'MultiStreamAccuracy',
    'knn_predict',
    'knn_predict_streams',
]
