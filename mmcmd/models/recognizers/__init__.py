from .feature_extractor import FeatureExtractor
from .skeleton_classifier import SkeletonClassifier

__all__ = ['FeatureExtractor', 'SkeletonClassifier']
