from .feature_autoencoder import FeatureAutoEncoder
from .gallery import GalleryMetric
from .knn import KNNMetric, knn_predict, knn_predict_streams
from .multi_stream_accuracy import MultiStreamAccuracy
from .sequences import MiniRocketMetric, TimeWarpingMetric

__all__ = [
    'FeatureAutoEncoder',
    'GalleryMetric',
    'KNNMetric',
    'MiniRocketMetric',
    'MultiStreamAccuracy',
    'TimeWarpingMetric',
    'knn_predict',
    'knn_predict_streams',
]
